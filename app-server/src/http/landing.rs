//! Bridges a link from another site to the session it could not bring along.
//!
//! A `SameSite=Strict` cookie is not sent when somebody follows a link in a mail. The answer is
//! then a tiny page that asks for the same address again: that second request is this site's own
//! and carries the cookie. It names no address, so it cannot be made to lead elsewhere.

use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderMap},
    middleware::Next,
    web::Data,
};

use super::{
    cookies::{self, Names},
    routes,
};
use crate::state::AppState;

const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\">\
    <meta http-equiv=\"refresh\" content=\"0\"><title>One moment</title>\
    <p>One moment … <a href=\"/\">To the front page</a></p></html>";

/// Answers a navigation from another site with the landing page, once.
pub async fn landing(
    state: Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let names = Names::of(&state.config.app_url);
    let has_session = cookies::is_sent(&request, names.session);
    let has_hint = cookies::is_sent(&request, names.hint);
    let has_landed = cookies::is_sent(&request, names.landed);
    let lands = has_hint && !has_session && !has_landed;
    if lands && is_foreign_navigation(request.method(), request.headers()) && may_land(&request) {
        let mut page = HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .body(PAGE);
        cookies::add(page.headers_mut(), &names.landed_cookie());
        return Ok(request.into_response(page).map_into_right_body());
    }
    let would_bring_it = !is_from_another_site(request.headers());
    let mut response = next.call(request).await?;
    let renewed = cookies::is_set(response.headers(), names.hint);
    if has_landed && !has_session && has_hint && would_bring_it && !renewed {
        // The browser holds no session cookie after all: the hint is stale.
        cookies::add(response.headers_mut(), &names.hint_removal());
    }
    Ok(response.map_into_left_body())
}

fn is_foreign_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name, value: &str| headers.get(name).is_some_and(|given| given == value);
    *method == Method::GET
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
        && headers.contains_key("sec-fetch-site")
        && !is("sec-fetch-site", "same-origin")
}

/// A request that would come without a Strict cookie, whether there is one or not.
///
/// A second link followed within the five seconds of `landed` is one: taking its missing cookie for
/// a stale hint would let the next link replace the session of somebody who is signed in.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// Only an address whose GET changes nothing.
fn may_land(request: &ServiceRequest) -> bool {
    let Some(pattern) = request.match_pattern() else {
        return false;
    };
    let mut entries = routes::PAGES.iter().chain(routes::API);
    entries.any(|entry| entry.lands && entry.path == pattern)
}

/// Where to go after signing in: a path of this shop, or `/` for anything else.
///
/// One leading slash; not `//` or `/\`, which browsers take for another host; nothing that a
/// header cannot carry. Never straight to the one address whose GET acts: who was on the way to a
/// download is led to its button, since a link of another site may have brought them here.
pub fn safe_next(next: &str) -> String {
    let sound = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/\\")
        && next.len() <= 2_000
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    let path = next.split(['?', '#']).next().unwrap_or_default();
    // The router reads escapes; none of our addresses needs any.
    if !sound || path.contains('%') {
        return "/".to_owned();
    }
    let file = path
        .strip_prefix("/library/files/")
        .and_then(|rest| rest.strip_suffix("/download"));
    match file {
        Some(file) => format!("/library?file={file}"),
        None => next.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_never_acts() {
        for (next, safe) in [
            ("/library/files/1/download", "/library?file=1"),
            ("/library/files/1/download?x=1", "/library?file=1"),
            ("/library/files/1/%64ownload", "/"),
            ("/%6cibrary/files/1/download", "/"),
            ("/?q=100%25", "/?q=100%25"),
        ] {
            assert_eq!(safe_next(next), safe);
        }
    }

    #[test]
    fn next_never_leaves_the_shop() {
        for good in ["/", "/library?file=1", "/products/field-guide", "/a//b"] {
            assert_eq!(safe_next(good), good);
        }
        for bad in [
            "",
            "library",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x",
            "/ä",
            "javascript:alert(1)",
            " /x",
            "\\/evil.example",
            "/\n/evil.example",
        ] {
            assert_eq!(safe_next(bad), "/", "{bad:?}");
        }
    }
}
