//! The server process, and the watchdog beside it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{Mode, OFlags};

use super::{
    data::PidFile,
    error::{ClusterError, Doing, Result},
    lifeline::{self, Lifeline},
    place::Place,
    programs::Programs,
};

/// Recovery after a crash replays what was written since the last checkpoint.
const START_TIMEOUT: Duration = Duration::from_mins(2);
/// The watchdog turns to SIGQUIT after ten seconds.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// What holds only while no data can be lost that somebody wants.
///
/// Not `synchronous_commit=off`: without fsync it gains little, and a test that kills the server
/// would lose its last commits.
const THROWAWAY: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "max_connections=300",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off", // its workers would be in the way of cloning databases
];

/// What always holds.
const ALWAYS: &[&str] = &[
    "listen_addresses=",
    "port=5432", // only the socket's name
    "unix_socket_permissions=0700",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_min_messages=warning",
    "log_line_prefix=%m [%p] %d ",
];

/// How a cluster treats its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Every commit is on the disk.
    Durable,
    /// The directory goes with the process.
    Throwaway,
}

/// Starts the script that stops the server when `lifeline`'s writers are gone.
pub(super) fn watch(place: &Place, keeping: Keeping) -> Result<(Lifeline, Child)> {
    let (lifeline, reader) = Lifeline::create(&lifeline::path(&place.root))?;
    let (signal, remove) = match keeping {
        Keeping::Durable => ("INT", PathBuf::new()),
        Keeping::Throwaway => ("QUIT", place.root.clone()),
    };
    let mut watchdog = place.account.command("/bin/sh");
    watchdog
        .args(["-c", include_str!("watchdog.sh"), "claimcheck-watchdog"])
        .arg(&place.data().0)
        .args([signal.as_ref(), remove.as_os_str()])
        .stdin(reader);
    let watchdog = watchdog.spawn().doing(|| "start /bin/sh".to_owned())?;
    Ok((lifeline, watchdog))
}

/// Starts the server and waits until it takes connections.
pub(super) fn start(
    programs: &Programs,
    place: &Place,
    keeping: Keeping,
    lifeline: &mut Lifeline,
) -> Result<Child> {
    let log = create_log(&place.log()).doing(|| format!("write {}", place.log().display()))?;
    let mut postgres = place.account.command(programs.postgres());
    postgres.arg("-D").arg(&place.data().0);
    let directory = place.socket_directory()?;
    postgres.args([
        "-c",
        &format!("unix_socket_directories={}", directory.display()),
    ]);
    for setting in ALWAYS {
        postgres.args(["-c", setting]);
    }
    if keeping == Keeping::Throwaway {
        for setting in THROWAWAY {
            postgres.args(["-c", setting]);
        }
    }
    let copy = log.try_clone().doing(|| "use the log twice".to_owned())?;
    postgres.stdout(Stdio::from(copy)).stderr(Stdio::from(log));

    let mut server = postgres.spawn().doing(|| "start postgres".to_owned())?;
    lifeline.name_server(server.id())?;
    let started = Instant::now();
    while started.elapsed() < START_TIMEOUT {
        if let Ok(Some(_)) = server.try_wait() {
            return Err(ClusterError::Program {
                program: "postgres",
                output: tail(place),
            });
        }
        let is_ready = |file: PidFile| file.pid == server.id() && file.ready;
        if place.data().pid_file().is_some_and(is_ready) {
            return Ok(server);
        }
        thread::sleep(POLL);
    }
    Err(ClusterError::Slow("start"))
}

/// An empty log; a link in its place is not followed, for root would empty what it leads to.
fn create_log(path: &Path) -> rustix::io::Result<File> {
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map(File::from)
}

/// The end of the server's log.
#[expect(
    clippy::disallowed_methods,
    reason = "no request is served by this thread"
)]
fn tail(place: &Place) -> String {
    let text = fs::read(place.log()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(12)..)
        .unwrap_or_default()
        .join("\n")
}

/// Waits until no server runs on the data; false when that takes too long.
pub(super) fn wait_until_gone(place: &Place, server: Option<&mut Child>) -> bool {
    let started = Instant::now();
    let mut server = server;
    while started.elapsed() < STOP_TIMEOUT {
        let reaped = match &mut server {
            Some(child) => child.try_wait().is_ok_and(|ended| ended.is_some()),
            None => true,
        };
        if reaped && place.data().running().is_none() {
            return true;
        }
        thread::sleep(POLL);
    }
    false
}

/// Sends `signal` to the process, as the account that runs it.
pub(super) fn signal(place: &Place, signal: &str, pid: u32) -> bool {
    place
        .account
        .shell("kill \"-$1\" \"$2\"", &[signal, &pid.to_string()])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    #![expect(clippy::disallowed_methods, reason = "a test may block")]
    use super::*;

    #[test]
    fn a_log_that_is_a_link_is_not_written() {
        let name = format!("demo-log-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        let (kept, log) = (directory.join("kept"), directory.join("log"));
        fs::write(&kept, "kept").unwrap();
        std::os::unix::fs::symlink(&kept, &log).unwrap();

        let refused = create_log(&log).is_err();
        let text = fs::read_to_string(&kept).unwrap();
        fs::remove_file(&log).unwrap();
        let made = create_log(&log).is_ok();
        fs::remove_dir_all(&directory).unwrap();

        assert!(refused);
        assert_eq!(text, "kept");
        assert!(made);
    }
}
