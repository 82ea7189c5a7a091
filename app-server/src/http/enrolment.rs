//! Admins without a second factor: they may set one up, and nothing else.

use actix_web::dev::ServiceRequest;

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
    "/not-me/{token}",
    "/reset/{token}",
    "/verify/{token}",
];

/// Why everything else is refused: pages lead to where the factor is set up, programs get 403.
///
/// The one place where this is decided; no handler can forget it.
pub fn refusal(request: &ServiceRequest, visitor: &Visitor) -> Option<AppError> {
    if !visitor.user().is_some_and(User::must_enrol) {
        return None;
    }
    let pattern = request.match_pattern().unwrap_or_default();
    let is_open = OPEN.contains(&pattern.as_str());
    (!is_open).then_some(AppError::SecondFactorRequired)
}
