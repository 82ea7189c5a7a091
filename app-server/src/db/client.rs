//! Connections that never hang: one budget of time per request, and no reuse after a lapse.
//!
//! A request may spend [`BUDGET`] on the database in all, waiting for a connection included.
//! A connection that was still busy when the budget ran out is closed, never lent again:
//! what it would answer next belongs to somebody else's question.

use std::{
    cell::Cell,
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{NoTls, Row, types::ToSql};

use super::{DbError, Result};

/// Time one request may spend on the database.
const BUDGET: Duration = Duration::from_secs(4);

/// PostgreSQL ends a statement itself after this long, so that the server is freed too.
const STATEMENT_TIMEOUT_MS: u32 = 3_000;

/// Connections of one server.
const POOL_SIZE: usize = 20;

/// A parameter of a query.
pub type Parameter<'a> = &'a (dyn ToSql + Sync);

tokio::task_local! {
    /// What this request has spent on the database so far.
    static SPENT: Cell<Duration>;
}

/// Runs a request with a budget of its own for the database.
pub async fn with_budget<F: Future>(request: F) -> F::Output {
    SPENT.scope(Cell::new(Duration::ZERO), request).await
}

/// The database, as a pool of connections.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
}

impl Database {
    /// Prepares a pool; connects with the first question.
    ///
    /// # Errors
    /// The address does not parse.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        let mut config: tokio_postgres::Config = url.parse()?;
        config.application_name("claimcheck");
        config.connect_timeout(BUDGET);
        config.options(options(&config));
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(config, NoTls, recycling);
        let timeouts = Timeouts {
            wait: Some(BUDGET),
            create: Some(BUDGET),
            recycle: Some(BUDGET),
        };
        let pool = Pool::builder(manager)
            .max_size(POOL_SIZE)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { pool })
    }

    /// A connection, for as long as this request's budget lasts.
    ///
    /// Outside a request, in a command or a background task, every statement has a budget of its own.
    ///
    /// # Errors
    /// [`DbError::Pool`] or [`DbError::Deadline`]: none could be had in time.
    pub async fn client(&self) -> Result<Db> {
        let started = Instant::now();
        let spent = SPENT.try_with(Cell::get).ok();
        if spent.is_some_and(|spent| spent >= BUDGET) {
            return Err(DbError::Deadline("the request's time is spent"));
        }
        let deadline = spent.map(|spent| started + BUDGET.saturating_sub(spent));
        let object = timeout_at(deadline.unwrap_or(started + BUDGET), self.pool.get()).await;
        let object = object
            .map_err(|_| DbError::Deadline("waiting for a connection"))
            .and_then(|object| Ok(object?));
        match object {
            Ok(object) => Ok(Db {
                object: Some(object),
                started,
                deadline,
                broken: AtomicBool::new(false),
            }),
            Err(error) => {
                spend(started);
                Err(error)
            }
        }
    }
}

fn options(config: &tokio_postgres::Config) -> String {
    let given = config.get_options().unwrap_or_default();
    format!("{given} -c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC")
        .trim()
        .to_owned()
}

fn spend(since: Instant) {
    let record = |spent: &Cell<Duration>| spent.set(spent.get() + since.elapsed());
    if SPENT.try_with(record).is_err() {
        tracing::trace!("outside a request: no budget to charge");
    }
}

/// A lent connection.
pub struct Db {
    object: Option<Object>,
    started: Instant,
    /// When the request's budget ends; none outside a request.
    deadline: Option<Instant>,
    broken: AtomicBool,
}

impl Db {
    /// Begins a transaction; without [`Tx::commit`] it is rolled back.
    pub async fn transaction(&mut self) -> Result<Tx<'_>> {
        let (deadline, broken) = (self.deadline, &self.broken);
        let Some(object) = self.object.as_mut() else {
            return Err(DbError::Deadline("a closed connection"));
        };
        let transaction =
            within(deadline, broken, async { Ok(object.transaction().await?) }).await?;
        Ok(Tx {
            transaction,
            deadline,
            broken,
        })
    }

    fn object(&self) -> Result<&Object> {
        self.object
            .as_ref()
            .ok_or(DbError::Deadline("a closed connection"))
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        spend(self.started);
        if self.broken.load(Ordering::Relaxed)
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}

/// A transaction.
pub struct Tx<'a> {
    transaction: deadpool_postgres::Transaction<'a>,
    deadline: Option<Instant>,
    broken: &'a AtomicBool,
}

impl Tx<'_> {
    /// Makes what was done last.
    pub async fn commit(self) -> Result<()> {
        let commit = async { Ok(self.transaction.commit().await?) };
        within(self.deadline, self.broken, commit).await
    }
}

async fn within<T>(
    deadline: Option<Instant>,
    broken: &AtomicBool,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let deadline = deadline.unwrap_or_else(|| Instant::now() + BUDGET);
    let outcome = timeout_at(deadline, work).await;
    outcome.unwrap_or_else(|_| {
        broken.store(true, Ordering::Relaxed);
        Err(DbError::Deadline("running a statement"))
    })
}

/// Asks questions: on a connection or within a transaction, each statement prepared once.
pub trait Queries {
    /// All rows.
    fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> impl Future<Output = Result<Vec<Row>>>;

    /// The row, if there is one; more than one is an error.
    fn query_opt(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> impl Future<Output = Result<Option<Row>>>;

    /// The one row there must be.
    fn query_one(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> impl Future<Output = Result<Row>>;

    /// The number of rows changed.
    fn execute(&self, sql: &str, parameters: &[Parameter<'_>])
    -> impl Future<Output = Result<u64>>;
}

macro_rules! queries {
    ($type:ty, $self:ident => $client:expr, $deadline:expr, $broken:expr) => {
        impl Queries for $type {
            async fn query(&$self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
                let client = $client;
                within($deadline, $broken, async {
                    let statement = client.prepare_cached(sql).await?;
                    Ok(client.query(&statement, parameters).await?)
                })
                .await
            }

            async fn query_opt(&$self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Option<Row>> {
                let client = $client;
                within($deadline, $broken, async {
                    let statement = client.prepare_cached(sql).await?;
                    Ok(client.query_opt(&statement, parameters).await?)
                })
                .await
            }

            async fn query_one(&$self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Row> {
                let client = $client;
                within($deadline, $broken, async {
                    let statement = client.prepare_cached(sql).await?;
                    Ok(client.query_one(&statement, parameters).await?)
                })
                .await
            }

            async fn execute(&$self, sql: &str, parameters: &[Parameter<'_>]) -> Result<u64> {
                let client = $client;
                within($deadline, $broken, async {
                    let statement = client.prepare_cached(sql).await?;
                    Ok(client.execute(&statement, parameters).await?)
                })
                .await
            }
        }
    };
}

queries!(Db, self => self.object()?, self.deadline, &self.broken);
queries!(Tx<'_>, self => &self.transaction, self.deadline, self.broken);
