//! Signing in and out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    actions::sign_in::{Attempt, Code, Outcome, sign_in},
    error::AppError,
    http::{
        form::PageForm,
        landing::safe_next,
        layout::{self, Layout, see_other},
        pages::sign_in_code,
        session::{clear_site_data, issue, leave_behind, origin, remove},
        visitor::Visitor,
    },
    state::AppState,
};

/// The sign-in form.
#[derive(Template)]
#[template(path = "session/new.html")]
pub struct SignInPage {
    layout: Layout,
    next: String,
    email: String,
    remember: bool,
    notice: Option<&'static str>,
    error: Option<String>,
    /// Only a new password helps.
    reset: bool,
}

impl SignInPage {
    /// After a code took too long, or too many were wrong.
    pub fn again(layout: Layout, next: String) -> Self {
        let error = "That took too long, or too many codes were wrong. Please begin again.";
        Self {
            layout,
            next,
            email: String::new(),
            remember: false,
            notice: None,
            error: Some(error.to_owned()),
            reset: false,
        }
    }

    /// In place of a page that needs a user: afterwards to `next`.
    pub fn asked_for(mut layout: Layout, next: String) -> Self {
        layout.next = Some(next.clone());
        let notice = Some("Please sign in to go on.");
        Self {
            layout,
            next,
            email: String::new(),
            remember: false,
            notice,
            error: None,
            reset: false,
        }
    }
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    next: String,
    /// What was done just now, by a link in a letter.
    #[serde(default)]
    done: String,
}

impl Wanted {
    /// What was done just now, in words.
    fn notice(&self) -> Option<&'static str> {
        match self.done.as_str() {
            "reset" => Some("Your new password is set. Please sign in with it."),
            "verified" => Some("Thank you, your e-mail address is confirmed."),
            "address" => Some("Your account has its new e-mail address. Please sign in with it."),
            "not-me" => Some(
                "Everybody is signed out of your account. We are sending you a letter with a link to set a new password.",
            ),
            _ => None,
        }
    }

    /// As it was sent; [`safe_next`] decides.
    pub fn next(&self) -> &str {
        &self.next
    }
}

/// `GET /login` → 200; a signed-in user is sent on.
pub async fn new(
    state: Data<AppState>,
    visitor: Visitor,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, AppError> {
    let next = safe_next(&wanted.next);
    if visitor.user().is_some() {
        return Ok(see_other(&next));
    }
    let page = SignInPage {
        layout: Layout::new(&state, &visitor),
        next,
        email: String::new(),
        remember: false,
        notice: wanted.notice(),
        error: None,
        reset: false,
    };
    layout::page(StatusCode::OK, &page)
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    remember: Option<String>,
    #[serde(default)]
    next: String,
}

/// `POST /login` → 303 to `next`, or to where the code is asked for; with the form again: 422, 403 when it was stale or the password must
/// be reset, 429 after too many failures.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let again = |fields: Fields, status, error: String, reset| {
        let page = SignInPage {
            layout: Layout::new(&state, &visitor),
            next: safe_next(&fields.next),
            email: fields.email,
            remember: fields.remember.is_some(),
            notice: None,
            error: Some(error),
            reset,
        };
        layout::page(status, &page)
    };
    let mut fields = match form.genuine_or_fields() {
        Ok(fields) => fields,
        Err(refused) => {
            let error = "This page had grown old. Please type your password again.";
            return again(refused, StatusCode::FORBIDDEN, error.to_owned(), false);
        }
    };
    let attempt = Attempt {
        email: fields.email.clone(),
        password: SecretString::from(std::mem::take(&mut fields.password)),
        code: Code::AskedFor,
        remember: fields.remember.is_some(),
    };
    let left_behind = leave_behind(&visitor);
    match sign_in(
        &state,
        attempt,
        left_behind.anonymous,
        &origin(&state, &request),
    )
    .await
    {
        Ok(Outcome::Begun(begun)) => {
            left_behind.end(&state, &request).await?;
            issue(&request, &state, &begun)?;
            Ok(see_other(&safe_next(&fields.next)))
        }
        Ok(Outcome::CodeWanted(secret)) => {
            Ok(sign_in_code::ask(&state, &secret, &safe_next(&fields.next)))
        }
        Err(error @ AppError::InvalidCredentials) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            again(fields, status, error.public().2.to_owned(), false)
        }
        Err(
            error @ (AppError::TooMany { .. }
            | AppError::SignInsLocked { .. }
            | AppError::ResetRequired),
        ) => {
            let only_a_reset_helps = !matches!(error, AppError::TooMany { .. });
            let answer = again(
                fields,
                error.public().0,
                error.sentence(),
                only_a_reset_helps,
            )?;
            Ok(error.with_retry_after(answer))
        }
        Err(error) => Err(error),
    }
}

/// `POST /logout` → 303 to the front page. Works also when already signed out.
pub async fn destroy(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    form: PageForm<Wanted>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    if let Visitor::User(signed_in) = &visitor {
        let origin = origin(&state, &request);
        state.sessions.sign_out(&signed_in.session, &origin).await?;
        remove(&request);
    }
    let mut answer = see_other("/");
    clear_site_data(answer.headers_mut());
    Ok(answer)
}
