//! One's data: exporting them, and having the account deleted.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::Data,
};
use askama::Template;
use serde::Deserialize;

use super::moment;
use crate::{
    actions::{delete_account, export::export_data},
    db::accounts::find_account,
    domain::deletion::due_at,
    error::AppError,
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        session::{issue, origin},
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "account/data.html")]
struct DataPage {
    layout: Layout,
}

/// `GET /account/data` → 200; 401 signed out.
pub async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    _: SignedIn,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(&state, &visitor);
    layout::page(StatusCode::OK, &DataPage { layout })
}

/// A form with a button and nothing to fill in.
#[derive(Deserialize)]
pub struct Button {}

/// `POST /account/data` → 200, a file; 303 to `/confirm` without a recent proof; 429.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
    form: PageForm<Button>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    signed_in.proved(state.clock.now())?;
    let (user, session) = (signed_in.user.id, signed_in.session.id);
    let data = export_data(&state, user, session, &origin(&state, &request)).await?;
    let text = serde_json::to_vec_pretty(&data).map_err(AppError::internal)?;
    let name = "attachment; filename=\"claimcheck-data.json\"";
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(text))
}

#[derive(Template)]
#[template(path = "account/delete.html")]
struct DeletePage {
    layout: Layout,
    /// When it will happen, if it was asked for.
    due: Option<String>,
    error: Option<&'static str>,
}

/// `GET /account/delete` → 200; 303 to `/confirm` without a recent proof; 401 signed out.
pub async fn delete(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    draw(&state, &visitor, &signed_in, StatusCode::OK, None).await
}

/// `POST /account/delete` → 303 to the account; 303 to `/confirm` without a recent proof; 409 with
/// the page again for the last admin.
pub async fn destroy(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    signed_in: SignedIn,
    form: PageForm<Button>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    signed_in.proved(state.clock.now())?;
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    match delete_account::ask(&state, user, session, &origin).await {
        Ok(begun) => {
            if let Some(begun) = begun {
                issue(&request, &state, &begun)?;
            }
            Ok(see_other("/account"))
        }
        Err(error @ AppError::Conflict(_)) => {
            let (status, _, sentence) = error.public();
            draw(&state, &visitor, &signed_in, status, Some(sentence)).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /account/keep` → 303 to the account, also when there was nothing to take back.
pub async fn keep(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
    form: PageForm<Button>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    let (user, session) = (signed_in.user.id, signed_in.session.id);
    delete_account::withdraw(&state, user, session, &origin(&state, &request)).await?;
    Ok(see_other("/account"))
}

async fn draw(
    state: &AppState,
    visitor: &Visitor,
    signed_in: &SignedIn,
    status: StatusCode,
    error: Option<&'static str>,
) -> Result<HttpResponse, AppError> {
    let account = find_account(&state.db().await?, signed_in.user.id).await?;
    let asked_at = account.and_then(|account| account.deletion_asked_at);
    let page = DeletePage {
        layout: Layout::new(state, visitor),
        due: asked_at.map(|asked_at| moment(due_at(asked_at))),
        error,
    };
    layout::page(status, &page)
}
