//! nginx: bytes by `sendfile`, and small files behind `secure_link`.

use std::{fs, net::SocketAddr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use md5::{Digest, Md5};

use super::{Server, free_address, get, installed};
use crate::{
    cores::Cores,
    signer::unix_secs,
    stage::{Stage, StoredFile},
};

/// One worker. `/plain/` has the defaults around `sendfile on`; `/tuned/` sends in the pieces that
/// were quickest on the machine this was written on; `/secure/` checks an MD5 and a time.
///
/// Without `keepalive_requests` nginx closes a connection after a thousand requests.
const CONFIGURATION: &str = r#"
USER
worker_processes 1;
worker_rlimit_nofile 8192;
daemon off;
pid FOLDER/nginx.pid;
error_log FOLDER/nginx-error.log;
events { worker_connections 4096; }
http {
  access_log off;
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_body_temp_path FOLDER/nginx-body;
  proxy_temp_path FOLDER/nginx-proxy;
  fastcgi_temp_path FOLDER/nginx-fastcgi;
  uwsgi_temp_path FOLDER/nginx-uwsgi;
  scgi_temp_path FOLDER/nginx-scgi;
  server {
    listen LISTEN;
    location = /ready { return 200; }
    location /plain/ { alias FOLDER/files/; }
    location /tuned/ { alias FOLDER/files/; sendfile_max_chunk 128k; open_file_cache max=2000; }
    location /secure/ {
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri SECRET";
      if ($secure_link = "") { return 403; }
      if ($secure_link = "0") { return 410; }
      alias FOLDER/files/;
    }
  }
}
"#;

const SECRET: &str = "a secret of this run";

/// How long its links are good, as ours.
const LINK_SECS: i64 = 300;

pub(crate) fn start(stage: &Stage, cores: Cores) -> anyhow::Result<Server> {
    let program = installed("nginx", "nginx-light")?;
    let address = free_address()?;
    let folder = stage.folder.display().to_string();
    // Its worker would be somebody who may not read the files; only root has a choice.
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let text = CONFIGURATION
        .replace("USER", user)
        .replace("FOLDER", &folder)
        .replace("LISTEN", &address.to_string())
        .replace("SECRET", SECRET);
    let configuration = stage.folder.join("nginx.conf");
    fs::write(&configuration, text)?;
    let command = [
        program.display().to_string(),
        "-e".to_owned(),
        format!("{folder}/nginx-error.log"),
        "-c".to_owned(),
        configuration.display().to_string(),
    ];
    let log = stage.folder.join("nginx.log");
    Server::start(cores, address, &command, &log, "/ready")
}

/// Asks for a file with nothing to check, under `/plain/` or `/tuned/`.
pub(crate) fn plain(address: SocketAddr, under: &str) -> impl Fn(&StoredFile) -> String {
    let under = under.to_owned();
    move |file| get(address, &format!("/{under}/{}", file.path()))
}

/// Asks with a link of its own that ends.
pub(crate) fn secure(address: SocketAddr) -> impl Fn(&StoredFile) -> String {
    move |file| {
        let path = format!("/secure/{}", file.path());
        let expires = unix_secs() + LINK_SECS;
        let sum = Md5::digest(format!("{expires}{path} {SECRET}"));
        let sum = URL_SAFE_NO_PAD.encode(sum);
        get(address, &format!("{path}?md5={sum}&expires={expires}"))
    }
}
