//! Bridges a link from another site to the session it could not bring along.
//!
//! A `SameSite=Strict` cookie is not sent when somebody follows a link in a mail. The answer is
//! then a tiny page that asks for the same address again: that second request is this site's own
//! and carries the cookie. It names no address, so it cannot be made to lead elsewhere.

use actix_web::{
    HttpRequest, HttpResponse,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderMap},
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

/// Whether the browser says that it holds a session cookie, and has not brought it.
fn misses_its_cookie(request: &HttpRequest, names: &Names) -> bool {
    cookies::is_sent(request, names.hint) && !cookies::is_sent(request, names.session)
}

/// The landing page, once, in answer to a navigation from another site.
pub fn land(state: &AppState, request: &ServiceRequest) -> Option<HttpResponse> {
    let names = Names::of(&state.config.app_url);
    let lands = is_foreign_navigation(request.method(), request.headers())
        && misses_its_cookie(request.request(), &names)
        && !cookies::is_sent(request.request(), names.landed)
        && may_land(request);
    if !lands {
        return None;
    }
    let mut page = HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(PAGE);
    cookies::add(page.headers_mut(), &names.landed_cookie());
    Some(page)
}

/// Takes the hint away from a browser that has landed and holds no session cookie after all.
pub fn remove_stale_hint<B>(state: &AppState, response: &mut ServiceResponse<B>) {
    let names = Names::of(&state.config.app_url);
    let request = response.request();
    let is_stale = cookies::is_sent(request, names.landed)
        && misses_its_cookie(request, &names)
        && !is_from_another_site(request.headers())
        && !cookies::is_set(response.headers(), names.hint);
    if is_stale {
        cookies::add(response.headers_mut(), &names.hint_removal());
    }
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
