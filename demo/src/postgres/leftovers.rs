//! What processes leave behind when they are killed together with their watchdogs.
#![expect(
    clippy::disallowed_methods,
    reason = "no request is served by this thread"
)]

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
};

use super::{
    data::DataDirectory,
    error::{ClusterError, Doing, Result},
    place::{Place, TEMPORARY_PREFIX, temporary_bases},
    server,
};

/// Stops a server whose watchdog was killed too, and waits for one that is being stopped.
pub(super) fn stop_orphan(place: &Place) -> Result<()> {
    let Some(file) = place.data().running() else {
        return forget(&place.data());
    };
    server::signal(place, "INT", file.pid);
    if server::wait_until_gone(place, None) {
        return forget(&place.data());
    }
    server::signal(place, "QUIT", file.pid);
    if server::wait_until_gone(place, None) {
        return forget(&place.data());
    }
    Err(ClusterError::Slow("stop"))
}

/// Removes the file of a server that runs no more: its number may be another process's by now,
/// and PostgreSQL would refuse to start beside it.
fn forget(data: &DataDirectory) -> Result<()> {
    let path = data.0.join("postmaster.pid");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).doing(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes temporary clusters whose processes were killed together with their watchdogs.
pub(super) fn sweep(own: &Place) {
    let entries = temporary_bases(own.account)
        .into_iter()
        .filter_map(|base| fs::read_dir(base).ok())
        .flat_map(Iterator::flatten);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let unfinished = format!("{TEMPORARY_PREFIX}new-");
        let ours = entry
            .metadata()
            .is_ok_and(|found| found.is_dir() && found.uid() == own.account.uid);
        if !ours || !name.starts_with(TEMPORARY_PREFIX) || name.starts_with(&unfinished) {
            continue;
        }
        let place = Place {
            root: entry.path(),
            account: own.account,
        };
        let Ok(users) = File::open(place.root.join("users.lock")) else {
            continue;
        };
        if users.try_lock().is_ok() && stop_orphan(&place).is_ok() {
            // A watchdog that is at it, too, is welcome to be faster.
            let _ = fs::remove_dir_all(&place.root);
        }
    }
}
