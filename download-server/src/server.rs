//! Starts and stops the server.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    web::{self, Data, ServiceConfig},
};
use shared::clock::Clock;
use tokio::{task::JoinHandle, time::sleep};
use tracing_actix_web::TracingLogger;

use crate::{
    config::Config,
    connection, deliver, health,
    keys::{Keys, source::Source},
    request_log::RequestSpan,
    security_headers::security_headers,
    state::State,
    stream::read::CHUNK_BYTES,
};

/// What is still running when the drain is over gets this long.
const LAST_SECS: u64 = 1;

/// A server that runs until it is told to stop.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    state: Data<State>,
    handle: ServerHandle,
    keys: Arc<Keys>,
    reading: JoinHandle<()>,
}

impl Running {
    /// Stops in peace: not ready at once and nothing new begins, while running deliveries go on;
    /// over when none is left and five seconds have passed, or after DRAIN_SECS.
    pub async fn drain(&self) {
        tracing::info!("draining");
        self.state.begin_drain();
        let config = &self.state.config;
        let finished = async {
            sleep(config.quiet).await;
            self.state.streams.until_idle().await;
        };
        tokio::select! {
            () = finished => {}
            () = sleep(config.drain) => {}
        }
        self.handle.stop(true).await;
        self.reading.abort();
        tracing::info!("stopped");
    }

    /// Stops at once; connections break.
    pub async fn kill(&self) {
        self.handle.stop(false).await;
        self.reading.abort();
        tracing::info!("stopped at once");
    }

    /// Reads the shop's keys again now; false when they could not be read.
    pub async fn refresh_keys(&self) -> bool {
        self.keys.read_anew().await
    }

    /// Whole seconds since the shop's keys were last read well, if they ever were.
    pub fn keys_age_secs(&self) -> Option<i64> {
        self.keys.age_secs()
    }

    /// Readings of the shop's keys that brought none since the start, by reason.
    pub fn n_failed_readings(&self) -> BTreeMap<&'static str, u64> {
        self.keys.n_failed()
    }

    /// Deliveries running now.
    pub fn n_streams(&self) -> usize {
        self.state.streams.n_running()
    }
}

/// Starts serving on `listener`, which may be on port 0.
///
/// Returns at once: keys are read in the background, and `/readyz` says when all is well.
///
/// # Errors
/// The file store's address or the listener cannot be used.
pub async fn start(config: Config, clock: Clock, listener: TcpListener) -> anyhow::Result<Running> {
    let address = listener.local_addr()?;
    let source = Source::new(&config)?;
    let workers = config.workers;
    let state = Data::new(State::new(config, clock)?);
    let keys = Arc::clone(&state.keys);
    let for_workers = state.clone();
    let server = HttpServer::new(move || {
        let https = for_workers.config.download_url.is_https();
        App::new()
            .app_data(for_workers.clone())
            .configure(|services| routes(services, for_workers.config.download_url.path()))
            .wrap(security_headers(https))
            .wrap(TracingLogger::<RequestSpan>::new())
    })
    .workers(workers)
    .disable_signals()
    .shutdown_timeout(LAST_SECS)
    .client_request_timeout(Duration::from_secs(15))
    .tcp_nodelay(true)
    .h1_write_buffer_size(CHUNK_BYTES)
    .on_connect(connection::remember)
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the server ended badly");
        }
    });
    let reader = Arc::clone(&keys);
    let reading = tokio::spawn(async move { reader.keep_reading(source).await });
    tracing::info!(%address, audience = %state.config.download_url, "downloads are open");
    Ok(Running {
        address,
        state,
        handle,
        keys,
        reading,
    })
}

/// The addresses served, beneath the public path too, for proxies that leave it in place.
fn routes(services: &mut ServiceConfig, prefix: &str) {
    for prefix in ["", prefix]
        .into_iter()
        .take(if prefix.is_empty() { 1 } else { 2 })
    {
        let resource = |path: &str| {
            web::resource(format!("{prefix}{path}"))
                .default_service(web::to(deliver::method_not_allowed))
        };
        services
            .service(
                resource("/d/{token:.*}")
                    .route(web::get().to(deliver::by_address))
                    .route(web::head().to(deliver::by_address)),
            )
            .service(
                resource("/d")
                    .route(web::get().to(deliver::by_bearer))
                    .route(web::head().to(deliver::by_bearer)),
            )
            .service(
                resource("/healthz")
                    .route(web::get().to(health::alive))
                    .route(web::head().to(health::alive)),
            )
            .service(
                resource("/readyz")
                    .route(web::get().to(health::ready))
                    .route(web::head().to(health::ready)),
            );
    }
    services.default_service(web::to(deliver::not_found));
}
