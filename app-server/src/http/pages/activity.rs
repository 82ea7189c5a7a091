//! What happened to one's account.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;

use crate::{
    db::audit::{StoredEvent, list_user_events},
    domain::{
        ids::SessionId,
        paging::{DEFAULT_LIMIT, Page},
    },
    error::AppError,
    http::{
        layout::{self, Layout},
        list_query::PageQuery,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "account/activity.html")]
struct ActivityPage {
    layout: Layout,
    /// The session that looks.
    current: SessionId,
    /// Each with the country of its address, where it is known.
    events: Vec<(StoredEvent, Option<String>)>,
    next: Option<String>,
}

/// `GET /account/activity` → 200; 401 signed out.
pub async fn index(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    let limit = DEFAULT_LIMIT;
    let db = state.db().await?;
    let user = signed_in.user.id;
    let found = list_user_events(&db, user, query.after()?, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |last| last.id);
    let located = |event: StoredEvent| {
        let country = state.countries.of(&event.ip);
        (event, country)
    };
    let page = ActivityPage {
        layout: Layout::new(&state, &visitor),
        current: signed_in.session.id,
        events: page.items.into_iter().map(located).collect(),
        next: page.next,
    };
    layout::page(StatusCode::OK, &page)
}
