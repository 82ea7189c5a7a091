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

#[cfg(test)]
mod tests {
    use actix_web::{App, middleware::from_fn, test, web};

    use super::*;

    async fn broken() -> String {
        panic!("a bug")
    }

    #[actix_web::test]
    async fn a_panic_is_a_500_that_says_nothing_about_it() {
        let route = web::get().to(broken).wrap(from_fn(catch_panic));
        let app = test::init_service(App::new().route("/", route)).await;

        let answer = test::call_service(&app, test::TestRequest::get().to_request()).await;
        assert_eq!(answer.status(), 500);
        let body = test::read_body(answer).await;
        assert!(!String::from_utf8_lossy(&body).contains("bug"));
    }
}
