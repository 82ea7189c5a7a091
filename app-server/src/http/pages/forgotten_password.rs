//! Forgetting one's password, and setting a new one by a link.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    actions::{
        forgot_password::ask,
        links::{self, Found},
        reset_password::reset_password,
    },
    domain::{email::Email, mail::LinkKind, password::min_chars},
    error::AppError,
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        pages::dead_link,
        session::{origin, remove},
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "forgotten_password/new.html")]
struct ForgottenPage {
    layout: Layout,
    email: String,
    asked: bool,
    /// The shop sends no mail.
    mute: bool,
    error: Option<&'static str>,
}

/// Whether it was asked for just now.
#[derive(Deserialize)]
pub struct Asked {
    asked: Option<String>,
}

/// `GET /forgot` → 200.
pub async fn new(
    state: Data<AppState>,
    visitor: Visitor,
    query: Query<Asked>,
) -> Result<HttpResponse, AppError> {
    let asked = query.asked.is_some();
    show_forgotten(&state, &visitor, StatusCode::OK, String::new(), asked, None)
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    email: String,
}

/// `POST /forgot` → 303, whether there is such an account or not; 422 for what is no address; 429.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let fields = match form.genuine_or_fields() {
        Ok(fields) => fields,
        Err(Fields { email }) => {
            let error = Some("This page had grown old. Please send it once more.");
            return show_forgotten(&state, &visitor, StatusCode::FORBIDDEN, email, false, error);
        }
    };
    if Email::parse(&fields.email).is_none() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let error = Some("This is not an e-mail address like name@example.org.");
        return show_forgotten(&state, &visitor, status, fields.email, false, error);
    }
    ask(&state, &fields.email, &origin(&state, &request)).await?;
    Ok(see_other("/forgot?asked=1"))
}

fn show_forgotten(
    state: &AppState,
    visitor: &Visitor,
    status: StatusCode,
    email: String,
    asked: bool,
    error: Option<&'static str>,
) -> Result<HttpResponse, AppError> {
    let page = ForgottenPage {
        layout: Layout::new(state, visitor),
        email,
        asked,
        mute: state.post.only_logs(),
        error,
    };
    layout::page(status, &page)
}

#[derive(Template)]
#[template(path = "forgotten_password/edit.html")]
struct ResetPage {
    layout: Layout,
    token: String,
    /// Whose password it is: password managers look for it in the form.
    email: String,
    min_chars: usize,
    error: Option<String>,
}

/// `GET /reset/{token}` → 200 with the form, changing nothing; 410 used or over, 404 unknown.
pub async fn edit(
    state: Data<AppState>,
    visitor: Visitor,
    token: Path<String>,
) -> Result<HttpResponse, AppError> {
    show_reset(&state, &visitor, StatusCode::OK, token.into_inner(), None).await
}

/// The form's fields.
#[derive(Deserialize)]
pub struct NewPassword {
    #[serde(default)]
    new: String,
}

/// `POST /reset/{token}` → 303 to the sign-in form; 422 for a weak password; 403 stale; 410, 404.
pub async fn update(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    token: Path<String>,
    form: PageForm<NewPassword>,
) -> Result<HttpResponse, AppError> {
    let token = token.into_inner();
    let Ok(fields) = form.genuine_or_fields() else {
        let error = "This page had grown old. Please type the new password again.".to_owned();
        return show_reset(&state, &visitor, StatusCode::FORBIDDEN, token, Some(error)).await;
    };
    let new = fields.new.into();
    match reset_password(&state, &token, new, &origin(&state, &request)).await {
        Ok(()) => {
            if visitor.user().is_some() {
                remove(&request);
            }
            Ok(see_other("/login?done=reset"))
        }
        Err(AppError::Invalid(errors)) => {
            let error: Vec<String> = errors.into_iter().map(|error| error.detail).collect();
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            show_reset(&state, &visitor, status, token, Some(error.join(" "))).await
        }
        // Known and over, or unknown: the page says which.
        Err(AppError::NotFound(_)) => {
            show_reset(&state, &visitor, StatusCode::GONE, token, None).await
        }
        Err(error) => Err(error),
    }
}

async fn show_reset(
    state: &AppState,
    visitor: &Visitor,
    status: StatusCode,
    token: String,
    error: Option<String>,
) -> Result<HttpResponse, AppError> {
    let link = match links::find(state, &token, &[LinkKind::Reset]).await? {
        Found::Good(link) => link,
        Found::Over => return dead_link::show(state, visitor, LinkKind::Reset, true),
        Found::Unknown => return dead_link::show(state, visitor, LinkKind::Reset, false),
    };
    let page = ResetPage {
        layout: Layout::new(state, visitor),
        token,
        email: link.account_email,
        min_chars: min_chars(link.has_second_factor),
        error,
    };
    layout::page(status, &page)
}
