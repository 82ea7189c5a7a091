//! One log line per request, with an id that the shop's log has too, and without tokens.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderMap,
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
            .filter(|peer| client_address::is_trusted(*peer, trusted))
            .and_then(|_| given_id(request.headers()));
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
        span.in_scope(|| tracing::info!(status, code, jti, duration_ms, "answered"));
    }
}

/// `X-Request-Id`, when it is one that may stand in a log.
fn given_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then_some(id)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_taken() {
        let long = "a".repeat(65);
        for (id, taken) in [
            ("7f5b2c1e-9d3a", true),
            ("a_b.c", true),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            (long.as_str(), false),
        ] {
            let request = TestRequest::default().append_header(("X-Request-Id", id));
            let request = request.to_http_request();
            assert_eq!(given_id(request.headers()), taken.then_some(id), "{id}");
        }
    }
}
