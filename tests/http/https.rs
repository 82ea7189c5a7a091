//! A shop behind a proxy that ends TLS: cookies with the `__Host-` prefix, HSTS.

use reqwest::Method;
use serde_json::json;
use tests::{
    client::{Answer, PASSWORD},
    shop::Shop,
};

const PUBLIC: &str = "https://shop.example";

async fn shop() -> Shop {
    Shop::with(&[
        ("APP_URL", PUBLIC),
        ("DOWNLOAD_URLS", "https://files.example"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ])
    .await
}

/// What a browser would send, through the proxy, with these cookies.
async fn ask(
    shop: &Shop,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Answer {
    let url = format!("http://{}{path}", shop.server().address);
    let visitor = shop.visitor();
    let mut request = visitor.request(method, &url).header("host", "shop.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body);
    }
    visitor.send(request).await
}

/// `name=value` of each cookie, as it goes back.
fn pairs(answer: &Answer) -> String {
    let cookies = answer.set_cookies();
    let pairs = cookies
        .iter()
        .map(|cookie| cookie.split(';').next().unwrap());
    pairs.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn cookies_have_the_host_prefix_and_all_it_demands() {
    let shop = shop().await;

    let first = ask(&shop, Method::GET, "/api/v1/session", &[], None).await;
    let cookies = first.set_cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies[0].starts_with("__Host-session=") && cookies[0].contains("SameSite=Strict"));
    assert!(cookies[1].starts_with("__Host-hint=1;") && cookies[1].contains("SameSite=Lax"));
    for cookie in &cookies {
        assert!(
            cookie.contains("Secure") && cookie.contains("Path=/") && cookie.contains("HttpOnly"),
            "{cookie}"
        );
        assert!(!cookie.to_lowercase().contains("domain="), "{cookie}");
    }
    assert!(
        first
            .header("strict-transport-security")
            .starts_with("max-age=31536000")
    );

    let cookie = pairs(&first);
    let token = first.json()["csrf_token"].as_str().unwrap().to_owned();
    let body = json!({"email": "ada@example.org", "name": "Ada", "password": PASSWORD}).to_string();
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", PUBLIC),
        ("x-csrf-token", &token),
        ("x-forwarded-for", "203.0.113.7"),
    ];
    let registered = ask(&shop, Method::POST, "/api/v1/users", &headers, Some(body)).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    let cookie = pairs(&registered);
    let account = ask(&shop, Method::GET, "/account", &[("cookie", &cookie)], None).await;
    assert_eq!(account.status, 200);

    let db = shop.database.client().await;
    let ip: String = db
        .query_one("select ip from sessions", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(ip, "203.0.113.7", "the proxy is believed");
    shop.end().await;
}

#[tokio::test]
async fn a_plain_cookie_of_a_sibling_host_is_not_taken_for_ours() {
    let shop = shop().await;
    let first = ask(&shop, Method::GET, "/api/v1/session", &[], None).await;
    let tossed = pairs(&first).replace("__Host-session", "claimcheck-session");

    let answer = ask(
        &shop,
        Method::GET,
        "/api/v1/session",
        &[("cookie", &tossed.replace("__Host-hint=1", "x=1"))],
        None,
    )
    .await;
    assert_eq!(answer.set_cookies().len(), 2, "a visitor without a cookie");
    shop.end().await;
}

#[tokio::test]
async fn an_untrusted_peer_names_no_address() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();
    let token = visitor.csrf_token().await;
    let body = json!({"email": "ada@example.org", "name": "Ada", "password": PASSWORD});
    let request = visitor
        .request(Method::POST, "/api/v1/users")
        .header("origin", shop.url())
        .header("x-csrf-token", token)
        .header("x-forwarded-for", "203.0.113.7")
        .json(&body);
    assert_eq!(visitor.send(request).await.status, 201);

    let db = shop.database.client().await;
    let ip: String = db
        .query_one("select ip from sessions where user_id is not null", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(ip, "127.0.0.1");
    shop.end().await;
}

#[tokio::test]
async fn an_https_shop_says_so_on_every_answer() {
    let shop = shop().await;
    for path in [
        "/",
        "/login",
        "/account",
        "/nothing-here",
        "/api/v1/session",
        "/api/v1/nothing",
        "/static/none.css",
        "/covers/none",
        "/healthz",
        "/.well-known/jwks.json",
        "/csp-reports",
    ] {
        let answer = ask(&shop, Method::GET, path, &[], None).await;
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=31536000; includeSubDomains",
            "{path}"
        );
    }
    shop.end().await;
}
