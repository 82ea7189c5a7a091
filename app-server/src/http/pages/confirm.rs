//! Proving the password again, on the way to something sensitive.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

use super::session::Wanted;
use crate::{
    actions::confirm::confirm,
    error::AppError,
    http::{
        form::PageForm,
        landing::safe_next,
        layout::{self, Layout, see_other},
        session::{issue, origin},
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "session/confirm.html")]
struct ConfirmPage {
    layout: Layout,
    /// Whose password it is: password managers look for it in the form.
    email: String,
    next: String,
    error: Option<&'static str>,
}

/// The address of this page on the way to `next`, a path of this shop.
pub fn address(next: &str) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/confirm?next={next}")
}

/// `GET /confirm` → 200; 401 signed out.
pub async fn new(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, AppError> {
    let page = ConfirmPage {
        layout: Layout::new(&state, &visitor),
        email: signed_in.user.email.clone(),
        next: safe_next(wanted.next()),
        error: None,
    };
    layout::page(StatusCode::OK, &page)
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// `POST /confirm` → 303 to `next`, under a new cookie; 422 with the form again; 403 when stale.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    signed_in: SignedIn,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let SignedIn { user, session } = &signed_in;
    let again = |next: &str, status, error| {
        let page = ConfirmPage {
            layout: Layout::new(&state, &visitor),
            email: user.email.clone(),
            next: safe_next(next),
            error: Some(error),
        };
        layout::page(status, &page)
    };
    let fields = match form.genuine_or_fields() {
        Ok(fields) => fields,
        Err(refused) => {
            let error = "This page had grown old. Please type your password again.";
            return again(&refused.next, StatusCode::FORBIDDEN, error);
        }
    };
    let origin = origin(&state, &request);
    match confirm(&state, user, session, fields.password.into(), &origin).await {
        Ok(begun) => {
            issue(&request, &state, &begun)?;
            Ok(see_other(&safe_next(&fields.next)))
        }
        Err(AppError::WrongPassword) => {
            let error = "This is not your password.";
            again(&fields.next, StatusCode::UNPROCESSABLE_ENTITY, error)
        }
        Err(error) => Err(error),
    }
}
