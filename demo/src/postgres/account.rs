//! The account the server runs under, since PostgreSQL refuses to run as root.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use super::error::{Doing, Result};

/// The uid and gid of nobody where nobody has a name.
const UNNAMED: (u32, u32) = (65_534, 65_534);

/// A user and group of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// True when this process is root and becomes the account to run something.
    pub(super) switched: bool,
}

impl Account {
    /// Our own account; for root the owner of `existing`, else `postgres`, else `nobody`.
    pub(super) fn choose(existing: Option<&Path>) -> Result<Self> {
        let uid = rustix::process::getuid().as_raw();
        if uid != 0 {
            let gid = rustix::process::getgid().as_raw();
            return Ok(Self {
                uid,
                gid,
                switched: false,
            });
        }
        if let Some(owner) = existing.and_then(owner) {
            return Ok(owner);
        }
        let passwd = read_passwd()?;
        let (uid, gid) = find_user(&passwd, "postgres")
            .or_else(|| find_user(&passwd, "nobody"))
            .unwrap_or(UNNAMED);
        Ok(Self {
            uid,
            gid,
            switched: true,
        })
    }

    /// Whose data root takes up again where anybody may leave some: its own and its stand-ins'.
    pub(super) fn trusted_by_root() -> Result<Vec<u32>> {
        let passwd = read_passwd()?;
        let named = ["postgres", "nobody"].map(|name| find_user(&passwd, name));
        let users = named.into_iter().flatten().chain([(0, 0), UNNAMED]);
        Ok(users.map(|(uid, _)| uid).collect())
    }

    /// `program`, to be run under the account and apart from our terminal's signals.
    ///
    /// The environment is emptied of everything that steers PostgreSQL; the working directory is
    /// one the account may enter.
    pub(super) fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C goes to the whole foreground group; the database must outlive the drain.
            .process_group(0);
        if self.switched {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Runs `script` with `arguments` as `$1`…; true when it succeeds.
    pub(super) fn shell(self, script: &str, arguments: &[&str]) -> bool {
        let mut command = self.command("/bin/sh");
        command.args(["-c", script, "sh"]).args(arguments);
        command.status().is_ok_and(|status| status.success())
    }

    /// Makes the account the owner of `path`, which only it may enter from now on.
    #[expect(
        clippy::disallowed_methods,
        reason = "no request is served by this thread"
    )]
    pub(super) fn take(self, path: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let doing = || format!("give {} to the database's account", path.display());
        if self.switched {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).doing(doing)?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).doing(doing)
    }
}

/// Who owns `path`, unless it is root or nothing is there.
#[expect(
    clippy::disallowed_methods,
    reason = "no request is served by this thread"
)]
fn owner(path: &Path) -> Option<Account> {
    let metadata = fs::symlink_metadata(path).ok()?;
    let (uid, gid) = (metadata.uid(), metadata.gid());
    (uid != 0).then_some(Account {
        uid,
        gid,
        switched: true,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "no request is served by this thread"
)]
fn read_passwd() -> Result<String> {
    fs::read_to_string("/etc/passwd").doing(|| "read /etc/passwd".to_owned())
}

/// The uid and gid of `name` in the text of /etc/passwd.
fn find_user(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::find_user;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:\npostgres:x:105:113::/:\n";
        assert_eq!(find_user(passwd, "postgres"), Some((105, 113)));
        assert_eq!(find_user(passwd, "nobody"), None);
        assert_eq!(find_user("postgres:x:oops", "postgres"), None);
    }
}
