//! The data directory: how it is made, and what its files say about the server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{
    account::Account,
    error::{ClusterError, Doing, Result},
    programs::Programs,
};

/// Locales whose rules fold and classify letters beyond ASCII, in any script.
///
/// Under `C` PostgreSQL leaves `Ä` out of lower(), text search and trigrams. The second is for
/// systems that lack the first.
const LOCALES: [&str; 2] = ["C.UTF-8", "en_US.UTF-8"];

/// The data directory of one cluster.
#[derive(Clone, Debug)]
pub(super) struct DataDirectory(pub(super) PathBuf);

impl DataDirectory {
    /// The major version that made it; `None` when it has not been made.
    #[expect(
        clippy::disallowed_methods,
        reason = "no request is served by this thread"
    )]
    pub(super) fn version(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.join("PG_VERSION")).ok()?;
        Some(text.trim().to_owned())
    }

    /// Makes it with `initdb`, complete or not at all.
    #[expect(
        clippy::disallowed_methods,
        reason = "no request is served by this thread"
    )]
    pub(super) fn make(&self, programs: &Programs, account: Account, durable: bool) -> Result<()> {
        // A name of our own: the initdb of a process that was killed may still be writing.
        let unfinished = self.0.with_extension(std::process::id().to_string());
        let mut output = String::new();
        for locale in LOCALES {
            self.remove_unfinished()?;
            let mut initdb = account.command(programs.initdb());
            initdb
                .args(["--encoding=UTF8", "--auth=trust", "--username=postgres"])
                .args([&format!("--locale={locale}"), "--no-instructions"])
                .arg("--pgdata")
                .arg(&unfinished)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            if !durable {
                initdb.arg("--no-sync");
            }
            let ended = initdb.output().doing(|| "run initdb".to_owned())?;
            if ended.status.success() {
                return fs::rename(&unfinished, &self.0)
                    .doing(|| format!("rename {}", unfinished.display()));
            }
            output = String::from_utf8_lossy(&ended.stderr).into_owned();
        }
        Err(ClusterError::Program {
            program: "initdb",
            output,
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "no request is served by this thread"
    )]
    fn remove_unfinished(&self) -> Result<()> {
        let root = self.0.parent().unwrap_or(&self.0);
        let doing = || format!("clear {}", root.display());
        for entry in fs::read_dir(root).doing(doing)? {
            let entry = entry.doing(doing)?;
            if entry.file_name().to_string_lossy().starts_with("data.") {
                fs::remove_dir_all(entry.path()).doing(doing)?;
            }
        }
        Ok(())
    }

    /// Refuses data that the programs cannot read.
    pub(super) fn check_version(&self, programs: &Programs, account: Account) -> Result<()> {
        let Some(made_by) = self.version() else {
            return Ok(());
        };
        let mut postgres = account.command(programs.postgres());
        let ended = postgres
            .arg("--version")
            .stdout(Stdio::piped())
            .output()
            .doing(|| format!("run {}", programs.postgres().display()))?;
        // "postgres (PostgreSQL) 15.18 (Debian …)"
        let text = String::from_utf8_lossy(&ended.stdout).into_owned();
        let version = text.split(") ").nth(1).unwrap_or_default();
        let found = version
            .split(['.', ' ', 'b', 'r'])
            .next()
            .unwrap_or_default()
            .trim();
        if found == made_by {
            return Ok(());
        }
        let found = if found.is_empty() {
            "unknown".to_owned()
        } else {
            found.to_owned()
        };
        Err(ClusterError::OtherVersion {
            place: self.0.clone(),
            made_by,
            found,
        })
    }

    /// What a server that runs on the data has written about itself.
    #[expect(
        clippy::disallowed_methods,
        reason = "no request is served by this thread"
    )]
    pub(super) fn pid_file(&self) -> Option<PidFile> {
        PidFile::parse(&fs::read_to_string(self.0.join("postmaster.pid")).ok()?)
    }

    /// The process id of a server that runs on the data right now.
    pub(super) fn running(&self) -> Option<PidFile> {
        self.pid_file().filter(|file| self.is_served_by(file))
    }

    /// After a crash the file stays behind, and its number may mean another process by now.
    fn is_served_by(&self, file: &PidFile) -> bool {
        if Path::new("/proc/self/cwd").exists() {
            // PostgreSQL works in its data directory.
            #[expect(
                clippy::disallowed_methods,
                reason = "no request is served by this thread"
            )]
            let data = fs::canonicalize(&self.0);
            let works_in = fs::read_link(format!("/proc/{}/cwd", file.pid));
            return works_in
                .ok()
                .is_some_and(|directory| data.is_ok_and(|data| data == directory));
        }
        std::os::unix::net::UnixStream::connect(socket(&file.socket_directory)).is_ok()
    }
}

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    pub(super) socket_directory: PathBuf,
    pub(super) ready: bool,
}

impl PidFile {
    /// Lines: pid, data directory, start, port, socket directory, address, memory, status.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let socket_directory = lines.nth(3).unwrap_or_default().into();
        let ready = lines.nth(2).is_some_and(|status| status.trim() == "ready");
        Some(Self {
            pid,
            socket_directory,
            ready,
        })
    }
}

/// The server's socket in `directory`.
pub(super) fn socket(directory: &Path) -> PathBuf {
    directory.join(".s.PGSQL.5432")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::PidFile;

    #[test]
    fn a_pid_file_is_read_line_by_line() {
        let text = "4711\n/d/data\n1700000000\n5432\n/d/run\n\n  5432001  12\nready   \n";
        let file = PidFile::parse(text).unwrap();
        assert_eq!(file.pid, 4711);
        assert_eq!(file.socket_directory.to_str(), Some("/d/run"));
        assert!(file.ready);
    }

    #[test]
    fn a_pid_file_that_is_being_written_is_not_ready() {
        assert!(!PidFile::parse("4711\n/d/data\n17").unwrap().ready);
        assert_eq!(PidFile::parse(""), None);
    }
}
