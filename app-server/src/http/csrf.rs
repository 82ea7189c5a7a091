//! Refuses what another site makes a browser send.
//!
//! Two proofs for every unsafe method. First, that the request comes from a page of this shop:
//! `Sec-Fetch-Site: same-origin`, or, from a browser that does not send it, an `Origin` equal to
//! APP_URL's; neither means refused. Second, that it carries this visitor's token: the API in
//! `X-CSRF-Token`, here; pages in their form, in [`super::form::PageForm`].

use actix_web::{
    dev::ServiceRequest,
    http::{
        Method,
        header::{self, HeaderMap},
    },
};
use shared::base_url::BaseUrl;

use super::visitor::Visitor;
use crate::{
    domain::secret::{self, csrf_token_without_cookie},
    error::AppError,
    state::AppState,
};

/// Where the token of a browser without a cookie is enough: what nobody needs to be signed in for.
const WITHOUT_COOKIE: &[&str] = &["/login", "/login/code", "/register", "/forgot"];

/// What a program calls to be signed in: there, being signed out is no answer.
const SIGNING_IN: &[&str] = &["/api/v1/session", "/api/v1/users"];

/// Why an unsafe method that does not prove both is refused.
pub fn refusal(state: &AppState, request: &ServiceRequest, visitor: &Visitor) -> Option<AppError> {
    if is_safe(request.method()) {
        return None;
    }
    let refusal = unproved(state, request, visitor)?;
    if let AppError::Csrf(why) = refusal {
        tracing::warn!(why, "a cross-site request was refused");
    }
    Some(refusal)
}

fn unproved(state: &AppState, request: &ServiceRequest, visitor: &Visitor) -> Option<AppError> {
    if let Some(why) = foreign(request.headers(), &state.config.app_url) {
        return Some(AppError::Csrf(why));
    }
    // The router reads escapes: what is asked of an address must be asked of the one it reads.
    if request.path().contains('%') {
        return Some(AppError::Csrf("an escaped address"));
    }
    let cookieless = secret::same(visitor.csrf_token(), &csrf_token_without_cookie());
    if !request.path().starts_with("/api/") {
        let enough = !cookieless || WITHOUT_COOKIE.contains(&request.path());
        return (!enough).then_some(AppError::NoCookie);
    }
    let given = request.headers().get("x-csrf-token");
    let given = given.and_then(|token| token.to_str().ok());
    let genuine = given.is_some_and(|given| secret::same(given, visitor.csrf_token()));
    if genuine && !cookieless {
        return None;
    }
    let signed_out = matches!(visitor, Visitor::Anonymous { ended: Some(_), .. });
    if signed_out && given.is_some() && !SIGNING_IN.contains(&request.path()) {
        // The token of a session that has ended; what helps is to sign in.
        return Some(AppError::SignInRequired);
    }
    Some(AppError::Csrf("X-CSRF-Token is not this visitor's"))
}

fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// Why the request does not come from a page of this shop.
fn foreign(headers: &HeaderMap, app_url: &BaseUrl) -> Option<&'static str> {
    if let Some(site) = headers.get("sec-fetch-site") {
        return (site != "same-origin").then_some("Sec-Fetch-Site is not same-origin");
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if *origin == *app_url.origin() => None,
        Some(_) => Some("Origin is not the shop's"),
        None => Some("neither Sec-Fetch-Site nor Origin came"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    header::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn only_a_page_of_this_shop_may_act() {
        let app_url = "https://shop.example".parse().unwrap();
        for good in [
            &[("sec-fetch-site", "same-origin")][..],
            &[("origin", "https://shop.example")],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        ] {
            assert_eq!(foreign(&headers(good), &app_url), None, "{good:?}");
        }
        for bad in [
            &[][..],
            &[
                ("sec-fetch-site", "same-site"),
                ("origin", "https://shop.example"),
            ],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "null")],
            &[("origin", "http://shop.example")],
            &[("origin", "https://shop.example.evil.example")],
            &[("origin", "https://shop.example:8443")],
        ] {
            assert!(foreign(&headers(bad), &app_url).is_some(), "{bad:?}");
        }
    }
}
