//! The download-server's program: configuration, signals, exit codes.

use std::{net::TcpListener, process::ExitCode};

use anyhow::Context;
use download_server::{
    Running,
    config::{Config, reading},
    start,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::{clock::Clock, settings::Refused, telemetry};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Some eighty allocations a request cost half as much with it as with the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    let mut config = match reading::read() {
        Ok(config) => config,
        Err(Refused::Display(help)) => help.exit(),
        Err(Refused::Mistakes(mistakes)) => {
            eprint!("download-server: {mistakes}");
            return ExitCode::from(2);
        }
    };
    let _logging = telemetry::init(reading::log_filter().as_deref());
    let limit = raise_open_files(config.max_streams as u64);
    let wanted = config.limits.max_connections;
    if config.limits.fit(limit) {
        let held = config.limits.max_connections;
        tracing::warn!(
            limit,
            wanted,
            held,
            "too few files may be open for MAX_CONNECTIONS"
        );
    }
    match serve(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "cannot start");
            eprintln!("download-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Sockets and files that a delivery may hold open: its connection and its file.
const FILES_PER_STREAM: u64 = 2;

/// Allows this process as many open files as the system lets it: shells give 1,024.
fn raise_open_files(n_streams: u64) -> u64 {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        ..before
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    // None is no limit.
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    tracing::info!(limit, "files and connections that may be open");
    if limit / FILES_PER_STREAM < n_streams {
        tracing::warn!(
            limit,
            n_streams,
            "too few files may be open for MAX_STREAMS"
        );
    }
    limit
}

/// Serves until a signal: the first begins the drain, the second ends it.
async fn serve(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let address = config.listen;
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let running = start(config, Clock::system(), listener).await?;
    let reloading = reload_certificates(&running)?;
    tokio::select! {
        () = next_of(&mut terminate, &mut interrupt) => {}
        () = reloading => {}
    }
    tokio::select! {
        () = running.drain() => {}
        () = next_of(&mut terminate, &mut interrupt) => running.kill().await,
    }
    Ok(())
}

/// Reads the certificate again at every SIGHUP, for ever.
fn reload_certificates(running: &Running) -> std::io::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            match running.reload_certificate() {
                Ok(true) => tracing::info!("the certificate was read again"),
                Ok(false) => tracing::info!("there is no certificate to read again"),
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "the certificate cannot be read; the last one stays"
                ),
            }
        }
        std::future::pending::<()>().await;
    })
}

async fn next_of(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
