//! Which directories a cluster lives in.

use std::{
    env, fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    account::Account,
    data::{DataDirectory, socket},
    error::{ClusterError, Doing, Result},
};

/// A unix socket's path has at most 108 bytes on Linux, 104 on macOS.
const LONGEST_SOCKET: usize = 100;

/// A cluster's own directory and the account it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    pub(super) account: Account,
}

impl Place {
    /// `wanted`, or where the account cannot enter that, a directory that survives a reboot.
    #[expect(
        clippy::disallowed_methods,
        reason = "no request is served by this thread"
    )]
    pub(super) fn durable(wanted: &Path) -> Result<Self> {
        fs::create_dir_all(wanted).doing(|| format!("make the directory {}", wanted.display()))?;
        let wanted = fs::canonicalize(wanted).doing(|| format!("find {}", wanted.display()))?;
        let account = Account::choose(None)?;
        if !account.switched {
            return Self::new(wanted, account);
        }
        let short = short_name(&wanted);
        let candidates = [
            wanted,
            Path::new("/var/lib").join(&short),
            Path::new("/var/tmp").join(&short),
        ];

        // Anybody may have made something of that name in the others, and would be our database.
        let [wanted, ..] = &candidates;
        let trusted = Account::trusted_by_root()?;
        let existing = candidates.iter().find(|root| {
            (*root == wanted || belongs_to(root, &trusted)) && data(root).version().is_some()
        });
        let account = Account::choose(existing.map(|root| root.join("data")).as_deref())?;
        let usable = |root: &&PathBuf| {
            is_reachable(account, root.parent().unwrap_or(root)) && make_own(account, root).is_ok()
        };
        let chosen = existing.into_iter().chain(&candidates).find(usable);
        let root = chosen.ok_or_else(|| ClusterError::NoPlace(account.uid.to_string()))?;
        Self::new(root.clone(), account)
    }

    /// A new directory in the system's temporary place.
    ///
    /// `suffix` tells it from those of other processes.
    pub(super) fn temporary(suffix: &str) -> Result<Self> {
        let account = Account::choose(None)?;
        let bases = temporary_bases(account);
        let base = bases
            .first()
            .ok_or_else(|| ClusterError::NoPlace(account.uid.to_string()))?;
        let root = base.join(format!("{TEMPORARY_PREFIX}{suffix}"));
        make_own(account, &root).doing(|| format!("make the directory {}", root.display()))?;
        Self::new(root, account)
    }

    fn new(root: PathBuf, account: Account) -> Result<Self> {
        account.take(&root)?;
        Ok(Self { root, account })
    }

    pub(super) fn data(&self) -> DataDirectory {
        data(&self.root)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The directory of the server's socket: here, or under a short name when here is too deep.
    pub(super) fn socket_directory(&self) -> Result<PathBuf> {
        let here = self.root.join("run");
        let directory = if socket(&here).as_os_str().len() <= LONGEST_SOCKET {
            here
        } else {
            let bases = temporary_bases(self.account);
            let base = bases.first();
            base.ok_or_else(|| ClusterError::NoPlace(self.account.uid.to_string()))?
                .join(short_name(&self.root))
        };
        make_own(self.account, &directory)
            .doing(|| format!("make the directory {}", directory.display()))?;
        Ok(directory)
    }
}

/// What the names of temporary clusters begin with.
pub(super) const TEMPORARY_PREFIX: &str = "claimcheck-pg-";

/// Where temporary clusters and sockets may lie, best first.
pub(super) fn temporary_bases(account: Account) -> Vec<PathBuf> {
    let fixed = ["/tmp", "/var/tmp"].map(PathBuf::from);
    std::iter::once(env::temp_dir())
        .chain(fixed)
        .filter(|base| socket(&base.join(short_name(base))).as_os_str().len() <= LONGEST_SOCKET)
        .filter(|base| is_reachable(account, base))
        .collect()
}

fn data(root: &Path) -> DataDirectory {
    DataDirectory(root.join("data"))
}

/// True when `root` and the data in it are directories of one of `owners`.
#[expect(
    clippy::disallowed_methods,
    reason = "no request is served by this thread"
)]
fn belongs_to(root: &Path, owners: &[u32]) -> bool {
    [root, &data(root).0].into_iter().all(|directory| {
        fs::symlink_metadata(directory)
            .is_ok_and(|found| found.is_dir() && owners.contains(&found.uid()))
    })
}

/// A name that stands for a long path, the same at every start.
fn short_name(path: &Path) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    use std::os::unix::ffi::OsStrExt;
    let hash = digest(&SHA256, path.as_os_str().as_bytes());
    let start = hash.as_ref().first_chunk().copied().unwrap_or_default();
    format!("claimcheck-{:016x}", u64::from_be_bytes(start))
}

fn is_reachable(account: Account, directory: &Path) -> bool {
    directory
        .to_str()
        .is_some_and(|directory| account.shell("cd -- \"$1\"", &[directory]))
}

/// Makes `directory` for the account alone; one that somebody else made is refused.
#[expect(
    clippy::disallowed_methods,
    reason = "no request is served by this thread"
)]
fn make_own(account: Account, directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(directory)?;
    let ours = found.uid() == account.uid || found.uid() == rustix::process::getuid().as_raw();
    if !found.is_dir() || !ours {
        return Err(io::Error::other(
            "it is there already and belongs to somebody else",
        ));
    }
    account.take(directory).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    #![expect(clippy::disallowed_methods, reason = "a test may block")]
    use super::*;

    /// A directory of its own, gone when dropped.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("demo-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn data_that_somebody_else_prepared_is_not_ours() {
        let scratch = Scratch::new("owners");
        let (root, linked) = (scratch.0.join("root"), scratch.0.join("linked"));
        fs::create_dir_all(root.join("data")).unwrap();
        fs::create_dir(&linked).unwrap();
        std::os::unix::fs::symlink(root.join("data"), linked.join("data")).unwrap();
        let own = fs::metadata(&root).unwrap().uid();

        assert!(belongs_to(&root, &[own]));
        assert!(!belongs_to(&root, &[own + 1]));
        assert!(!belongs_to(&linked, &[own]), "the data lies elsewhere");
        assert!(!belongs_to(&scratch.0, &[own]), "there is no data");
    }

    /// Says something only when root runs it: nobody else's data is looked for in shared places.
    #[test]
    fn root_passes_by_a_database_that_a_user_left_in_a_shared_place() {
        const SOMEBODY: u32 = 54_321;
        if !rustix::process::getuid().is_root() {
            return;
        }
        let scratch = Scratch::new("shared");
        let wanted = fs::canonicalize(&scratch.0).unwrap();
        let trap = Scratch(Path::new("/var/tmp").join(short_name(&wanted)));
        let data = trap.0.join("data");
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("PG_VERSION"), "17").unwrap();
        for path in [&trap.0, &data] {
            std::os::unix::fs::chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        }

        let place = Place::durable(&wanted).unwrap();

        assert_ne!(place.root, trap.0);
        assert_ne!(place.account.uid, SOMEBODY);
    }

    #[test]
    fn short_names_are_stable_and_tell_paths_apart() {
        let name = short_name(Path::new("/home/ada/shop/var/demo/db"));
        assert_eq!(name, short_name(Path::new("/home/ada/shop/var/demo/db")));
        assert_ne!(name, short_name(Path::new("/home/bea/shop/var/demo/db")));
        assert!(name.len() < 30, "{name}");
    }
}
