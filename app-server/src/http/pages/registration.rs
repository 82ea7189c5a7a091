//! Opening an account.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    actions::register::{Registration, register},
    domain::password::MIN_CHARS,
    error::{AppError, Conflict, FieldError},
    http::{
        form::PageForm,
        landing::safe_next,
        layout::{self, Layout, see_other},
        session::{issue, leave_behind, origin},
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "registration/new.html")]
struct RegistrationPage {
    layout: Layout,
    min_chars: usize,
    name: String,
    email: String,
    next: String,
    errors: Vec<FieldError>,
}

impl RegistrationPage {
    /// What is wrong with a field, for the place beside it.
    fn error_of(&self, field: &str) -> Option<&str> {
        let error = self.errors.iter().find(|error| error.field == field)?;
        Some(&error.detail)
    }
}

/// The form's fields.
#[derive(Default, Deserialize)]
pub struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /register` → 200; a signed-in user is sent on.
pub async fn new(
    state: Data<AppState>,
    visitor: Visitor,
    fields: Query<super::session::Wanted>,
) -> Result<HttpResponse, AppError> {
    let next = safe_next(fields.next());
    if visitor.user().is_some() {
        return Ok(see_other(&next));
    }
    let fields = Fields {
        next,
        ..Fields::default()
    };
    show(&state, &visitor, StatusCode::OK, fields, Vec::new())
}

/// `POST /register` → 303 to `next`, signed in; 422 or 429 with the form again; 403 when stale.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let mut fields = match form.genuine_or_fields() {
        Ok(fields) => fields,
        Err(refused) => {
            let error = FieldError::new(
                "password",
                "This page had grown old. Please type the password again.",
            );
            return show(
                &state,
                &visitor,
                StatusCode::FORBIDDEN,
                refused,
                vec![error],
            );
        }
    };
    let registration = Registration {
        email: fields.email.clone(),
        name: fields.name.clone(),
        password: SecretString::from(std::mem::take(&mut fields.password)),
    };
    let left_behind = leave_behind(&visitor);
    match register(
        &state,
        registration,
        left_behind.anonymous,
        &origin(&state, &request),
    )
    .await
    {
        Ok(begun) => {
            left_behind.end(&state, &request).await?;
            issue(&request, &state, &begun)?;
            Ok(see_other(&safe_next(&fields.next)))
        }
        Err(AppError::Invalid(errors)) => show(
            &state,
            &visitor,
            StatusCode::UNPROCESSABLE_ENTITY,
            fields,
            errors,
        ),
        Err(AppError::Conflict(conflict @ Conflict::EmailTaken)) => {
            let error = FieldError::new("email", conflict.public().1);
            show(
                &state,
                &visitor,
                StatusCode::UNPROCESSABLE_ENTITY,
                fields,
                vec![error],
            )
        }
        Err(error @ AppError::TooMany { .. }) => {
            let field = FieldError::new("email", error.sentence());
            let page = show(&state, &visitor, error.public().0, fields, vec![field])?;
            Ok(error.with_retry_after(page))
        }
        Err(error) => Err(error),
    }
}

fn show(
    state: &AppState,
    visitor: &Visitor,
    status: StatusCode,
    fields: Fields,
    errors: Vec<FieldError>,
) -> Result<HttpResponse, AppError> {
    let page = RegistrationPage {
        layout: Layout::new(state, visitor),
        min_chars: MIN_CHARS,
        name: fields.name,
        email: fields.email,
        next: safe_next(&fields.next),
        errors,
    };
    layout::page(status, &page)
}
