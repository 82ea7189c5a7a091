//! What every page shares: its head, who is signed in, the sign-out button.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::{assets, visitor::Visitor};
use crate::{config::Payments, error::AppError, state::AppState};

/// What `templates/layout.html` needs of every page, as its field `layout`.
pub struct Layout {
    /// What the shop calls the signed-in user.
    pub user_name: Option<String>,
    /// What every form carries.
    pub csrf_token: String,
    /// Where signing in from here shall lead, when not to the front page.
    pub next: Option<String>,
    /// The visitor's session was ended because its cookie had been copied: said on every page.
    pub was_robbed: bool,
    /// PAYMENTS=test: said on every page.
    pub test_payments: bool,
    /// Address of the style sheet.
    pub stylesheet: &'static str,
}

impl Layout {
    /// The frame of a page for `visitor`.
    pub fn new(state: &AppState, visitor: &Visitor) -> Self {
        Self {
            user_name: visitor.user().map(|user| user.name.clone()),
            csrf_token: visitor.csrf_token().to_owned(),
            next: None,
            was_robbed: visitor.was_robbed(),
            test_payments: state.config.payments == Payments::Test,
            stylesheet: assets::stylesheet(),
        }
    }

    /// Address of the picture in a browser's tab; without one, browsers ask for `/favicon.ico`.
    pub fn icon(&self) -> &'static str {
        assets::icon()
    }
}

/// Answers with a page.
pub fn page(status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
    let html = page.render().map_err(AppError::internal)?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(html))
}

/// Sends a browser on by GET after a form was taken.
pub fn see_other(address: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("Location", address))
        .finish()
}
