//! One's data: exporting them, and having the account deleted.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::Data,
};

use crate::{
    actions::{delete_account, export::export_data},
    error::AppError,
    http::{
        json::answer,
        session::{issue, origin},
        visitor::SignedIn,
    },
    state::AppState,
};

/// `GET /account/export` → 200, a file; 401; 403 `confirm_password`; 429.
pub async fn show(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    let (user, session) = (signed_in.user.id, signed_in.session.id);
    let data = export_data(&state, user, session, &origin(&state, &request)).await?;
    let mut answer = answer(StatusCode::OK, &data);
    let name = header::HeaderValue::from_static("attachment; filename=\"claimcheck-data.json\"");
    answer
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, name);
    Ok(answer)
}

/// `PUT /account/deletion` → 204, also when it was asked for before; 401; 403 `confirm_password`;
/// 409 `last_admin`.
pub async fn update(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    if let Some(begun) = delete_account::ask(&state, user, session, &origin).await? {
        issue(&request, &state, &begun)?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /account/deletion` → 204, also when there was nothing to take back; 401.
pub async fn destroy(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    let (user, session) = (signed_in.user.id, signed_in.session.id);
    delete_account::withdraw(&state, user, session, &origin(&state, &request)).await?;
    Ok(HttpResponse::NoContent().finish())
}
