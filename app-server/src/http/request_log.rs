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
        let ip =
            state.map(|state| client_address::of(request.request(), &state.config.trusted_proxies));
        tracing::info_span!(
            "request",
            request.id = %uuid::Uuid::new_v4(),
            method = %request.method(),
            path = redacted_path(request.path()),
            ip,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        span.in_scope(|| match outcome {
            Ok(response) => {
                let error = response
                    .response()
                    .error()
                    .and_then(|error| error.as_error::<AppError>());
                if let Some(error) = error {
                    log_chain(error);
                }
                let started = response
                    .request()
                    .extensions()
                    .get::<Started>()
                    .map(|started| started.0);
                let duration_ms = started.map(|started| started.elapsed().as_millis());
                tracing::info!(status = response.status().as_u16(), duration_ms, "answered");
            }
            Err(error) => tracing::error!(%error, "not answered"),
        });
    }
}
