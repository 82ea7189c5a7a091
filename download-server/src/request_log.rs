//! One log line per request, with an id that the shop's log has too, and without tokens.
//!
//! A delivery is logged when it has ended ([`crate::delivery_log`]), everything else when it is
//! answered.

use std::time::Instant;

use actix_http::{HttpMessage, Request};
use actix_web::HttpResponse;
use shared::telemetry::redacted_path;
use tracing::field::display;
use uuid::Uuid;

use crate::caller::Caller;

/// The stable code of a refusal, for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code(pub(crate) &'static str);

/// Marks an answer that is logged when it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsDelivery;

/// What ties this request to the shop's: the token's `jti`, which the shop logged when it signed.
struct Jti(Uuid);

/// Remembers the token of this request for its log line.
pub(crate) fn note_token(request: &Request, jti: Uuid) {
    request.extensions_mut().insert(Jti(jti));
}

/// Logs the answer, unless it is a delivery.
pub(crate) fn log_answer(
    request: &Request,
    response: &HttpResponse,
    caller: &Caller,
    began_at: Instant,
) {
    let of_response = response.extensions();
    if of_response.contains::<IsDelivery>() {
        return;
    }
    let extensions = request.extensions();
    let jti = extensions.get::<Jti>().map(|Jti(jti)| *jti);
    let id = request_id(caller, jti);
    let (jti, ip) = (jti.map(display), caller.ip.map(display));
    let duration_ms = u64::try_from(began_at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    let code = of_response.get::<Code>().map(|Code(code)| *code);
    let (method, path) = (request.method().as_str(), redacted_path(request.path()));
    let is_probe = ["/healthz", "/readyz"]
        .iter()
        .any(|probe| path.ends_with(probe));
    if is_probe {
        tracing::debug!(
            request.id = id,
            method,
            path,
            ip,
            status,
            duration_ms,
            "answered"
        );
    } else {
        tracing::info!(
            request.id = id,
            method,
            path,
            ip,
            status,
            code,
            jti,
            duration_ms,
            "answered"
        );
    }
}

/// The proxy's name for the request, or the token's, or a new one.
fn request_id(caller: &Caller, jti: Option<Uuid>) -> String {
    match &caller.request_id {
        Some(id) => id.clone(),
        None => jti.unwrap_or_else(Uuid::new_v4).to_string(),
    }
}
