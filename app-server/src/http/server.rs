//! Starts and stops the server.

use std::{
    future::ready,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    body::MessageBody,
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    guard,
    http::Method,
    middleware::{Next, from_fn},
    web::{self, Data, ServiceConfig},
};
use shared::clock::Clock;
use tokio::task::JoinHandle;
use tracing_actix_web::TracingLogger;

use super::{
    assets,
    cookies::Names,
    health,
    host::host,
    jwks,
    pages::covers,
    reports,
    request_log::RequestSpan,
    routes::{self, Entry},
    security_headers::security_headers,
    session::{around_cookies, carrier, session},
};
use crate::{
    actions::{purge::purge_for_ever, send_mail::send_for_ever},
    config::Config,
    db,
    error::AppError,
    state::AppState,
};

/// A quiet server waits this long before it stops, so that load balancers have noticed.
const QUIET: Duration = Duration::from_secs(5);

/// A server that runs until it is told to stop.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<AppState>,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    background: Vec<JoinHandle<()>>,
}

impl Running {
    /// What its handlers use; for tests and the demo.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Stops in peace: not ready at once, still serving; over when nothing runs and five seconds
    /// have passed, or after DRAIN_SECS.
    pub async fn drain(self) {
        self.state.drain();
        tracing::info!("draining");
        let started = tokio::time::Instant::now();
        let limit = self.state.config.drain;
        while started.elapsed() < limit && (started.elapsed() < QUIET || self.state.n_running() > 0)
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.handle.stop(true).await;
        self.end().await;
    }

    /// Stops at once; connections break.
    pub async fn kill(self) {
        self.handle.stop(false).await;
        self.end().await;
    }

    async fn end(self) {
        for task in &self.background {
            task.abort();
        }
        match self.server.await {
            Ok(Ok(())) => tracing::info!("stopped"),
            Ok(Err(error)) => tracing::error!(%error, "the server ended badly"),
            Err(error) => tracing::error!(%error, "the server's task ended badly"),
        }
    }
}

/// Starts serving on `listener`, which may be on port 0.
///
/// # Errors
/// Keys, file store or listener cannot be used.
pub fn start(config: Config, clock: Clock, listener: TcpListener) -> anyhow::Result<Running> {
    let address = listener.local_addr()?;
    let workers = config.workers;
    let state = Arc::new(AppState::open(config, clock)?);
    let data = Data::from(Arc::clone(&state));
    let for_threads = data.clone();
    let server = HttpServer::new(move || {
        let data = for_threads.clone();
        App::new()
            .app_data(data.clone())
            .configure(|services| services_of(services, &data))
            .wrap(from_fn(security_headers))
            .wrap(from_fn(counted))
            .wrap(TracingLogger::<RequestSpan>::new())
    })
    .workers(workers)
    .disable_signals()
    .shutdown_timeout(1)
    .client_request_timeout(Duration::from_secs(15))
    .listen(listener)?
    .run();
    let handle = server.handle();
    let background = vec![
        state.nodes.watch(),
        tokio::spawn(purge_for_ever(
            state.database.clone(),
            state.sessions.store().clone(),
            state.clock.clone(),
        )),
        tokio::spawn(send_letters(Arc::clone(&state))),
    ];
    tracing::info!(%address, url = %state.config.app_url, "the shop is open");
    Ok(Running {
        address,
        state,
        handle,
        server: tokio::spawn(server),
        background,
    })
}

async fn send_letters(state: Arc<AppState>) {
    send_for_ever(&state).await;
}

/// Counts the request, and gives it its budget of database time.
pub async fn counted(
    state: Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let _running = state.running();
    db::with_budget(next.call(request)).await
}

fn services_of(services: &mut ServiceConfig, data: &Data<AppState>) {
    services
        .app_data(
            web::PathConfig::default().error_handler(|_, _| AppError::NotFound("address").into()),
        )
        .app_data(
            web::QueryConfig::default()
                .error_handler(|error, _| AppError::invalid("query", error.to_string()).into()),
        )
        .route("/healthz", get_or_head().to(health::alive))
        .route("/readyz", get_or_head().to(health::ready))
        .service(
            web::resource(reports::PATH)
                .wrap(from_fn(host))
                .app_data(Data::new(reports::LastLine::default()))
                .route(web::post().to(reports::create)),
        )
        .route("/.well-known/jwks.json", get_or_head().to(jwks::show))
        .service(
            web::scope("/static")
                .wrap(from_fn(host))
                .route("/{name}", get_or_head().to(assets::show)),
        )
        // Kept by caches, so no cookie may ride along: outside of the session layers.
        .service(
            web::scope("/covers")
                .wrap(from_fn(host))
                .route("/{key}", get_or_head().to(covers::show))
                .route("/{key}", web::head().to(covers::show)),
        );
    let names = Names::of(&data.config.app_url);
    let mut people = web::scope("")
        .wrap(from_fn(session))
        .wrap(carrier(data.sessions.clone(), names))
        .wrap(from_fn(around_cookies))
        .default_service(web::to(async || {
            Err::<String, _>(AppError::NotFound("address"))
        }));
    for (path, entries) in by_path() {
        let allow = allowed(&entries);
        let mut resource = web::resource(path).default_service(web::to(move || {
            let refusal = AppError::MethodNotAllowed {
                allow: allow.clone(),
            };
            ready(Err::<String, _>(refusal))
        }));
        for entry in entries {
            resource = resource.route((entry.route)());
        }
        people = people.service(resource);
    }
    services.service(people);
}

/// The methods of these entries, as `Allow` names them.
fn allowed(entries: &[&Entry]) -> String {
    let mut methods = Vec::new();
    for entry in entries {
        methods.push(entry.method.as_str());
        if entry.method == Method::GET {
            methods.push("HEAD");
        }
    }
    methods.join(", ")
}

fn get_or_head() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The table's entries, those of one path together: first those that stand for one address each.
fn by_path() -> Vec<(&'static str, Vec<&'static Entry>)> {
    let mut paths: Vec<(&'static str, Vec<&'static Entry>)> = Vec::new();
    let all = || routes::PAGES.iter().chain(routes::API);
    // The router asks one pattern after the other, and comparing text costs a hundredth of matching.
    let is_text = |entry: &&Entry| !entry.path.contains('{');
    let (texts, patterns): (Vec<_>, Vec<_>) = all().partition(is_text);
    for entry in texts.into_iter().chain(patterns) {
        match paths.iter_mut().find(|(path, _)| *path == entry.path) {
            Some((_, entries)) => entries.push(entry),
            None => paths.push((entry.path, vec![entry])),
        }
    }
    paths
}
