//! What kind of client asks, as far as its headers tell.

use actix_http::{HttpMessage, Request};
use actix_web::http::{
    Method,
    header::{ACCEPT, HeaderMap, HeaderName, RANGE},
};

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// How a refusal must be told to this client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// It reads pages.
    pub(crate) reads_html: bool,
    /// A person follows a link: another page may take this one's place.
    pub(crate) navigates: bool,
    /// It would save a refusal as the file and call that success, so it must get no answer at all.
    pub(crate) saves_anything: bool,
}

/// True when nobody has asked for this yet and a browser only prepares.
pub(crate) fn is_prefetch(request: &Request) -> bool {
    text(request.headers(), &SEC_PURPOSE).is_some_and(|purpose| purpose.starts_with("prefetch"))
}

impl Manner {
    pub(crate) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let is = |name: HeaderName, value: &str| text(headers, &name) == Some(value);
        // Neither a navigation nor Firefox's retry carries a Range: that is a download going on.
        let whole = *request.method() == Method::GET && !headers.contains_key(RANGE);
        let reads_html = names_html(text(headers, &ACCEPT).unwrap_or_default());
        let firefox_retries = is(ACCEPT, "*/*")
            && is(SEC_FETCH_MODE, "no-cors")
            && is(SEC_FETCH_DEST, "empty")
            && is(SEC_FETCH_SITE, "none");
        Self {
            reads_html,
            navigates: whole && (is(SEC_FETCH_MODE, "navigate") || reads_html),
            saves_anything: whole && firefox_retries,
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// True when the `Accept` names `text/html`; `*/*` does not.
fn names_html(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let html = parts
            .next()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        let refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
        };
        html && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn manner(method: Method, headers: &[(&'static str, &str)]) -> Manner {
        let mut request = TestRequest::default().method(method);
        for header in headers {
            request = request.append_header(*header);
        }
        Manner::of(&request.to_request())
    }

    const FIREFOX_RETRY: &[(&str, &str)] = &[
        ("accept", "*/*"),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-site", "none"),
    ];

    #[test]
    fn a_navigation_is_told_by_its_mode_or_by_an_accept_that_names_html() {
        let navigates = |headers: &[(&'static str, &str)]| manner(Method::GET, headers).navigates;
        assert!(navigates(&[("sec-fetch-mode", "navigate")]));
        assert!(navigates(&[(
            "accept",
            "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
        )]));
        assert!(!navigates(&[("accept", "*/*")]));
        assert!(!navigates(&[("accept", "text/html;q=0, */*")]));
        assert!(!navigates(&[]));
        assert!(!navigates(&[
            ("sec-fetch-mode", "navigate"),
            ("range", "bytes=0-")
        ]));
        assert!(!manner(Method::HEAD, &[("sec-fetch-mode", "navigate")]).navigates);
    }

    #[test]
    fn firefox_is_recognised_by_exactly_its_retry() {
        assert!(manner(Method::GET, FIREFOX_RETRY).saves_anything);
        assert!(!manner(Method::HEAD, FIREFOX_RETRY).saves_anything);
        for missing in 0..FIREFOX_RETRY.len() {
            let mut headers = FIREFOX_RETRY.to_vec();
            headers.remove(missing);
            assert!(!manner(Method::GET, &headers).saves_anything);
        }
        let with_range = [FIREFOX_RETRY, &[("range", "bytes=1-")]].concat();
        assert!(!manner(Method::GET, &with_range).saves_anything);
    }

    #[test]
    fn prefetches_are_told_by_how_their_purpose_begins() {
        let prefetches = |value: &str| {
            let request = TestRequest::default().append_header(("sec-purpose", value));
            is_prefetch(&request.to_request())
        };
        assert!(prefetches("prefetch"));
        assert!(prefetches("prefetch;prerender"));
        assert!(!prefetches("other"));
    }
}
