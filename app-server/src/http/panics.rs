//! A panic in a handler is a 500 and a log line, not a broken connection.

use std::panic::AssertUnwindSafe;

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use futures_util::FutureExt;

use crate::error::AppError;

/// Turns a panic of the handler into [`AppError::Internal`].
///
/// Around each route rather than the whole server: only there may a copy of the request be kept,
/// and so every layer outside still sees an ordinary answer. The panic itself was logged, with its
/// place, by the hook of [`shared::telemetry`].
pub async fn catch_panic(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let copy = request.request().clone();
    if let Ok(outcome) = AssertUnwindSafe(next.call(request)).catch_unwind().await {
        return Ok(outcome?.map_into_left_body());
    }
    let error = AppError::internal("a handler panicked");
    Ok(ServiceResponse::from_err(error, copy).map_into_right_body())
}
