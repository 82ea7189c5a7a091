//! What another site can make a browser send, and what comes of it: nothing.

use app_server::http::routes::{API, Entry, PAGES};
use reqwest::{Method, RequestBuilder};
use tests::shop::Shop;

/// An address that fits a route's pattern.
fn address(entry: &Entry) -> String {
    let parts = entry.path.split('/').map(|part| {
        if part.starts_with('{') {
            "018f0000-0000-7000-8000-000000000000"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

fn unsafe_routes() -> impl Iterator<Item = &'static Entry> {
    PAGES
        .iter()
        .chain(API)
        .filter(|entry| entry.method != "GET")
}

fn method(entry: &Entry) -> Method {
    entry.method.as_str().parse().unwrap()
}

/// A body each route would read.
fn with_body(entry: &Entry, request: RequestBuilder, token: Option<&str>) -> RequestBuilder {
    if entry.path.starts_with("/api/") {
        let request = match token {
            Some(token) => request.header("x-csrf-token", token),
            None => request,
        };
        return request
            .header("content-type", "application/json")
            .body("{}");
    }
    let token = token.map(|token| ("csrf_token", token));
    request.form(&token.into_iter().collect::<Vec<_>>())
}

#[tokio::test]
async fn every_unsafe_route_refuses_requests_from_elsewhere() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let token = ada.csrf_token().await;
    let foreign_headers: [&[(&str, &str)]; 5] = [
        &[],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", &shop.url())],
        &[("sec-fetch-site", "same-site"), ("origin", &shop.url())],
    ];

    let mut n_routes = 0;
    for entry in unsafe_routes() {
        n_routes += 1;
        for headers in foreign_headers {
            let mut request = with_body(
                entry,
                ada.request(method(entry), &address(entry)),
                Some(&token),
            );
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = ada.send(request).await;
            assert_eq!(
                answer.status, 403,
                "{} {} {headers:?}",
                entry.method, entry.path
            );
            assert!(answer.set_cookies().is_empty());
        }
    }
    assert!(n_routes >= 6, "the table is empty");
    assert_eq!(ada.user().await["name"], "ada", "and nothing happened");
    shop.end().await;
}

#[tokio::test]
async fn every_unsafe_route_refuses_a_missing_or_foreign_token() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let eve = shop.user("eve").await;
    let foreign = eve.csrf_token().await;

    for entry in unsafe_routes() {
        for token in [None, Some(foreign.as_str()), Some("")] {
            let request = ada
                .request(method(entry), &address(entry))
                .header("origin", shop.url());
            let answer = ada.send(with_body(entry, request, token)).await;
            assert_eq!(
                answer.status, 403,
                "{} {} {token:?}",
                entry.method, entry.path
            );
        }
    }
    assert_eq!(ada.user().await["name"], "ada", "and nothing happened");
    shop.end().await;
}

#[tokio::test]
async fn the_same_request_of_our_own_page_is_taken() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let token = ada.csrf_token().await;

    let ends_it = |path: &str| ["/logout", "/api/v1/session"].contains(&path);
    // 403 for whoever is no admin, however genuine the request.
    let is_admins = |path: &str| path.contains("/admin/");
    for entry in unsafe_routes().filter(|it| !ends_it(it.path) && !is_admins(it.path)) {
        let request = ada
            .request(method(entry), &address(entry))
            .header("sec-fetch-site", "same-origin");
        let answer = ada.send(with_body(entry, request, Some(&token))).await;
        assert_ne!(answer.status, 403, "{} {}", entry.method, entry.path);
    }
    shop.end().await;
}

#[tokio::test]
async fn a_link_from_another_site_lands_and_then_shows_the_visitor_signed_in() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let follow = |site: &'static str, cookies: String| {
        ada.request_without_cookies(Method::GET, "/account")
            .header("cookie", cookies)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-site", site)
    };
    let all = ada.cookies();
    let hint = all
        .split("; ")
        .find(|cookie| cookie.starts_with("claimcheck-hint"))
        .unwrap()
        .to_owned();

    let landed = ada.send(follow("cross-site", hint.clone())).await;
    assert_eq!(landed.status, 200);
    assert!(
        landed
            .text()
            .contains("http-equiv=\"refresh\" content=\"0\"")
    );
    assert!(!landed.text().contains("/account"), "no address in it");
    assert_eq!(landed.header("cache-control"), "no-store");
    assert!(landed.set_cookies().iter().all(|cookie| cookie.starts_with("claimcheck-landed=1") && cookie.contains("Max-Age=5")));

    let second = ada.send(follow("same-origin", all)).await;
    assert!(second.text().contains("ada@example.org"));

    // The reload would have brought the cookie if the browser still held one.
    let landed = format!("{hint}; claimcheck-landed=1");
    let reload = ada.send(follow("same-origin", landed.clone())).await;
    assert_eq!(reload.status, 401);
    let removed =
        |cookie: &String| cookie.starts_with("claimcheck-hint=;") && cookie.contains("Max-Age=0");
    assert!(reload.set_cookies().iter().any(removed));

    // A second link within five seconds tells nothing about the cookie: the hint stays.
    let second_link = ada.send(follow("cross-site", landed)).await;
    assert_eq!(second_link.status, 401, "lands once only");
    assert!(second_link.set_cookies().is_empty());
    shop.end().await;
}

#[tokio::test]
async fn a_request_from_elsewhere_never_replaces_the_session_cookie() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;

    let image = ada
        .request_without_cookies(Method::GET, "/")
        .header("cookie", "claimcheck-hint=1")
        .header("sec-fetch-site", "cross-site");
    assert!(ada.send(image).await.set_cookies().is_empty());
    shop.end().await;
}

#[tokio::test]
async fn a_stale_form_is_shown_again_with_what_was_typed_and_a_fresh_token() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;

    let fields = [("csrf_token", "stale"), ("next", "/somewhere\"><script>")];
    let request = ada
        .request(Method::POST, "/logout")
        .header("origin", shop.url())
        .form(&fields);
    let answer = ada.send(request).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.form_token(), ada.csrf_token().await);
    assert!(answer.text().contains("action=\"/logout\""));
    assert!(!answer.text().contains("<script>"));
    shop.end().await;
}

#[tokio::test]
async fn another_name_for_the_shop_leads_to_its_own() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();

    let get = visitor
        .send(
            visitor
                .request(Method::GET, "/login?next=/x")
                .header("host", "evil.example"),
        )
        .await;
    assert_eq!(
        (get.status.as_u16(), get.location()),
        (308, format!("{}/login?next=/x", shop.url()).as_str())
    );
    let post = visitor
        .send(
            visitor
                .request(Method::POST, "/login")
                .header("host", "evil.example"),
        )
        .await;
    assert_eq!(post.status, 421);
    for path in ["/healthz", "/readyz", "/.well-known/jwks.json"] {
        let answer = visitor
            .send(
                visitor
                    .request(Method::GET, path)
                    .header("host", "10.0.0.1:8080"),
            )
            .await;
        assert_eq!(answer.status, 200, "{path}");
    }
    shop.end().await;
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();

    for path in [
        "/login",
        "/account",
        "/nothing-here",
        "/api/v1/session",
        "/api/v1/nothing",
        "/healthz",
        "/static/none.css",
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'"),
            "{path}"
        );
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(
            !answer
                .header("content-security-policy")
                .contains("unsafe-inline"),
            "{path}"
        );
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    shop.end().await;
}

#[tokio::test]
async fn addresses_and_methods_that_do_not_exist_say_so() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();

    let page = visitor.get("/nothing-here").await;
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").starts_with("text/html"));
    let api = visitor.get("/api/v1/nothing").await;
    assert_eq!(
        (api.status.as_u16(), api.code().as_str()),
        (404, "not_found")
    );
    let request = visitor
        .request(Method::PUT, "/api/v1/session")
        .header("origin", shop.url())
        .header("x-csrf-token", visitor.csrf_token().await);
    let refused = visitor.send(request).await;
    assert_eq!(refused.status, 405);
    assert_eq!(refused.header("allow"), "GET, HEAD, POST, DELETE");
    let head = visitor.send(visitor.request(Method::HEAD, "/login")).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    shop.end().await;
}

#[tokio::test]
async fn a_cookie_that_was_never_ours_is_replaced_and_proves_nothing() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();
    visitor.set_cookie("claimcheck-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");

    let page = visitor.get("/account").await;
    let token = page.form_token();
    let fields = [("csrf_token", token.as_str()), ("product_id", "x")];
    let post = visitor
        .request(Method::POST, "/cart")
        .header("origin", shop.url())
        .form(&fields);
    assert_eq!(visitor.send(post).await.status, 403);
    let api = visitor
        .request(Method::DELETE, "/api/v1/session")
        .header("origin", shop.url())
        .header("x-csrf-token", &token);
    assert_eq!(visitor.send(api).await.status, 403);

    assert_eq!(visitor.get("/login").await.set_cookies().len(), 2);
    assert_eq!(visitor.post_form("/logout", &[]).await.status, 303);
    shop.end().await;
}

#[tokio::test]
async fn a_reload_without_a_session_leaves_cookie_and_hint_together() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();

    let reload = visitor
        .request(Method::GET, "/login")
        .header("cookie", "claimcheck-hint=1; claimcheck-landed=1")
        .header("sec-fetch-site", "same-origin");
    let cookies = visitor.send(reload).await.set_cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies.iter().all(|cookie| !cookie.contains("Max-Age=0")));
    shop.end().await;
}

#[tokio::test]
async fn an_escaped_address_needs_the_same_proofs() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;

    for path in [
        "/%61pi/v1/session",
        "/api%2fv1/session",
        "/api/v1/%73ession",
    ] {
        let request = ada
            .request(Method::DELETE, path)
            .header("origin", shop.url());
        let answer = ada.send(request).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn signing_in_never_leads_straight_to_an_address_that_acts() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let file = "018f0000-0000-7000-8000-000000000000";

    for form in ["/login", "/register"] {
        let path = format!("{form}?next=/library/files/{file}/download");
        let answer = ada.get(&path).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.location(), format!("/library?file={file}"));
    }
    shop.end().await;
}

#[tokio::test]
async fn without_cookies_a_form_says_that_it_needs_one() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();

    let post = visitor
        .request_without_cookies(Method::POST, "/cart")
        .header("origin", shop.url())
        .form(&[("csrf_token", "any")]);
    let answer = visitor.send(post).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("sent no cookie"),
        "{}",
        answer.text()
    );
    shop.end().await;
}
