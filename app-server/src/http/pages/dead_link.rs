//! In place of the page of a link that does not work any more.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    domain::mail::LinkKind,
    error::AppError,
    http::{
        layout::{self, Layout},
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "dead_link/show.html")]
struct DeadLinkPage {
    layout: Layout,
    is_known: bool,
    lifetime: &'static str,
    again: &'static str,
    again_label: &'static str,
}

/// 410 for a link that was used or is over, 404 for one that is none of ours; with the way to
/// another one.
pub fn show(
    state: &AppState,
    visitor: &Visitor,
    kind: LinkKind,
    is_known: bool,
) -> Result<HttpResponse, AppError> {
    let (lifetime, again, again_label) = match kind {
        LinkKind::Reset => ("for 30 minutes", "/forgot", "Ask for a new link"),
        LinkKind::Verify | LinkKind::NewAddress => (
            "for 24 hours",
            "/account",
            "To your account, where you can ask for a new one",
        ),
        LinkKind::NotMe => (
            "for 7 days",
            "/forgot",
            "Set a new password: that signs everybody out",
        ),
    };
    let page = DeadLinkPage {
        layout: Layout::new(state, visitor),
        is_known,
        lifetime,
        again,
        again_label,
    };
    let status = if is_known {
        StatusCode::GONE
    } else {
        StatusCode::NOT_FOUND
    };
    layout::page(status, &page)
}
