//! Changing one's password.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    actions::change_password::change_password,
    error::AppError,
    http::{
        json::Json,
        session::{issue, origin},
        visitor::SignedIn,
    },
    state::AppState,
};

/// What a change takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    current: SecretString,
    new: SecretString,
}

/// `PUT /account/password` → 204; all other sessions end; 401 `wrong_password`; 422; 429.
pub async fn update(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
    Json(body): Json<PasswordBody>,
) -> Result<HttpResponse, AppError> {
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    let begun = change_password(&state, user, session, body.current, body.new, &origin).await?;
    issue(&request, &state, &begun)?;
    Ok(HttpResponse::NoContent().finish())
}
