//! One's account at a glance.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::moment;
use crate::{
    db::accounts::find_account,
    domain::{deletion::due_at, user::Role},
    error::AppError,
    http::{
        layout::{self, Layout},
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "account/show.html")]
struct AccountPage {
    layout: Layout,
    name: String,
    email: String,
    signed_in_since: String,
    signed_in_until: String,
    /// When the account will be deleted, if its owner asked for that.
    deletion_due: Option<String>,
    is_admin: bool,
}

/// `GET /account` → 200; 401 signed out.
pub async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    let account = find_account(&state.db().await?, signed_in.user.id).await?;
    let deletion_asked_at = account.and_then(|account| account.deletion_asked_at);
    let page = AccountPage {
        layout: Layout::new(&state, &visitor),
        name: signed_in.user.name,
        email: signed_in.user.email,
        signed_in_since: moment(signed_in.session.created_at),
        signed_in_until: moment(signed_in.session.absolute_expires_at),
        deletion_due: deletion_asked_at.map(|asked_at| moment(due_at(asked_at))),
        is_admin: signed_in.user.role == Role::Admin,
    };
    layout::page(StatusCode::OK, &page)
}
