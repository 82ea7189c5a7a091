//! One log line per request, with an id that the shop's log has too, and without tokens.
//!
//! A delivery is logged when it has ended ([`crate::delivery_log`]), everything else when it is
//! answered.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use shared::telemetry::redacted_path;
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;

use crate::{
    client_address,
    connection::{self, Connection},
    deliver,
    refusal::Refusal,
    state::State,
};

/// The stable code of a refusal, for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code(pub(crate) &'static str);

/// Marks an answer that is logged when it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsDelivery;

/// What ties this request to the shop's: the token's `jti`, which the shop logged when it signed.
struct Jti(Uuid);

/// Marks a request whose id was given by a trusted proxy.
struct ProxysId;

/// Remembers the token of this request for its log lines.
pub(crate) fn note_token(request: &HttpRequest, jti: Uuid) {
    if !request.extensions().contains::<ProxysId>() {
        Span::current().record("request.id", tracing::field::display(jti));
    }
    request.extensions_mut().insert(Jti(jti));
}

/// The layer around every request: its span, and the line at its end.
pub(crate) async fn log_requests(
    state: Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began_at = Instant::now();
    let in_progress = connection::of(request.request()).map(Connection::begin_request);
    let span = span(&state, &request);
    if is_one_too_many(&state, &request) {
        let refused = deliver::refuse(&state, request.request(), Refusal::TooManyConnections);
        let response = request.into_response(refused).map_into_right_body();
        span.in_scope(|| log_answer(&span, &response, began_at));
        return Ok(response);
    }
    let outcome = next.call(request).instrument(span.clone()).await;
    drop(in_progress);
    let outcome = outcome.map(ServiceResponse::map_into_left_body);
    match &outcome {
        Ok(response) => span.in_scope(|| log_answer(&span, response, began_at)),
        Err(error) => span.in_scope(|| tracing::error!(%error, "not answered")),
    }
    outcome
}

/// True when the client behind a proxy has too many connections already.
fn is_one_too_many(state: &State, request: &ServiceRequest) -> bool {
    let Some(connection) = connection::of(request.request()) else {
        return false;
    };
    let trusted = &*state.config.trusted_proxies;
    let client = client_address::of(connection.peer, request.headers(), trusted);
    state.connections.attribute(connection, client).is_err()
}

fn span(state: &State, request: &ServiceRequest) -> Span {
    let trusted = &*state.config.trusted_proxies;
    let peer = connection::peer(request.request());
    let ip = peer.map(|peer| client_address::of(peer, request.headers(), trusted));
    let id =
        peer.and_then(|peer| client_address::given_request_id(peer, request.headers(), trusted));
    let span = tracing::info_span!(
        "request",
        request.id = Empty,
        method = request.method().as_str(),
        path = redacted_path(request.path()),
        ip = ip.map(tracing::field::display),
    );
    if let Some(id) = id {
        span.record("request.id", id);
        request.extensions_mut().insert(ProxysId);
    }
    span
}

fn log_answer<B>(span: &Span, response: &ServiceResponse<B>, began_at: Instant) {
    let of_response = response.response().extensions();
    if of_response.contains::<IsDelivery>() {
        return;
    }
    let extensions = response.request().extensions();
    let jti = extensions
        .get::<Jti>()
        .map(|Jti(jti)| tracing::field::display(jti));
    if jti.is_none() && !extensions.contains::<ProxysId>() {
        span.record("request.id", tracing::field::display(Uuid::new_v4()));
    }
    let duration_ms = u64::try_from(began_at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    let code = of_response.get::<Code>().map(|Code(code)| *code);
    let is_probe = ["/healthz", "/readyz"]
        .iter()
        .any(|probe| response.request().path().ends_with(probe));
    if is_probe {
        tracing::debug!(status, duration_ms, "answered");
    } else {
        tracing::info!(status, code, jti, duration_ms, "answered");
    }
}
