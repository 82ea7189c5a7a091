//! Why there is no private PostgreSQL.

use std::{io, path::PathBuf};

/// Why a cluster could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The operating system refused something.
    #[error("could not {doing}")]
    System {
        /// What was tried: "make the directory /x".
        doing: String,
        /// Its answer.
        #[source]
        source: io::Error,
    },

    /// A program ended with an error of its own.
    #[error("{program} failed:\n{output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it wrote, or the end of its log.
        output: String,
    },

    /// Another major version of PostgreSQL wrote the data.
    #[error(
        "the database in {} was made by PostgreSQL {made_by}, but the programs found are {found}: \
         install PostgreSQL {made_by} beside it or name its programs with CLAIMCHECK_PG_BIN; \
         deleting the directory begins anew", place.display()
    )]
    OtherVersion {
        /// Where the data lies.
        place: PathBuf,
        /// Its major version.
        made_by: String,
        /// The programs' major version.
        found: String,
    },

    /// The server neither answered nor gave up in time.
    #[error("PostgreSQL did not {0} in time")]
    Slow(&'static str),

    /// The server refused a statement.
    #[error("PostgreSQL refused")]
    Database(#[source] tokio_postgres::Error),

    /// No directory can be entered by the account that would run the server.
    #[error("found no directory for the database that the account {0} can enter")]
    NoPlace(String),
}

/// What this module's functions return.
pub type Result<T, E = ClusterError> = std::result::Result<T, E>;

/// Says what was tried when the operating system refuses it.
pub(super) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| ClusterError::System {
            doing: what(),
            source: error.into(),
        })
    }
}
