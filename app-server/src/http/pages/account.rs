//! One's account at a glance.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use crate::{
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
}

/// `GET /account` → 200; 401 signed out.
pub async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    let moment = |at: chrono::DateTime<chrono::Utc>| at.format("%-d %B %Y, %H:%M UTC").to_string();
    let page = AccountPage {
        layout: Layout::new(&state, &visitor),
        name: signed_in.user.name,
        email: signed_in.user.email,
        signed_in_since: moment(signed_in.session.created_at),
        signed_in_until: moment(signed_in.session.absolute_expires_at),
    };
    layout::page(StatusCode::OK, &page)
}
