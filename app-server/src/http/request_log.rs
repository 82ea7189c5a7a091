//! One log line per request, with an id, without secrets.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    web::Data,
};
use shared::telemetry::redacted_path;
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;
use uuid::Uuid;

use super::{client_address, error::log_chain};
use crate::{error::AppError, state::AppState};

/// A stopwatch for the log, not a clock: nothing is decided by it.
struct Started(Instant);

/// The span around a request, and the line at its end.
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        request.extensions_mut().insert(Started(Instant::now()));
        let state = request.app_data::<Data<AppState>>();
        let trusted = state.map(|state| state.config.trusted_proxies.as_slice());
        let trusted = trusted.unwrap_or_default();
        let id = client_address::given_request_id(request, trusted);
        tracing::info_span!(
            "request",
            request.id = id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            method = %request.method(),
            path = redacted_path(request.path()),
            ip = client_address::of(request.request(), trusted),
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let response = match outcome {
            Ok(response) => response,
            Err(error) => return span.in_scope(|| tracing::error!(%error, "not answered")),
        };
        let error = response.response().error();
        let error = error.and_then(|error| error.as_error::<AppError>());
        let status = response.status().as_u16();
        let extensions = response.request().extensions();
        let duration_ms = extensions
            .get::<Started>()
            .map(|Started(at)| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
        let is_probe = ["/healthz", "/readyz"].contains(&response.request().path());
        span.in_scope(|| {
            if let Some(error) = error {
                log_chain(error);
            }
            if is_probe {
                tracing::debug!(status, duration_ms, "answered");
            } else {
                tracing::info!(status, duration_ms, "answered");
            }
        });
    }
}
