//! What a request is to its session: use of it, or nothing of the kind.
//!
//! Whatever a person does counts. `HEAD` does not, so that a program may look every minute whether
//! it is still signed in without keeping itself signed in; nor does what a browser fetches ahead
//! of time, on a guess.

use actix_web::{
    HttpRequest,
    dev::ServiceRequest,
    http::{Method, header::HeaderMap},
};

use crate::actions::sessions::Activity;

/// The page whose GET is a download.
const DOWNLOAD: &str = "/library/files/{file_id}/download";

/// What programs ask to learn who they are: its answer may carry a new secret.
const SESSION: &str = "/api/v1/session";

/// How the request counts; not at all, maybe.
pub(super) fn activity(request: &ServiceRequest) -> Option<Activity> {
    let headers = request.headers();
    if *request.method() == Method::HEAD || is_ahead_of_time(headers) {
        return None;
    }
    let sees_the_answer =
        || request.path() == SESSION || is_navigation(headers) && !is_download(request.request());
    if *request.method() == Method::GET && sees_the_answer() {
        Some(Activity::Navigation)
    } else {
        Some(Activity::Use)
    }
}

/// True for the address that download tools are given together with a copied cookie.
pub(super) fn is_download(request: &HttpRequest) -> bool {
    request.match_pattern().as_deref() == Some(DOWNLOAD)
}

/// A prefetch or a prerendering, in the words of today's and yesterday's browsers.
fn is_ahead_of_time(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-moz"].iter().any(|name| {
        headers
            .get(*name)
            .is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"))
    })
}

/// A document that a person will look at; browsers that do not say so name HTML in `Accept`.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name, value: &str| headers.get(name).is_some_and(|given| given == value);
    if headers.contains_key("sec-fetch-mode") {
        return is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document");
    }
    headers
        .get("accept")
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(method: Method, headers: &[(&str, &str)]) -> Option<Activity> {
        let mut request = TestRequest::default().method(method);
        for header in headers {
            request = request.insert_header(*header);
        }
        activity(&request.to_srv_request())
    }

    #[test]
    fn what_nobody_looks_at_is_no_use() {
        for ahead in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-moz", "prefetch"),
        ] {
            assert_eq!(of(Method::GET, &[ahead]), None, "{ahead:?}");
        }
        assert_eq!(of(Method::HEAD, &[("accept", "text/html")]), None);
    }

    #[test]
    fn only_a_document_that_somebody_asked_for_may_bring_a_new_secret() {
        let navigate = ("sec-fetch-mode", "navigate");
        for (method, headers, expected) in [
            (
                Method::GET,
                &[navigate, ("sec-fetch-dest", "document")][..],
                Activity::Navigation,
            ),
            (
                Method::GET,
                &[("accept", "text/html,*/*;q=0.8")],
                Activity::Navigation,
            ),
            (
                Method::GET,
                &[navigate, ("sec-fetch-dest", "iframe")],
                Activity::Use,
            ),
            (
                Method::GET,
                &[("sec-fetch-mode", "cors"), ("accept", "text/html")],
                Activity::Use,
            ),
            (Method::GET, &[("accept", "*/*")], Activity::Use),
            (Method::GET, &[], Activity::Use),
            (
                Method::POST,
                &[navigate, ("sec-fetch-dest", "document")],
                Activity::Use,
            ),
        ] {
            assert_eq!(of(method, headers), Some(expected), "{headers:?}");
        }
    }
}
