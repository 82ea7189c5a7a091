//! Opening an account.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use secrecy::SecretString;
use serde::Deserialize;

use super::session::SessionBody;
use crate::{
    actions::register::{Registration, register},
    error::AppError,
    http::{
        json::{Json, answer},
        session::{issue, leave_behind, origin},
        visitor::Visitor,
    },
    state::AppState,
};

/// What an account takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUserBody {
    email: String,
    name: String,
    password: SecretString,
}

/// `POST /users` → 201, signed in; 409 `email_taken`; 422 `invalid`.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    Json(body): Json<NewUserBody>,
) -> Result<HttpResponse, AppError> {
    let NewUserBody {
        email,
        name,
        password,
    } = body;
    let registration = Registration {
        email,
        name,
        password,
    };
    let left_behind = leave_behind(&visitor);
    let begun = register(
        &state,
        registration,
        left_behind.anonymous,
        &origin(&state, &request),
    )
    .await?;
    left_behind.end(&state, &request).await?;
    issue(&request, &state, &begun)?;
    Ok(answer(StatusCode::CREATED, &SessionBody::begun(&begun)))
}
