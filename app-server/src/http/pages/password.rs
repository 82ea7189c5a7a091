//! Changing one's password.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;

use crate::{
    actions::change_password::change_password,
    domain::password::MIN_CHARS,
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
#[template(path = "account/password.html")]
struct PasswordPage {
    layout: Layout,
    /// Whose password it is: password managers look for it in the form.
    email: String,
    min_chars: usize,
    error: Option<String>,
}

/// `GET /account/password` → 200; 401 signed out.
pub async fn edit(
    state: Data<AppState>,
    visitor: Visitor,
    _: SignedIn,
) -> Result<HttpResponse, AppError> {
    show(&state, &visitor, StatusCode::OK, None)
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
}

/// `POST /account/password` → 303 to the account; 422 or 429 with the form again; 403 when stale.
pub async fn update(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    signed_in: SignedIn,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let Ok(fields) = form.genuine_or_fields() else {
        let error = "This page had grown old. Please type both passwords again.".to_owned();
        return show(&state, &visitor, StatusCode::FORBIDDEN, Some(error));
    };
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    let changed = change_password(
        &state,
        user,
        session,
        fields.current.into(),
        fields.new.into(),
        &origin,
    )
    .await;
    match changed {
        Ok(begun) => {
            issue(&request, &state, &begun)?;
            Ok(see_other("/account"))
        }
        Err(AppError::Invalid(errors)) => {
            let error = errors
                .into_iter()
                .map(|error| error.detail)
                .collect::<Vec<_>>()
                .join(" ");
            show(
                &state,
                &visitor,
                StatusCode::UNPROCESSABLE_ENTITY,
                Some(error),
            )
        }
        Err(error @ AppError::WrongPassword) => {
            let error = error.public().2.to_owned();
            show(
                &state,
                &visitor,
                StatusCode::UNPROCESSABLE_ENTITY,
                Some(error),
            )
        }
        Err(error @ (AppError::TooMany { .. } | AppError::SignInsLocked { .. })) => {
            let page = show(&state, &visitor, error.public().0, Some(error.sentence()))?;
            Ok(error.with_retry_after(page))
        }
        Err(error) => Err(error),
    }
}

fn show(
    state: &AppState,
    visitor: &Visitor,
    status: StatusCode,
    error: Option<String>,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(state, visitor);
    layout::page(
        status,
        &PasswordPage {
            layout,
            email: visitor
                .user()
                .map_or_else(String::new, |user| user.email.clone()),
            min_chars: MIN_CHARS,
            error,
        },
    )
}
