//! Admins without a second factor: they may set one up, and nothing else.

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use super::visitor::Visitor;
use crate::{domain::user::User, error::AppError};

/// What is open to an admin who has no second factor yet: setting one up, proving or changing the
/// password, signing in and out, and what links in letters lead to.
pub const OPEN: &[&str] = &[
    "/account/password",
    "/account/second-factor",
    "/account/second-factor/new",
    "/api/v1/account/password",
    "/api/v1/session",
    "/api/v1/session/confirm",
    "/confirm",
    "/forgot",
    "/login",
    "/login/code",
    "/logout",
    "/reset/{token}",
    "/verify/{token}",
];

/// Refuses everything else: pages lead to where the factor is set up, programs get 403.
///
/// The one place where this is decided; no handler can forget it.
pub async fn enrolment(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let visitor = Visitor::of(request.request());
    let user = visitor.as_ref().and_then(Visitor::user);
    if user.is_some_and(User::must_enrol) {
        let pattern = request.match_pattern().unwrap_or_default();
        if !OPEN.contains(&pattern.as_str()) {
            let refusal = AppError::SecondFactorRequired;
            return Ok(request.error_response(refusal).map_into_right_body());
        }
    }
    Ok(next.call(request).await?.map_into_left_body())
}
