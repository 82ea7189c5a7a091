//! Changing the address of one's account.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    actions::change_address::ask,
    error::AppError,
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        session::origin,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "account/address.html")]
struct AddressPage {
    layout: Layout,
    present: String,
    email: String,
    asked: bool,
    error: Option<String>,
}

/// Whether it was asked for just now.
#[derive(Deserialize)]
pub struct Asked {
    asked: Option<String>,
}

/// `GET /account/email` → 200; 401 signed out; 303 to `/confirm` without a recent proof.
pub async fn edit(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
    query: Query<Asked>,
) -> Result<HttpResponse, AppError> {
    let asked = query.asked.is_some();
    if !asked {
        signed_in.proved(state.clock.now())?;
    }
    show(&state, &visitor, StatusCode::OK, String::new(), asked, None)
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    email: String,
}

/// `POST /account/email` → 303, whether the address is free or not; 422; 403 stale; 429.
pub async fn update(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    signed_in: SignedIn,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let fields = match form.genuine_or_fields() {
        Ok(fields) => fields,
        Err(Fields { email }) => {
            let error = "This page had grown old. Please send it once more.".to_owned();
            let status = StatusCode::FORBIDDEN;
            return show(&state, &visitor, status, email, false, Some(error));
        }
    };
    signed_in.proved(state.clock.now())?;
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    match ask(&state, user, session.id, &fields.email, &origin).await {
        Ok(_) => Ok(see_other("/account/email?asked=1")),
        Err(AppError::Invalid(errors)) => {
            let error: Vec<String> = errors.into_iter().map(|error| error.detail).collect();
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let error = Some(error.join(" "));
            show(&state, &visitor, status, fields.email, false, error)
        }
        Err(error) => Err(error),
    }
}

fn show(
    state: &AppState,
    visitor: &Visitor,
    status: StatusCode,
    email: String,
    asked: bool,
    error: Option<String>,
) -> Result<HttpResponse, AppError> {
    let present = visitor.user().map(|user| user.email.clone());
    let page = AddressPage {
        layout: Layout::new(state, visitor),
        present: present.unwrap_or_default(),
        email,
        asked,
        error,
    };
    layout::page(status, &page)
}
