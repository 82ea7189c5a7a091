//! Caddy: bytes alone.

use std::{fs, net::SocketAddr};

use super::{Server, free_address, get, installed};
use crate::{
    cores::Cores,
    stage::{Stage, StoredFile},
};

const CONFIGURATION: &str = "
{
	admin off
	auto_https off
}
http://LISTEN {
	bind 127.0.0.1
	respond /ready 200
	root * FOLDER/files
	file_server
}
";

pub(crate) fn start(stage: &Stage, cores: Cores) -> anyhow::Result<Server> {
    let program = installed("caddy", "caddy")?;
    let address = free_address()?;
    let folder = stage.folder.display().to_string();
    let configuration = stage.folder.join("Caddyfile");
    let text = CONFIGURATION
        .replace("LISTEN", &address.to_string())
        .replace("FOLDER", &folder);
    fs::write(&configuration, text)?;
    let command = [
        "GOMAXPROCS=1".to_owned(),
        format!("HOME={folder}"),
        format!("XDG_DATA_HOME={folder}"),
        format!("XDG_CONFIG_HOME={folder}"),
        program.display().to_string(),
        "run".to_owned(),
        "--adapter".to_owned(),
        "caddyfile".to_owned(),
        "--config".to_owned(),
        configuration.display().to_string(),
    ];
    let log = stage.folder.join("caddy.log");
    Server::start(cores, address, &command, &log, "/ready")
}

pub(crate) fn plain(address: SocketAddr) -> impl Fn(&StoredFile) -> String {
    move |file| get(address, &format!("/{}", file.path()))
}
