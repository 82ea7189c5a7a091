//! Servers that do no more than must be done: this same program, in processes of their own.

use std::{net::SocketAddr, path::Path};

use super::{Server, free_address, get};
use crate::{cores::Cores, options::Limit, stage::Stage};

/// Starts the server of that limit; `file` is what it sends, or the keys it verifies with.
pub(crate) fn start(
    stage: &Stage,
    cores: Cores,
    limit: Limit,
    file: &Path,
) -> anyhow::Result<Server> {
    let address = free_address()?;
    let name = format!("{limit:?}").to_lowercase();
    let command = [
        std::env::current_exe()?.display().to_string(),
        format!("--listen={address}"),
        format!("--limit={name}"),
        format!("--file={}", file.display()),
    ];
    let log = stage.folder.join(format!("{name}.log"));
    Server::start(cores, address, &command, &log, "/ready")
}

/// Asks the `sendfile` loop to send pieces of `chunk` bytes, with at most `lowat` bytes waiting in
/// the socket that are not yet on their way; 0 leaves that to the kernel.
pub(crate) fn sendfile(address: SocketAddr, chunk: usize, lowat: u32) -> String {
    get(address, &format!("/{chunk}/{lowat}"))
}
