//! Proving the password again.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    actions::confirm::confirm,
    error::AppError,
    http::{
        json::Json,
        session::{issue, origin},
        visitor::SignedIn,
    },
    state::AppState,
};

/// What a proof takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBody {
    password: SecretString,
}

/// `POST /session/confirm` → 204, under a new cookie; 401 `wrong_password`.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
    Json(body): Json<ConfirmBody>,
) -> Result<HttpResponse, AppError> {
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    let begun = confirm(&state, user, session, body.password, &origin).await?;
    issue(&request, &state, &begun)?;
    Ok(HttpResponse::NoContent().finish())
}
