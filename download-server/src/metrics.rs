//! What this server counts, for Prometheus.

use std::{fmt, net::TcpListener, time::Duration};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::header::CONTENT_TYPE,
    web::{self, Data},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::state::State;

/// From the request to the first byte of its answer: seconds.
const FIRST_BYTE_SECS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The format that [`encode`] writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted; cloning gives a second handle on the same numbers.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) claims: Counter,
    pub(crate) refusals: Family<Reason, Counter>,
    pub(crate) bytes: Counter,
    pub(crate) deliveries: Family<Ending, Counter>,
    pub(crate) first_byte: Histogram,
    pub(crate) timed_out: Counter,
    pub(crate) displaced: Counter,
    pub(crate) refused: Counter,
}

/// Why a request got no file: the `code` that the client read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Ending {
    pub(crate) ending: &'static str,
}

/// Why a reading of the shop's keys brought none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    reason: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            claims: Counter::default(),
            refusals: Family::default(),
            bytes: Counter::default(),
            deliveries: Family::default(),
            first_byte: Histogram::new(FIRST_BYTE_SECS),
            timed_out: Counter::default(),
            displaced: Counter::default(),
            refused: Counter::default(),
        }
    }

    /// Counts a refusal by its code.
    pub(crate) fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&Reason { code }).inc();
    }

    /// Counts a delivery that ended, and how.
    pub(crate) fn ended(&self, ending: &'static str) {
        self.deliveries.get_or_create(&Ending { ending }).inc();
    }

    /// Notes how long a delivery's first byte took.
    pub(crate) fn began(&self, after: Duration) {
        self.first_byte.observe(after.as_secs_f64());
    }

    /// All numbers in the OpenMetrics text format; what is measured now is taken from `state`.
    fn text(&self, state: &State) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("claimcheck_download");
        registry.register("claims", "Tokens claimed", self.claims.clone());
        registry.register(
            "refusals",
            "Requests that got no file, by code",
            self.refusals.clone(),
        );
        registry.register_with_unit(
            "sent",
            "Bytes of files handed to sockets",
            Unit::Bytes,
            self.bytes.clone(),
        );
        registry.register(
            "deliveries",
            "Answers with a file that ended, by how they did",
            self.deliveries.clone(),
        );
        registry.register_with_unit(
            "first_byte",
            "From a request to the first byte of its file",
            Unit::Seconds,
            self.first_byte.clone(),
        );
        registry.register(
            "connections_timed_out",
            "Connections ended because nothing happened on them for too long",
            self.timed_out.clone(),
        );
        registry.register(
            "connections_displaced",
            "Idle connections ended for a newcomer",
            self.displaced.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections and requests refused for want of a place",
            self.refused.clone(),
        );
        let failures = Family::<Failure, Counter>::default();
        for (reason, n_failed) in state.keys.n_failed() {
            failures.get_or_create(&Failure { reason }).inc_by(n_failed);
        }
        registry.register(
            "key_failures",
            "Readings of the shop's keys that brought none, by reason",
            failures,
        );
        let mut gauge = |name: &str, help: &str, value: usize| {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            registry.register(name, help, gauge);
        };
        gauge(
            "streams",
            "Deliveries running now",
            state.streams.n_running(),
        );
        gauge(
            "connections",
            "Connections open now",
            state.connections.n_open(),
        );
        gauge(
            "ledger_entries",
            "Claimed tokens remembered now",
            state.ledger.n_claims(state.clock.unix_secs()),
        );
        gauge(
            "ledger_capacity",
            "Claimed tokens that can be remembered",
            state.config.ledger_capacity,
        );
        gauge(
            "draining",
            "1 while no new delivery begins",
            usize::from(state.is_draining()),
        );
        if let Some(reading) = state.keys.current() {
            gauge("keys", "Public keys that verify tokens", reading.n_keys());
        }
        if let Some(age) = state.keys.age_secs() {
            gauge(
                "keys_age_seconds",
                "Since the shop's keys were last read",
                usize::try_from(age).unwrap_or(0),
            );
        }
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// Serves `/metrics` on a listener of its own, which strangers should not reach.
///
/// # Errors
/// The listener cannot be used.
pub(crate) fn serve(state: &Data<State>, listener: TcpListener) -> std::io::Result<ServerHandle> {
    let state = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/metrics", web::get().to(show))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn show(state: Data<State>) -> HttpResponse {
    match state.metrics.text(&state) {
        Ok(text) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, OPEN_METRICS))
            .body(text),
        Err(fmt::Error) => HttpResponse::InternalServerError().finish(),
    }
}
