//! "This was not me", by a link in a letter.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use super::verification::Button;
use crate::{
    actions::{
        links::{self, Found},
        not_me::not_me,
    },
    domain::mail::LinkKind,
    error::{AppError, Conflict},
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        pages::dead_link,
        session::{origin, remove},
        visitor::Visitor,
    },
    mail::words::moment,
    state::AppState,
};

#[derive(Template)]
#[template(path = "not_me/edit.html")]
struct NotMePage {
    layout: Layout,
    token: String,
    when: String,
    /// The address that is put back.
    former: Option<String>,
    error: Option<&'static str>,
}

/// `GET /not-me/{token}` → 200 with a button, changing nothing; 410 used or over, 404 unknown.
pub async fn edit(
    state: Data<AppState>,
    visitor: Visitor,
    token: Path<String>,
) -> Result<HttpResponse, AppError> {
    show(&state, &visitor, StatusCode::OK, token.into_inner(), None).await
}

/// `POST /not-me/{token}` → 303; 403 stale; 410, 404; 409 when the operator must help.
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
    match not_me(&state, &token, &origin(&state, &request)).await {
        Ok(()) => {
            if visitor.user().is_some() {
                remove(&request);
            }
            Ok(see_other("/login?done=not-me"))
        }
        Err(AppError::Conflict(Conflict::EmailTaken)) => {
            let page = NotMePage {
                layout: Layout::new(&state, &visitor),
                token: String::new(),
                when: String::new(),
                former: None,
                error: Some(
                    "Everybody is signed out of your account. Another account has your address by now, so please write to the operator of this shop to get yours back.",
                ),
            };
            layout::page(StatusCode::CONFLICT, &page)
        }
        Err(AppError::NotFound(_)) => show(&state, &visitor, StatusCode::GONE, token, None).await,
        Err(error) => Err(error),
    }
}

async fn show(
    state: &AppState,
    visitor: &Visitor,
    status: StatusCode,
    token: String,
    error: Option<&'static str>,
) -> Result<HttpResponse, AppError> {
    let link = match links::find(state, &token, &[LinkKind::NotMe]).await? {
        Found::Good(link) => link,
        Found::Over => return dead_link::show(state, visitor, LinkKind::NotMe, true),
        Found::Unknown => return dead_link::show(state, visitor, LinkKind::NotMe, false),
    };
    let is_former = link.email_key != link.account_email_key;
    let page = NotMePage {
        layout: Layout::new(state, visitor),
        token,
        when: moment(link.about),
        former: is_former.then_some(link.recipient),
        error,
    };
    layout::page(status, &page)
}
