//! One's account at a glance.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

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
    verified: bool,
    notice: Option<&'static str>,
    signed_in_since: String,
    signed_in_until: String,
    /// When the account will be deleted, if its owner asked for that.
    deletion_due: Option<String>,
    is_admin: bool,
}

/// What was done just now.
#[derive(Deserialize)]
pub struct Done {
    #[serde(default)]
    done: String,
}

impl Done {
    fn notice(&self) -> Option<&'static str> {
        match self.done.as_str() {
            "verified" => Some("Thank you, your e-mail address is confirmed."),
            "sent" => Some("A letter with a link is on its way to you."),
            "address" => Some("Your account has its new e-mail address."),
            _ => None,
        }
    }
}

/// `GET /account` → 200; 401 signed out.
pub async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
    query: Query<Done>,
) -> Result<HttpResponse, AppError> {
    let account = find_account(&state.db().await?, signed_in.user.id).await?;
    let account = account.ok_or(AppError::SignInRequired)?;
    let page = AccountPage {
        layout: Layout::new(&state, &visitor),
        name: signed_in.user.name.clone(),
        email: signed_in.user.email.clone(),
        verified: account.email_verified_at.is_some(),
        notice: query.notice(),
        signed_in_since: moment(signed_in.session.created_at),
        signed_in_until: moment(signed_in.session.absolute_expires_at),
        deletion_due: account
            .deletion_asked_at
            .map(|asked_at| moment(due_at(asked_at))),
        is_admin: signed_in.user.role == Role::Admin,
    };
    layout::page(StatusCode::OK, &page)
}
