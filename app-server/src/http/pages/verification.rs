//! Proving an address by a link: the account's own, or the one it shall have.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    actions::{
        change_address::confirm,
        links::{self, Found},
        verify_address::{ask_again, verify},
    },
    domain::mail::LinkKind,
    error::{AppError, Conflict},
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        pages::dead_link,
        session::origin,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

const KINDS: &[LinkKind] = &[LinkKind::Verify, LinkKind::NewAddress];

#[derive(Template)]
#[template(path = "verification/edit.html")]
struct VerificationPage {
    layout: Layout,
    token: String,
    address: String,
    is_new: bool,
    error: Option<&'static str>,
}

/// `GET /verify/{token}` → 200 with a button, changing nothing; 410 used or over, 404 unknown.
pub async fn edit(
    state: Data<AppState>,
    visitor: Visitor,
    token: Path<String>,
) -> Result<HttpResponse, AppError> {
    show(&state, &visitor, StatusCode::OK, token.into_inner(), None).await
}

/// A form of a button.
#[derive(Deserialize)]
pub struct Button {}

/// `POST /verify/{token}` → 303; 409 when the address was taken meanwhile; 403 stale; 410, 404.
pub async fn update(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    token: Path<String>,
    form: PageForm<Button>,
) -> Result<HttpResponse, AppError> {
    let token = token.into_inner();
    if form.genuine_or_fields().is_err() {
        let error = Some("This page had grown old. Please press the button once more.");
        return show(&state, &visitor, StatusCode::FORBIDDEN, token, error).await;
    }
    let Found::Good(link) = links::find(&state, &token, KINDS).await? else {
        return show(&state, &visitor, StatusCode::GONE, token, None).await;
    };
    let origin = origin(&state, &request);
    let (done, outcome) = if link.kind == LinkKind::NewAddress {
        ("address", confirm(&state, &token, &link, &origin).await)
    } else {
        ("verified", verify(&state, &token, &link, &origin).await)
    };
    match outcome {
        Ok(()) => {
            let is_theirs = visitor.user().is_some_and(|user| user.id == link.user);
            let place = if is_theirs { "/account" } else { "/login" };
            Ok(see_other(&format!("{place}?done={done}")))
        }
        Err(AppError::Conflict(Conflict::EmailTaken)) => {
            let error = Some("An account has this address by now. Yours keeps the one it has.");
            show(&state, &visitor, StatusCode::CONFLICT, token, error).await
        }
        Err(AppError::NotFound(_)) => show(&state, &visitor, StatusCode::GONE, token, None).await,
        Err(error) => Err(error),
    }
}

/// `POST /account/verification` → 303 to the account, with another letter on its way; 429.
pub async fn create(
    state: Data<AppState>,
    signed_in: SignedIn,
    form: PageForm<Button>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    ask_again(&state, signed_in.user.id).await?;
    Ok(see_other("/account?done=sent"))
}

async fn show(
    state: &AppState,
    visitor: &Visitor,
    status: StatusCode,
    token: String,
    error: Option<&'static str>,
) -> Result<HttpResponse, AppError> {
    let link = match links::find(state, &token, KINDS).await? {
        Found::Good(link) => link,
        Found::Over => return dead_link::show(state, visitor, LinkKind::Verify, true),
        Found::Unknown => return dead_link::show(state, visitor, LinkKind::Verify, false),
    };
    let page = VerificationPage {
        layout: Layout::new(state, visitor),
        token,
        address: link.recipient,
        is_new: link.kind == LinkKind::NewAddress,
        error,
    };
    layout::page(status, &page)
}
