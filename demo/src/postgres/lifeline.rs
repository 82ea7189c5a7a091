//! The pipe whose end tells the watchdog that nobody uses the server any more.
//!
//! A named pipe: every process that uses the server holds it open for writing, the watchdog alone
//! reads it. The kernel ends it with the last writer, however that one dies.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    io::Errno,
};

use super::error::{ClusterError, Doing, Result};

/// One process's hold on the server.
#[derive(Debug)]
pub(super) struct Lifeline(File);

impl Lifeline {
    /// Makes the pipe at `path`; its other end is the watchdog's standard input.
    #[expect(
        clippy::disallowed_methods,
        reason = "no request is served by this thread"
    )]
    pub(super) fn create(path: &Path) -> Result<(Self, File)> {
        let doing = || format!("make the pipe {}", path.display());
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).doing(doing);
            }
            _ => {}
        }
        // The program, since no safe function makes one on every system.
        let made = Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(path)
            .status()
            .doing(doing)?;
        if !made.success() {
            return Err(io::Error::other("mkfifo failed")).doing(doing);
        }
        // Opened for reading first, without waiting: a writer would wait for a reader.
        let reader = open(path, OFlags::RDONLY).doing(doing)?;
        let writer = open(path, OFlags::WRONLY).doing(doing)?;
        for end in [&reader, &writer] {
            rustix::fs::fcntl_setfl(end, OFlags::empty()).doing(doing)?;
        }
        Ok((Self(writer), reader))
    }

    /// Takes hold of a running server; `None` when nobody watches it or it is being stopped.
    pub(super) fn join(path: &Path) -> Result<Option<Self>> {
        let doing = || format!("open the pipe {}", path.display());
        let writer = match open(path, OFlags::WRONLY) {
            Err(Errno::NOENT | Errno::NXIO) => return Ok(None),
            opened => opened.doing(doing)?,
        };
        let mut lifeline = Self(writer);
        // The watchdog may have seen the end already. Once it has read this line it can see no
        // end before we let go.
        if lifeline.0.write_all(b"join\n").is_err() {
            return Ok(None);
        }
        for _ in 0..200 {
            match lifeline.unread() {
                Ok(0) => return Ok(Some(lifeline)),
                Ok(_) if lifeline.is_abandoned() => return Ok(None),
                Ok(_) => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(error).doing(doing),
            }
        }
        Err(ClusterError::Slow("let this process join"))
    }

    /// Tells the watchdog which process to stop.
    pub(super) fn name_server(&mut self, pid: u32) -> Result<()> {
        writeln!(self.0, "{pid}").doing(|| "write to the watchdog".to_owned())
    }

    fn unread(&self) -> io::Result<u64> {
        Ok(rustix::io::ioctl_fionread(&self.0)?)
    }

    /// True when no reader is left.
    fn is_abandoned(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let polled = poll(&mut fds, Some(&at_once));
        polled.is_ok() && fds.iter().any(|fd| fd.revents().contains(PollFlags::ERR))
    }
}

fn open(path: &Path, access: OFlags) -> rustix::io::Result<File> {
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::openat(CWD, path, flags, Mode::empty()).map(File::from)
}

/// Where the pipe of the cluster in `root` is.
pub(super) fn path(root: &Path) -> PathBuf {
    root.join("lifeline")
}
