//! One log line per request, with an id that the shop's log has too, and without tokens.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    web::Data,
};
use shared::telemetry::redacted_path;
use tracing::{Span, field::Empty};
use tracing_actix_web::RootSpanBuilder;
use uuid::Uuid;

use crate::{client_address, state::State};

/// The stable code of a refusal, for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code(pub(crate) &'static str);

struct StartedAt(Instant);

/// What ties this request to the shop's: the token's `jti`, which the shop logged when it signed.
struct Jti(Uuid);

/// Remembers the token of this request for its log lines.
pub(crate) fn note_token(request: &HttpRequest, jti: Uuid) {
    if !request.extensions().contains::<ProxysId>() {
        Span::current().record("request.id", tracing::field::display(jti));
    }
    request.extensions_mut().insert(Jti(jti));
}

/// Marks a request whose id was given by a trusted proxy.
struct ProxysId;

/// The span around a request, and the line at its end.
pub(crate) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let trusted = request
            .app_data::<Data<State>>()
            .map(|state| &*state.config.trusted_proxies);
        let trusted = trusted.unwrap_or_default();
        let peer = request.peer_addr().map(|peer| peer.ip());
        let ip = peer.map(|peer| client_address::of(peer, request.headers(), trusted));
        let id = peer
            .and_then(|peer| client_address::given_request_id(peer, request.headers(), trusted));
        let span = tracing::info_span!(
            "request",
            request.id = Empty,
            method = %request.method(),
            path = redacted_path(request.path()),
            ip = ip.map(tracing::field::display),
        );
        if let Some(id) = id {
            span.record("request.id", id);
            request.extensions_mut().insert(ProxysId);
        }
        request.extensions_mut().insert(StartedAt(Instant::now()));
        span
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let response = match outcome {
            Ok(response) => response,
            Err(error) => return span.in_scope(|| tracing::error!(%error, "not answered")),
        };
        let extensions = response.request().extensions();
        let jti = extensions
            .get::<Jti>()
            .map(|Jti(jti)| tracing::field::display(jti));
        if jti.is_none() && !extensions.contains::<ProxysId>() {
            span.record("request.id", tracing::field::display(Uuid::new_v4()));
        }
        let duration_ms = extensions
            .get::<StartedAt>()
            .map(|StartedAt(at)| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
        let status = response.status().as_u16();
        let of_response = response.response().extensions();
        let code = of_response.get::<Code>().map(|Code(code)| *code);
        let is_probe = ["/healthz", "/readyz"]
            .iter()
            .any(|probe| response.request().path().ends_with(probe));
        span.in_scope(|| {
            if is_probe {
                tracing::debug!(status, duration_ms, "answered");
            } else {
                tracing::info!(status, code, jti, duration_ms, "answered");
            }
        });
    }
}
