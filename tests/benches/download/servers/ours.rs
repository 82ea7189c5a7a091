//! The download server, as it is released, with one worker.

use std::path::PathBuf;

use anyhow::{Context, ensure};

use super::{Server, free_address};
use crate::{
    cores::Cores,
    signer::{ISSUER, Signer},
    stage::Stage,
};

/// Starts it with keys from a file, so that it needs no shop; its log goes to a file.
///
/// `name` keeps several apart; `log_filter` is `RUST_LOG`, "info" where nobody says otherwise.
pub(crate) fn start(
    stage: &Stage,
    cores: Cores,
    signer: &Signer,
    name: &str,
    log_filter: &str,
) -> anyhow::Result<Server> {
    let address = free_address()?;
    let command = [
        format!("DOWNLOAD_LISTEN={address}"),
        format!("DOWNLOAD_URL=http://{address}"),
        format!("ISSUER={ISSUER}"),
        format!("JWKS_FILE={}", signer.jwks.display()),
        format!("FILES_URL=file://{}", stage.files().display()),
        "WORKERS=1".to_owned(),
        format!("RUST_LOG={log_filter}"),
        program()?.display().to_string(),
        "serve".to_owned(),
    ];
    let log = stage.folder.join(format!("{name}.log"));
    Server::start(cores, address, &command, &log, "/readyz")
}

/// What cargo built beside this program.
fn program() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(|deps| deps.parent());
    let program = folder.context("no folder")?.join("download-server");
    ensure!(
        program.is_file(),
        "the download-server is not built: make bench-download does it"
    );
    Ok(program)
}
