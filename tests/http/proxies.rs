//! What proxies say, seen in the list of one's sessions.

use reqwest::Method;
use serde_json::json;
use tests::{
    client::{Answer, PASSWORD},
    shop::Shop,
};

#[tokio::test]
async fn the_address_in_the_list_is_the_one_that_trusted_proxies_vouch_for() {
    let shop = Shop::with(&[("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8,fd00::/8")]).await;
    for (n, (forwarded, shown)) in [
        ("203.0.113.7", "203.0.113.7"),
        ("1.2.3.4, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("9.9.9.9, 2001:db8::7, fd00::1", "2001:db8::7"),
        ("<script>, 203.0.113.7", "203.0.113.7"),
        ("\u{ff}, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, <script>", "127.0.0.1"),
    ]
    .into_iter()
    .enumerate()
    {
        let ada = shop.visitor();
        let body =
            json!({"email": format!("{n}@example.org"), "name": "Ada", "password": PASSWORD});
        let from = [("x-forwarded-for", forwarded)];
        ada.api_with(Method::POST, "/users", Some(body), &from)
            .await;
        let list = ada.get("/api/v1/sessions").await.json();
        assert_eq!(list["items"][0]["ip"], shown, "{forwarded}");
    }
    shop.end().await;
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.advance(chrono::TimeDelta::minutes(2));
    let spoofed = ada
        .request(Method::GET, "/api/v1/session")
        .header("x-forwarded-for", "203.0.113.7");
    ada.send(spoofed).await;
    let list = ada.get("/api/v1/sessions").await.json();
    assert_eq!(list["items"][0]["ip"], "127.0.0.1");
    shop.end().await;
}

#[tokio::test]
async fn who_came_by_plain_http_is_led_to_tls_and_programs_are_refused() {
    let shop = Shop::with(&[
        ("APP_URL", "https://shop.example"),
        ("DOWNLOAD_URLS", "https://files.example"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ])
    .await;
    let ask = async |method, path: &str, scheme: &str| -> Answer {
        let visitor = shop.visitor();
        let url = format!("http://{}{path}", shop.server().address);
        let request = visitor
            .request(method, &url)
            .header("host", "shop.example")
            .header("x-forwarded-for", "203.0.113.7")
            .header("x-forwarded-proto", scheme);
        visitor.send(request).await
    };

    let page = ask(Method::GET, "/login?next=%2Faccount", "http").await;
    assert_eq!(page.status, 308);
    assert_eq!(
        page.location(),
        "https://shop.example/login?next=%2Faccount"
    );
    assert!(page.set_cookies().is_empty());
    for (method, path) in [
        (Method::POST, "/login"),
        (Method::GET, "/api/v1/session"),
        (Method::DELETE, "/api/v1/session"),
    ] {
        let refused = ask(method, path, "HTTP").await;
        assert_eq!(refused.status, 421, "{path}");
        assert!(refused.set_cookies().is_empty(), "{path}");
    }
    assert_eq!(ask(Method::GET, "/login", "https").await.status, 200);
    assert_eq!(ask(Method::GET, "/healthz", "http").await.status, 200);
    shop.end().await;

    let shop = Shop::with(&[
        ("APP_URL", "https://shop.example"),
        ("DOWNLOAD_URLS", "https://files.example"),
    ])
    .await;
    let visitor = shop.visitor();
    let url = format!("http://{}/login", shop.server().address);
    let request = visitor
        .request(Method::GET, &url)
        .header("host", "shop.example")
        .header("x-forwarded-proto", "http");
    assert_eq!(
        visitor.send(request).await.status,
        200,
        "no stranger is believed"
    );
    shop.end().await;
}
