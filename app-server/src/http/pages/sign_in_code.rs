//! The second page of signing in: the code.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;
use url::form_urlencoded;

use super::session::{SignInPage, Wanted};
use crate::{
    actions::{
        pending_sign_in::{self, PATIENCE, Step},
        second_factor::Proof,
    },
    domain::secret::SessionSecret,
    error::AppError,
    http::{
        cookies::{self, Names},
        form::PageForm,
        landing::safe_next,
        layout::{self, Layout, see_other},
        session::{issue, leave_behind, origin},
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "session/code.html")]
struct CodePage {
    layout: Layout,
    next: String,
    error: Option<String>,
}

/// Sends a visitor whose password was right to where the code is asked for.
pub fn ask(state: &AppState, secret: &SessionSecret, next: &str) -> HttpResponse {
    let mut answer = see_other(&with_next("/login/code", next));
    let names = Names::of(&state.config.app_url);
    let cookie = names.pending_cookie(secret, PATIENCE.num_seconds());
    cookies::add(answer.headers_mut(), &cookie);
    answer
}

/// `GET /login/code` → 200; 303 to the sign-in when no password was proved.
pub async fn new(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, AppError> {
    let next = safe_next(wanted.next());
    let waiting = match secret_of(&state, &request) {
        Some(secret) => pending_sign_in::is_waiting(&state, &secret).await?,
        None => false,
    };
    if !waiting {
        return Ok(see_other(&with_next("/login", &next)));
    }
    show(&state, &visitor, StatusCode::OK, next, None)
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// `POST /login/code` → 303 to `next`; 422 with the form again, or the sign-in form when it is over;
/// 403 with the form when it was stale.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let fields = match form.genuine_or_fields() {
        Ok(fields) => fields,
        Err(refused) => {
            let error = "This page had grown old. Please type the code again.";
            let next = safe_next(&refused.next);
            return show(
                &state,
                &visitor,
                StatusCode::FORBIDDEN,
                next,
                Some(error.to_owned()),
            );
        }
    };
    let next = safe_next(&fields.next);
    let left_behind = leave_behind(&visitor);
    let step = match secret_of(&state, &request) {
        Some(secret) => {
            let (visitor, origin) = (left_behind.anonymous, origin(&state, &request));
            pending_sign_in::finish(&state, &secret, &fields.code.into(), visitor, &origin).await
        }
        None => Ok(Step::Over),
    };
    let step = match step {
        Err(error @ (AppError::TooMany { .. } | AppError::SignInsLocked { .. })) => {
            let (status, sentence) = (error.public().0, error.sentence());
            let answer = show(&state, &visitor, status, next, Some(sentence))?;
            return Ok(error.with_retry_after(answer));
        }
        step => step?,
    };
    let mut answer = match step {
        Step::Wrong => {
            let error = "This code is not right, or was used before. Please wait for the next one.";
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return show(&state, &visitor, status, next, Some(error.to_owned()));
        }
        Step::Over => {
            let page = SignInPage::again(Layout::new(&state, &visitor), next);
            layout::page(StatusCode::UNPROCESSABLE_ENTITY, &page)?
        }
        Step::Begun { begun, proof } => {
            left_behind.end(&state, &request).await?;
            issue(&request, &state, &begun)?;
            match proof {
                // Says how many are left, and that the app can be replaced.
                Proof::RecoveryCode => see_other(&with_next("/account/second-factor", &next)),
                Proof::App => see_other(&next),
            }
        }
    };
    let names = Names::of(&state.config.app_url);
    cookies::add(answer.headers_mut(), &names.pending_removal());
    Ok(answer)
}

fn show(
    state: &AppState,
    visitor: &Visitor,
    status: StatusCode,
    next: String,
    error: Option<String>,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(state, visitor);
    layout::page(
        status,
        &CodePage {
            layout,
            next,
            error,
        },
    )
}

fn secret_of(state: &AppState, request: &HttpRequest) -> Option<SessionSecret> {
    let names = Names::of(&state.config.app_url);
    SessionSecret::parse(request.cookie(names.pending)?.value())
}

fn with_next(path: &str, next: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("{path}?next={next}")
}
