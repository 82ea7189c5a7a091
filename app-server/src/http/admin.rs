//! Who may do what only admins may.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use serde_json::json;

use super::{
    session::origin,
    visitor::{SignedIn, Visitor},
};
use crate::{
    actions::audit::{Entry, record_refusal},
    domain::{audit::Event, user::Role},
    error::AppError,
    state::AppState,
};

/// A signed-in admin: 401 for a visitor, 403 for a buyer, whose attempt is written down.
///
/// Every handler beneath `/admin` and `/api/v1/admin` takes it.
pub struct Admin(pub SignedIn);

impl FromRequest for Admin {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let outside = || AppError::internal("a route outside the session layer");
            let signed_in = match Visitor::of(&request).ok_or_else(outside)? {
                Visitor::User(signed_in) => signed_in,
                Visitor::Anonymous { .. } => return Err(AppError::SignInRequired),
            };
            if signed_in.user.role == Role::Admin {
                return Ok(Self(signed_in));
            }
            let state = request.app_data::<Data<AppState>>().ok_or_else(outside)?;
            refuse(state, &request, &signed_in).await?;
            Err(AppError::Forbidden)
        })
    }
}

async fn refuse(
    state: &AppState,
    request: &HttpRequest,
    signed_in: &SignedIn,
) -> Result<(), AppError> {
    let pattern = request.match_pattern().unwrap_or_default();
    let entry = Entry {
        event: Event::AccessDenied,
        user: Some(signed_in.user.id),
        actor: None,
        session: Some(signed_in.session.id),
        origin: &origin(state, request),
        details: json!({"method": request.method().as_str(), "address": pattern}),
    };
    record_refusal(&state.db().await?, state.clock.now(), entry).await?;
    Ok(())
}
