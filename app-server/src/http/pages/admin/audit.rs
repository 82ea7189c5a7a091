//! The audit log, to look through.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;

use crate::{
    db::audit::{StoredEvent, list_events},
    domain::{
        audit::Event,
        paging::{DEFAULT_LIMIT, Page},
    },
    error::AppError,
    http::{
        admin::Admin,
        audit_query::AuditQuery,
        layout::{self, Layout},
        list_query::PageQuery,
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    layout: Layout,
    query: AuditQuery,
    names: &'static [Event],
    events: Vec<StoredEvent>,
    errors: Vec<String>,
    /// The address of the next page.
    next: Option<String>,
}

/// `GET /admin/audit` → 200; 401 signed out; 403 for buyers; 422 with the form again.
pub async fn index(
    state: Data<AppState>,
    visitor: Visitor,
    _: Admin,
    wanted: Query<AuditQuery>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    let limit = DEFAULT_LIMIT;
    let after = query.after()?;
    let db = state.db().await?;
    let (status, found, errors) = match wanted.filter(&db).await {
        Ok(None) => (StatusCode::OK, Vec::new(), Vec::new()),
        Ok(Some(filter)) => {
            let found = list_events(&db, &filter, after, i64::from(limit) + 1).await?;
            (StatusCode::OK, found, Vec::new())
        }
        Err(AppError::Invalid(errors)) => {
            let errors = errors.into_iter().map(|error| error.detail).collect();
            (StatusCode::UNPROCESSABLE_ENTITY, Vec::new(), errors)
        }
        Err(error) => return Err(error),
    };
    let page = Page::cut(found, limit, |last| last.id);
    let wanted = wanted.into_inner();
    let next = page.next.map(|after| address(&wanted, &after));
    let page = AuditPage {
        layout: Layout::new(&state, &visitor),
        query: wanted,
        names: Event::ALL,
        events: page.items,
        errors,
        next,
    };
    layout::page(status, &page)
}

/// The same list, continued after `after`.
fn address(query: &AuditQuery, after: &str) -> String {
    let mut parameters = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("event", &query.event),
        ("user", &query.user),
        ("session", &query.session),
        ("ip", &query.ip),
        ("from", &query.from),
        ("until", &query.until),
    ] {
        if !value.is_empty() {
            parameters.append_pair(name, value);
        }
    }
    parameters.append_pair("after", after);
    format!("/admin/audit?{}", parameters.finish())
}
