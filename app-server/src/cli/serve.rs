//! Serves the shop until it is told to stop.

use std::net::TcpListener;

use anyhow::Context;
use shared::clock::Clock;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{actions::secrets_key, config::Config, db::redis::Persistence};

/// Serves until a signal: the first begins the drain, a second stops at once.
pub(super) fn serve(config: Config, clock: Clock) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(until_told_to_stop(config, clock));
    // Nothing is waited for any more: a second signal means now.
    runtime.shutdown_background();
    outcome
}

async fn until_told_to_stop(config: Config, clock: Clock) -> anyhow::Result<()> {
    // Before anything else, so that no signal finds the default in place.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let database = super::current_database(&config.database_url).await?;
    secrets_key::check(&database, config.secrets.as_ref()).await?;
    let address = config.listen;
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let running = crate::start(config, clock, listener)?;
    let store = running.state().sessions.store();
    match store.check().await.context("SESSION_STORE")? {
        Persistence::Sound => {}
        Persistence::Unknown => tracing::info!(
            "SESSION_STORE does not say what it keeps: see to it that it is everything (appendonly \
             yes) or nothing"
        ),
        Persistence::Snapshots => tracing::warn!(
            "SESSION_STORE keeps snapshots: after a crash, secrets of sessions that were replaced \
             since the last one are good again; set appendonly yes"
        ),
    }

    next_of(&mut terminate, &mut interrupt).await;
    tokio::select! {
        () = running.drain() => {}
        () = next_of(&mut terminate, &mut interrupt) => tracing::warn!("stopped at once"),
    }
    Ok(())
}

async fn next_of(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
