//! Brings the schema up to date, once, however many servers start together.

use anyhow::Context;
use tokio_postgres::{NoTls, error::SqlState};

use super::DbError;

mod embedded {
    refinery::embed_migrations!("../migrations");
}

/// Serialises migrations over all servers: PostgreSQL frees it with the connection.
const LOCK: &str = "select pg_advisory_lock(hashtext('claimcheck:migrate'))";
const TRY_LOCK: &str = "select pg_try_advisory_lock(hashtext('claimcheck:migrate'))";

/// Applies what is missing, on a connection of its own; waits for another server's run.
///
/// # Errors
/// The database cannot be reached, holds migrations this program does not know, or others than
/// this program was built with.
pub async fn run(url: &str) -> anyhow::Result<()> {
    let (mut client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("the database cannot be reached")?;
    let connection = tokio::spawn(connection);
    let free: bool = client.query_one(TRY_LOCK, &[]).await?.try_get(0)?;
    if !free {
        tracing::info!("another server is migrating the database; waiting for it");
        client.execute(LOCK, &[]).await?;
    }
    client.batch_execute("set lock_timeout = '5s'").await?;
    let report = embedded::migrations::runner()
        .set_abort_divergent(true)
        .set_abort_missing(true)
        .run_async(&mut client)
        .await
        .context("the database could not be migrated")?;
    for migration in report.applied_migrations() {
        tracing::info!(migration = %migration, "migrated");
    }
    drop(client);
    connection
        .await
        .context("the connection task ended badly")??;
    Ok(())
}

/// True when the database has every migration this program was built with.
pub async fn is_current(db: &impl super::Queries) -> super::Result<bool> {
    let newest = embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(refinery::Migration::version)
        .max();
    let query = "select max(version)::int4 as version from refinery_schema_history";
    let row = match db.query_one(query, &[]).await {
        Err(DbError::Query(error)) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
            return Ok(false);
        }
        row => row?,
    };
    let version: Option<i32> = row.try_get("version")?;
    Ok(version.map(i64::from) >= newest.map(i64::from))
}
