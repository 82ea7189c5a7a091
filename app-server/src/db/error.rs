//! What can go wrong with a query.

use tokio_postgres::error::SqlState;

/// The result of a query.
pub type Result<T, E = DbError> = std::result::Result<T, E>;

/// What can go wrong with a query.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection, or no answer in time.
    #[error("no answer in time: {0}")]
    Deadline(&'static str),
    /// The session could not be looked up; with the causes, which travelled as text.
    #[error("sessions cannot be looked up: {0}")]
    Session(String),
    /// No connection could be opened or lent.
    #[error("no database connection")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// PostgreSQL refused the statement, or the connection broke.
    #[error("a statement failed")]
    Query(#[from] tokio_postgres::Error),
    /// Redis did not answer, or refused.
    #[error("Redis failed")]
    Redis(#[from] redis::RedisError),
    /// A row holds what no code of ours writes.
    #[error("{table}.{column} holds an impossible value")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
}

impl DbError {
    /// True when the same request may succeed later: the database is gone, starting or too slow.
    pub fn is_unavailable(&self) -> bool {
        match self {
            // Whatever Redis says: that a session cannot be looked up is no fault of who shows one.
            Self::Deadline(_) | Self::Session(_) | Self::Pool(_) | Self::Redis(_) => true,
            Self::Query(error) => {
                error.is_closed()
                    || error
                        .code()
                        .map_or(error.as_db_error().is_none() && is_io(error), is_outage)
            }
            Self::Inconsistent { .. } => false,
        }
    }

    /// True when the statement would have broken the constraint of this name.
    pub fn violates(&self, constraint: &str) -> bool {
        match self {
            Self::Query(error) => {
                error.as_db_error().and_then(|error| error.constraint()) == Some(constraint)
            }
            Self::Deadline(_)
            | Self::Session(_)
            | Self::Pool(_)
            | Self::Redis(_)
            | Self::Inconsistent { .. } => false,
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// Connection exceptions, operator intervention (shutdown, crash, starting up), a cancelled
/// statement (our own statement_timeout), no free connection.
fn is_outage(state: &SqlState) -> bool {
    let code = state.code();
    code.starts_with("08") || code.starts_with("57") || *state == SqlState::TOO_MANY_CONNECTIONS
}
