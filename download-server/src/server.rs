//! Starts and stops the server.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_http::{HttpService, KeepAlive, Protocol, Request, Response, error::DispatchError};
use actix_server::Server;
use actix_service::{ServiceFactoryExt, fn_service};
use actix_web::{
    dev::{ServerHandle, ServiceFactory},
    rt::net::TcpStream,
    web::Data,
};
use anyhow::Context;
use shared::clock::Clock;
use socket2::SockRef;
use tokio::{task::JoinHandle, time::sleep};

#[cfg(feature = "tls")]
use crate::connection::tls::Certificates;
use crate::{
    config::Config,
    connection::{Transport, registry::TooMany},
    delivery_log::later,
    front,
    keys::{Keys, source::Source},
    metrics,
    state::State,
    stream::read::CHUNK_BYTES,
};

/// Connections that the kernel may have ready before they are taken in; beyond, a newcomer's first
/// packet is lost, and sent again after a second. The system's own limit holds too.
const BACKLOG: i32 = 4_096;

/// What is still running when the drain is over gets this long.
const LAST_SECS: u64 = 1;

/// How often a server that stops looks whether all is sent.
const LOOK: Duration = Duration::from_millis(50);

/// A client that is still sending when it has its answer is listened to for so long, so that the
/// answer is not lost with the rest.
const LINGER: Duration = Duration::from_secs(1);

/// A server that runs until it is told to stop.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it tells its numbers, if anywhere.
    pub metrics_address: Option<SocketAddr>,
    state: Data<State>,
    handle: ServerHandle,
    metrics: Option<ServerHandle>,
    keys: Arc<Keys>,
    tasks: [JoinHandle<()>; 2],
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
            // The last bytes may still be in a buffer of ours.
            while self.state.connections.is_moving() {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = finished => {}
            () = sleep(config.drain) => {}
        }
        self.state.connections.end_all(true);
        self.handle.stop(true).await;
        self.end().await;
        tracing::info!("stopped");
    }

    /// Stops at once; connections break.
    pub async fn kill(&self) {
        self.handle.stop(false).await;
        self.end().await;
        tracing::info!("stopped at once");
    }

    /// Reads the certificate and its key again; running connections keep theirs. Says whether there
    /// is any.
    ///
    /// # Errors
    /// They cannot be used; the last ones stay.
    #[cfg(feature = "tls")]
    pub fn reload_certificate(&self) -> anyhow::Result<bool> {
        let certificates = self.state.certificates.as_ref();
        certificates
            .map(Certificates::reload)
            .transpose()
            .map(|read| read.is_some())
    }

    /// Without TLS there is nothing to read again.
    ///
    /// # Errors
    /// None.
    #[cfg(not(feature = "tls"))]
    pub fn reload_certificate(&self) -> anyhow::Result<bool> {
        Ok(false)
    }

    async fn end(&self) {
        self.state.connections.end_all(false);
        for task in &self.tasks {
            task.abort();
        }
        later::write_out();
        if let Some(metrics) = &self.metrics {
            metrics.stop(false).await;
        }
    }

    /// Reads the shop's keys again now; false when they could not be read.
    pub async fn refresh_keys(&self) -> bool {
        self.keys.read_anew().await
    }

    /// Connections open now.
    pub fn n_connections(&self) -> usize {
        self.state.connections.n_open()
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
    // It listens already, with the standard library's 128.
    SockRef::from(&listener).listen(BACKLOG)?;
    let source = Source::new(&config)?;
    let workers = config.workers;
    let state = Data::new(State::new(config, clock)?);
    let keys = Arc::clone(&state.keys);
    let for_workers = state.clone();
    let server = Server::build()
        .workers(workers)
        .disable_signals()
        .shutdown_timeout(LAST_SECS)
        // Ours is the limit, and it makes room instead of waiting for it.
        .max_concurrent_connections(usize::MAX)
        .listen("downloads", listener, move || service(for_workers.clone()))?
        .run();
    let handle = server.handle();
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the server ended badly");
        }
    });
    let metrics = state
        .config
        .metrics_listen
        .map(TcpListener::bind)
        .transpose();
    let metrics = metrics.context("cannot listen on METRICS_LISTEN")?;
    let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    let metrics = metrics
        .map(|listener| metrics::serve(&state, listener))
        .transpose()?;
    let reader = Arc::clone(&keys);
    let reading = tokio::spawn(async move { reader.keep_reading(source).await });
    let watching = tokio::spawn(Arc::clone(&state.connections).keep_watch());
    tracing::info!(%address, audience = %state.config.download_url, "downloads are open");
    Ok(Running {
        address,
        metrics_address,
        metrics,
        state,
        handle,
        keys,
        tasks: [reading, watching],
    })
}

/// What one worker does with a connection.
fn service(
    state: Data<State>,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
{
    // Below actix-web's router, which has nothing to choose here and takes its time to say so.
    let answer = {
        let state = state.clone();
        move |request: Request| {
            let state = state.clone();
            async move { Ok::<_, Infallible>(Response::from(front::answer(&state, &request).await)) }
        }
    };
    let http = HttpService::build()
        // The watch over all connections times them; actix only knows a connection's first request.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        .h1_write_buffer_size(CHUNK_BYTES)
        .on_connect_ext(|transport: &Transport, extensions| {
            extensions.insert(Arc::clone(transport.connection()));
        })
        .finish(answer);
    fn_service(move |stream: TcpStream| accept(state.clone(), stream)).and_then(http)
}

/// Takes a connection in, and agrees on TLS where this server speaks it.
#[cfg_attr(
    not(feature = "tls"),
    expect(clippy::unused_async, reason = "TLS would be waited for")
)]
async fn accept(
    state: Data<State>,
    stream: TcpStream,
) -> Result<(Transport, Protocol, Option<SocketAddr>), DispatchError> {
    #[cfg(feature = "tls")]
    let encrypted = state.certificates.is_some();
    #[cfg(not(feature = "tls"))]
    let encrypted = false;
    let peer = stream.peer_addr().ok();
    let socket = state
        .connections
        .admit(stream, encrypted)
        .map_err(|TooMany| DispatchError::Io(io::ErrorKind::ConnectionRefused.into()))?;
    #[cfg(feature = "tls")]
    if let Some(certificates) = &state.certificates {
        let greeted = certificates.greet(socket).await;
        let (transport, protocol) = greeted.map_err(DispatchError::Io)?;
        return Ok((transport, protocol, peer));
    }
    Ok((Transport::Plain(socket), Protocol::Http1, peer))
}
