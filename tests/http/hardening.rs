//! What holds on every route: walked over the table, so that a new one cannot forget it.

use std::io::{Read, Write};

use app_server::http::routes::{API, Entry, PAGES};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, PASSWORD, email},
    shop::Shop,
};

use crate::shelf;

const NOBODY: &str = "018f0000-0000-7000-8000-000000000000";

fn all() -> impl Iterator<Item = &'static Entry> {
    PAGES.iter().chain(API)
}

fn method(entry: &Entry) -> Method {
    entry.method.as_str().parse().expect("a method")
}

/// An address that fits a route's pattern.
fn address(entry: &Entry) -> String {
    let parts = entry.path.split('/');
    let filled = parts.map(|part| if part.starts_with('{') { NOBODY } else { part });
    filled.collect::<Vec<_>>().join("/")
}

/// A request that every layer lets pass: what comes back is the handler's word.
async fn ask(client: &Client, method: Method, path: &str) -> Answer {
    match path.strip_prefix("/api/v1") {
        Some(path) => client.api(method, path, None).await,
        None if method == Method::POST => client.post_form(path, &[]).await,
        None => client.get(path).await,
    }
}

/// Everything a GET may ask for, as somebody with an account and something to see.
fn readable() -> impl Iterator<Item = String> {
    all()
        .filter(|entry| entry.method == "GET" && !entry.path.contains("/download"))
        .map(|entry| entry.path.replace("{slug}", "moss"))
        .filter(|path| !path.contains('{'))
        .chain(
            [
                "/products/moss",
                "/nothing-here",
                "/healthz",
                "/.well-known/jwks.json",
            ]
            .map(str::to_owned),
        )
}

#[tokio::test]
async fn a_crawl_finds_nothing_foreign_nothing_secret_and_nothing_kept() {
    let shop = Shop::start().await;
    shelf::publish_priced(&shop, "moss", 300).await;
    let root = shop.admin("root").await;
    let secrets: Vec<String> = shop.secrets.lock().unwrap().clone();

    let mut n_pages = 0;
    for path in readable() {
        let answer = root.get(&path).await;
        let text = answer.text();
        let kind = answer.header("content-type");
        if !answer.body.is_empty() {
            let known = [
                "text/html; charset=utf-8",
                "application/json",
                "application/problem+json",
                "application/jwk-set+json",
                "text/plain; charset=utf-8",
            ];
            assert!(known.contains(&kind), "{path} is {kind:?}");
        }
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{path} tells a secret");
        }
        if !path.starts_with("/.well-known") {
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
        if kind.starts_with("text/html") {
            n_pages += 1;
            for attribute in ["src=\"", "action=\"", "href=\""] {
                for target in text.split(attribute).skip(1) {
                    assert!(
                        target.starts_with(['/', '#']) && !target.starts_with("//"),
                        "{path}: {attribute}{}",
                        &target[..40]
                    );
                }
            }
        }
    }
    assert!(n_pages >= 15, "{n_pages} pages");
    shop.end().await;
}

#[tokio::test]
async fn every_page_of_a_signed_in_user_has_a_way_to_sign_out() {
    let shop = Shop::start().await;
    shelf::publish_priced(&shop, "moss", 300).await;
    let root = shop.admin("root").await;
    for path in readable() {
        let answer = root.get(&path).await;
        if answer.header("content-type").starts_with("text/html") {
            assert!(answer.text().contains("action=\"/logout\""), "{path}");
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn every_route_says_who_may_use_it() {
    // Whoever is not named here needs an account; admins' routes are in admin.rs.
    const FOR_EVERYBODY: &[&str] = &[
        "GET /",
        "GET /products/{slug}",
        "GET /cart",
        "POST /cart",
        "POST /cart/{product_id}/delete",
        "GET /register",
        "POST /register",
        "GET /login",
        "POST /login",
        "POST /logout",
        "GET /api/v1/products",
        "GET /api/v1/products/{slug}",
        "GET /api/v1/cart",
        "PUT /api/v1/cart/{product_id}",
        "DELETE /api/v1/cart/{product_id}",
        "GET /api/v1/session",
        "POST /api/v1/session",
        "DELETE /api/v1/session",
        "POST /api/v1/users",
    ];
    let shop = Shop::start().await;
    let stranger = shop.visitor();
    stranger.get("/").await;

    for entry in all() {
        let route = format!("{} {}", entry.method, entry.path);
        let answer = ask(&stranger, method(entry), &address(entry)).await;
        let open = FOR_EVERYBODY.contains(&route.as_str());
        assert_eq!(answer.status != 401, open, "{route}: {}", answer.status);
    }
    shop.end().await;
}

/// Routes that name something of somebody, and what of Ada's stands in their place.
const OF_SOMEBODY: &[(&str, &str)] = &[
    ("GET /orders/{id}", "order"),
    ("POST /orders/{id}/payment", "order"),
    ("GET /library/files/{file_id}/download", "file"),
    ("GET /api/v1/orders/{id}", "order"),
    ("POST /api/v1/orders/{id}/payment", "order"),
    ("POST /api/v1/library/files/{file_id}/downloads", "file"),
];

/// Routes that name something public, or something of whoever asks.
const OF_NOBODY: &[&str] = &[
    "GET /products/{slug}",
    "POST /cart/{product_id}/delete",
    "GET /api/v1/products/{slug}",
    "PUT /api/v1/cart/{product_id}",
    "DELETE /api/v1/cart/{product_id}",
];

#[tokio::test]
async fn nobody_reaches_what_is_another_users_on_any_route() {
    let shop = Shop::start().await;
    shelf::publish_priced(&shop, "moss", 300).await;
    let ada = shop.user("ada").await;
    let bob = shop.user("bob").await;
    let moss = shelf::find(&ada, "moss").await;
    let body = json!({"product_ids": [moss["id"]]});
    let order = ada
        .api_with(
            Method::POST,
            "/orders",
            Some(body),
            &[("idempotency-key", "one")],
        )
        .await;
    let order = order.json()["id"].as_str().unwrap().to_owned();
    ada.api(Method::POST, &format!("/orders/{order}/payment"), None)
        .await;
    let file = moss["files"][0]["id"].as_str().unwrap().to_owned();

    for entry in all().filter(|entry| entry.path.contains('{') && !entry.path.contains("/admin/")) {
        let route = format!("{} {}", entry.method, entry.path);
        if OF_NOBODY.contains(&route.as_str()) {
            continue;
        }
        let (_, what) = OF_SOMEBODY
            .iter()
            .find(|(known, _)| *known == route)
            .unwrap_or_else(|| panic!("{route}: say here whose it is"));
        let id = if *what == "order" { &order } else { &file };
        let path = address(entry).replace(NOBODY, id);
        let answer = ask(&bob, method(entry), &path).await;
        assert_eq!(answer.status, 404, "{route}");
        let nothing = ask(&bob, method(entry), &address(entry)).await;
        assert_eq!(nothing.status, 404, "{route}: looks like what is not there");
        let own = ask(&ada, method(entry), &path).await;
        assert_ne!(own.status, 404, "{route}: Ada's own");
    }
    shop.end().await;
}

#[tokio::test]
async fn no_answer_grants_another_origin_anything() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for origin in ["https://evil.example", "null", "http://localhost"] {
        for entry in all() {
            for asked in [method(entry), Method::OPTIONS] {
                let request = ada
                    .request(asked, &address(entry))
                    .header("origin", origin)
                    .header("access-control-request-method", "PUT");
                let answer = ada.send(request).await;
                let granted = answer
                    .headers
                    .keys()
                    .find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(granted, None, "{} {} {origin}", entry.method, entry.path);
            }
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn methods_that_a_route_does_not_serve_are_405_on_every_route() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let token = ada.csrf_token().await;
    for entry in all() {
        let served = |method: &Method| {
            all().any(|other| {
                other.path == entry.path
                    && (other.method.as_str() == method.as_str()
                        || (other.method == "GET" && *method == Method::HEAD))
            })
        };
        for asked in [
            "TRACE", "OPTIONS", "HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "BREW",
        ] {
            let asked: Method = asked.parse().unwrap();
            if served(&asked) {
                continue;
            }
            let request = ada
                .request(asked.clone(), &address(entry))
                .header("origin", shop.url())
                .header("x-csrf-token", &token);
            let answer = ada.send(request).await;
            assert_eq!(answer.status, 405, "{asked} {}", entry.path);
            assert!(!answer.header("allow").is_empty(), "{asked} {}", entry.path);
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn bodies_of_any_other_type_are_refused_on_every_route() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let token = ada.csrf_token().await;
    let mut n_refused = 0;
    for entry in all().filter(|entry| entry.method != "GET") {
        let route = format!("{} {}", entry.method, entry.path);
        let is_api = entry.path.starts_with("/api/");
        if is_api && !TAKES_JSON.contains(&route.as_str()) {
            continue; // Reads no body; X-CSRF-Token alone keeps other sites out.
        }
        let own = if is_api {
            "application/x-www-form-urlencoded"
        } else {
            "application/json"
        };
        for kind in ["text/plain", "multipart/form-data; boundary=x", own, ""] {
            let request = ada
                .request(method(entry), &address(entry))
                .header("origin", shop.url())
                .header("x-csrf-token", &token)
                .header("content-type", kind)
                .body(format!("csrf_token={token}"));
            let answer = ada.send(request).await;
            // Whoever may not use it at all is told that first.
            let refused = answer.status == 415 || entry.path.contains("/admin/");
            assert!(refused, "{route} {kind}: {}", answer.status);
            n_refused += 1;
        }
    }
    assert!(n_refused >= 60, "{n_refused}");
    assert_eq!(ada.user().await["name"], "ada", "and nothing happened");
    shop.end().await;
}

/// Calls that read a body; the others have nothing to be confused about.
const TAKES_JSON: &[&str] = &[
    "POST /api/v1/orders",
    "POST /api/v1/session",
    "POST /api/v1/session/confirm",
    "POST /api/v1/users",
    "PUT /api/v1/account/password",
];

#[tokio::test]
async fn a_safe_method_changes_nothing_on_any_route() {
    let shop = Shop::start().await;
    shelf::publish_priced(&shop, "moss", 300).await;
    let ada = shop.user("ada").await;
    let before = state_of(&shop).await;
    for entry in all() {
        let path = address(entry).replace("{slug}", "moss");
        for asked in [Method::GET, Method::HEAD, Method::OPTIONS] {
            // An export is written down, which is the only thing it changes.
            if path != "/api/v1/account/export" {
                ada.send(ada.request(asked, &path)).await;
            }
        }
    }
    assert_eq!(state_of(&shop).await, before);
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

/// Everything that acts would change; refusals may be written down.
async fn state_of(shop: &Shop) -> String {
    let db = shop.database.client().await;
    let mut state = String::new();
    for query in [
        "select users::text from users order by user_id",
        "select session_id || coalesce(revoked_reason, '') || encode(secret_hash, 'hex') from sessions order by session_id",
        "select cart_items::text from cart_items order by 1",
        "select orders::text from orders order by 1",
        "select mints::text from mints order by 1",
        "select kind || recipient from mails order by 1",
        "select event_id::text from audit_events where event <> 'authz_fail' order by 1",
    ] {
        for row in db.query(query, &[]).await.unwrap() {
            state.push_str(row.get(0));
            state.push('\n');
        }
    }
    state
}

#[tokio::test]
async fn what_is_not_served_is_404_and_kept_by_no_cache() {
    let shop = Shop::start().await;
    let root = shop.admin("root").await;
    for path in [
        "/.git/HEAD",
        "/.env",
        "/.well-known/security.bak",
        "/Cargo.toml",
        "/metrics",
        "/swagger",
        "/api",
        "/api/v1",
        "/api/docs",
        "/server-status",
        "/debug/pprof",
        "/static",
        "/static/",
        "/static/style.css",
        "/static/../Cargo.toml",
        "/static/..%2fCargo.toml",
        "/covers/",
        "/account/x.css",
        "/account.css",
        "/account/activity/logo.png",
        "/account%2fx.css",
        "/orders/x.js",
        "/account;x.css",
        "/backup.sql",
        "/index.php",
    ] {
        let answer = root.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(!answer.text().contains("root@example.org"), "{path}");
    }
    shop.end().await;
}

#[tokio::test]
async fn no_answer_names_the_software_that_made_it() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.sabotage("alter table products rename to hidden").await;
    let broken = ada.get("/").await;
    assert_eq!(broken.status, 500);
    for answer in [
        broken,
        ada.get("/nothing").await,
        ada.get("/account").await,
        ada.get("/healthz").await,
    ] {
        for name in ["server", "x-powered-by", "via", "x-aspnet-version"] {
            assert_eq!(answer.header(name), "", "{name}");
        }
        let text = answer.text().to_lowercase();
        for word in ["actix", "postgres", "relation", "panicked", "0.1.0", ".rs:"] {
            assert!(!text.contains(word), "{word}");
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn next_never_leads_to_another_site() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let long = format!("/{}", "a".repeat(6_000));
    let corpus = [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nLocation: https://evil.example",
        "https://evil.example",
        "HTTPS:evil.example",
        "https:/evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "@evil.example",
        ".evil.example",
        "evil.example",
        " //evil.example",
        "/%0d%0aLocation:%20https://evil.example",
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "//localhost@evil.example/",
        "\u{2f}\u{2f}evil.example",
        "/\u{200b}/evil.example",
        "\u{ff0f}\u{ff0f}evil.example",
        "",
        &long,
    ];
    let shop_url: url::Url = shop.url().parse().unwrap();
    for next in corpus {
        let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let mut answers = vec![ada.get(&format!("/login?next={query}")).await];
        let fields = [
            ("email", email("ada")),
            ("password", PASSWORD.to_owned()),
            ("next", next.to_owned()),
        ];
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        answers.push(ada.post_form("/login", &fields).await);
        answers.push(
            ada.post_form("/confirm", &[("password", PASSWORD), ("next", next)])
                .await,
        );
        for answer in answers {
            if answer.status.is_client_error() {
                continue;
            }
            assert_eq!(answer.status, 303, "{next:?}");
            let target = shop_url.join(answer.location()).expect("an address");
            assert_eq!(
                target.origin(),
                shop_url.origin(),
                "{next:?} leads to {target}"
            );
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn requests_with_two_lengths_are_refused_on_the_wire() {
    let shop = Shop::start().await;
    let address = shop.server().address;
    let host = shop.url().trim_start_matches("http://").to_owned();
    // Behind each, a second request hides in what one reader takes for the body.
    let hidden = "GET /hidden-request HTTP/1.1\r\nHost: x\r\n\r\n";
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length : 5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding:\n chunked",
        " Content-Length: 5",
    ] {
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n{framing}\r\n\r\n0\r\n\r\n{hidden}"
        );
        let answer = tokio::task::spawn_blocking(move || raw(address, request.as_bytes()))
            .await
            .unwrap();
        let n_answers = answer.matches("HTTP/1.1 ").count();
        assert!(
            n_answers <= 1,
            "{framing:?} was read as {n_answers} requests:\n{answer}"
        );
        let status = answer.split(' ').nth(1).unwrap_or("closed");
        assert!(
            ["400", "403", "411", "501", "closed"].contains(&status),
            "{framing:?}: {answer}"
        );
    }
    assert!(!shop.log().contains("hidden-request"));
    shop.end().await;
}

/// Sends bytes, and reads until the server closes or says nothing for half a second.
fn raw(address: std::net::SocketAddr, request: &[u8]) -> String {
    let mut socket = std::net::TcpStream::connect(address).expect("a connection");
    let patience = std::time::Duration::from_millis(500);
    socket.set_read_timeout(Some(patience)).expect("a timeout");
    socket.write_all(request).expect("sent");
    let mut answer = Vec::new();
    let mut chunk = [0; 4_096];
    while let Ok(n @ 1..) = socket.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..n]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_is_sent_twice_is_refused_and_never_merged() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let token = ada.csrf_token().await;

    let json = ada
        .request(Method::PUT, "/api/v1/account/password")
        .header("origin", shop.url())
        .header("x-csrf-token", &token)
        .header("content-type", "application/json")
        .body(format!(
            "{{\"current\":\"{PASSWORD}\",\"current\":\"x\",\"new\":\"{PASSWORD}\"}}"
        ));
    assert_eq!(ada.send(json).await.status, 422);
    let form = ada
        .request(Method::POST, "/account/password")
        .header("origin", shop.url())
        .form(&[
            ("csrf_token", token.as_str()),
            ("current", PASSWORD),
            ("current", "x"),
            ("new", PASSWORD),
        ]);
    assert_eq!(ada.send(form).await.status, 400);
    assert_eq!(
        ada.get("/api/v1/products?limit=1&limit=100").await.status,
        422
    );
    assert_eq!(
        ada.get("/api/v1/account/events?limit=1&limit=2")
            .await
            .status,
        422
    );

    // Two cookies of one name: the first counts, whatever the second says.
    let eve = shop.user("eve").await;
    let of = |client: &Client| {
        let all = client.cookies();
        let session = all
            .split("; ")
            .find(|pair| pair.starts_with("claimcheck-session="))
            .unwrap();
        session.to_owned()
    };
    let both = format!("{}; {}", of(&ada), of(&eve));
    let answer = shop
        .visitor()
        .request_without_cookies(Method::GET, "/api/v1/session")
        .header("cookie", both)
        .send()
        .await
        .unwrap();
    let who: Value = answer.json().await.unwrap();
    assert_eq!(who["user"]["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn fields_that_are_not_the_clients_to_set_are_refused() {
    let shop = Shop::start().await;
    shelf::publish_priced(&shop, "moss", 300).await;
    let ada = shop.user("ada").await;
    let moss = shelf::id(&ada, "moss").await;
    let extras = [
        ("role", json!("admin")),
        ("id", json!(NOBODY)),
        ("user_id", json!(NOBODY)),
        ("price", json!({"amount": 0, "currency": "EUR"})),
        ("total", json!(0)),
        ("status", json!("paid")),
        ("email_verified_at", json!("2026-01-01T00:00:00Z")),
        ("session_epoch", json!(7)),
        ("disabled_at", Value::Null),
        ("second_factor_at", json!("2026-01-01T00:00:00Z")),
    ];
    let bodies = [
        (
            Method::POST,
            "/users",
            json!({"email": email("new"), "name": "new", "password": PASSWORD}),
        ),
        (
            Method::POST,
            "/session",
            json!({"email": email("ada"), "password": PASSWORD}),
        ),
        (Method::POST, "/orders", json!({"product_ids": [moss]})),
        (
            Method::PUT,
            "/account/password",
            json!({"current": PASSWORD, "new": PASSWORD}),
        ),
        (
            Method::POST,
            "/session/confirm",
            json!({"password": PASSWORD}),
        ),
    ];
    for (method, path, body) in bodies {
        for (name, value) in &extras {
            let mut body = body.clone();
            body[*name] = value.clone();
            let headers = [("idempotency-key", "k")];
            let refused = ada
                .api_with(method.clone(), path, Some(body), &headers)
                .await;
            assert_eq!(refused.status, 422, "{path} took {name}");
        }
    }
    // A form ignores what it does not know, and nothing comes of it.
    let fields = [
        ("email", "eve@example.org"),
        ("name", "eve"),
        ("password", PASSWORD),
        ("role", "admin"),
    ];
    let eve = shop.visitor();
    assert_eq!(eve.post_form("/register", &fields).await.status, 303);
    assert_eq!(eve.user().await["role"], "buyer");
    shop.end().await;
}

#[tokio::test]
async fn a_name_full_of_markup_is_text_on_every_page() {
    let shop = Shop::start().await;
    shelf::publish_priced(&shop, "moss", 300).await;
    let name = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}";
    let body = json!({"email": "a'\u{0022}<b>@example.org", "name": name, "password": PASSWORD});
    let refused = shop.visitor().api(Method::POST, "/users", Some(body)).await;
    assert_eq!(refused.status, 422, "an address has none of that");
    let ada = shop.visitor();
    let body = json!({"email": email("ada"), "name": name, "password": PASSWORD});
    assert_eq!(
        ada.api(Method::POST, "/users", Some(body)).await.status,
        201
    );
    let root = shop.admin("root").await;

    for client in [&ada, &root] {
        for path in readable().chain(["/?q=%3Cscript%3Ealert(1)%3C/script%3E".to_owned()]) {
            let answer = client.get(&path).await;
            if answer.header("content-type").starts_with("text/html") {
                let text = answer.text();
                assert!(
                    !text.contains("<script") && !text.contains("<img src=x"),
                    "{path}"
                );
                assert!(!text.contains("49}"), "{path}");
            }
        }
    }
    let users = root.get("/admin/users").await.text();
    assert!(users.contains("&lt;script&gt;") || users.contains("&#60;script&#62;"));
    shop.end().await;
}

#[tokio::test]
async fn an_answer_is_never_a_script() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for path in readable() {
        for query in ["?callback=steal", "?jsonp=steal", "?format=js"] {
            let answer = ada.get(&format!("{path}{query}")).await;
            assert!(!answer.header("content-type").contains("script"), "{path}");
            assert!(!answer.text().starts_with("steal("), "{path}");
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn password_fields_hide_what_is_typed_and_welcome_managers() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let stranger = shop.visitor();
    for (client, path, wanted) in [
        (&stranger, "/login", &["current-password", "username"][..]),
        (&stranger, "/register", &["new-password"]),
        (
            &ada,
            "/account/password",
            &["current-password", "new-password", "username"],
        ),
        (&ada, "/confirm", &["current-password", "username"]),
    ] {
        let text = client.get(path).await.text();
        for token in wanted {
            let quoted = [format!("autocomplete=\"{token}\""), format!("{token}\"")];
            assert!(
                quoted.iter().any(|quoted| text.contains(quoted)),
                "{path}: {token}"
            );
        }
        for input in text.split("<input").skip(1) {
            let input = input.split('>').next().unwrap();
            let is_password = ["password", "current", "new"]
                .iter()
                .any(|name| input.contains(&format!("name=\"{name}\"")));
            if is_password {
                assert!(input.contains("type=\"password\""), "{path}: {input}");
                assert!(
                    !input.contains("maxlength") && !input.contains("autocomplete=\"off\""),
                    "{path}"
                );
            }
        }
        for question in ["maiden", "secret question", "hint</label>", "onpaste"] {
            assert!(!text.contains(question), "{path}");
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn answers_hold_the_fields_that_are_documented_and_no_other() {
    let shop = Shop::start().await;
    let root = shop.admin("root").await;
    let fields = async |path: &str, pointer: &str| {
        let answer = root.get(path).await.json();
        let object = answer.pointer(pointer).and_then(Value::as_object);
        let mut names: Vec<String> = object.expect("an object").keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(
        fields("/api/v1/session", "/user").await,
        "email id name role"
    );
    assert_eq!(
        fields("/api/v1/session", "/session").await,
        "absolute_expires_at created_at id idle_expires_at last_seen_at remembered"
    );
    assert_eq!(
        fields("/api/v1/admin/users", "/items/0").await,
        "created_at deleted_at deletion_asked_at disabled_at email email_verified_at id name role second_factor_at"
    );
    assert_eq!(
        fields("/api/v1/admin/events", "/items/0").await,
        "actor at details event id ip session_id user user_agent"
    );
    assert_eq!(
        fields("/api/v1/account/events", "/items/0").await,
        "at by_somebody_else country current description details device event id ip session_id user_agent"
    );
    for path in readable() {
        let text = root.get(&path).await.text();
        for column in [
            "password_hash",
            "secret_hash",
            "previous_hash",
            "session_epoch",
            "$argon2",
        ] {
            assert!(!text.contains(column), "{path}: {column}");
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn a_fresh_shop_has_no_account() {
    let shop = Shop::start().await;
    let db = shop.database.client().await;
    let n: i64 = db
        .query_one("select count(*) from users", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(n, 0);
    shop.end().await;
}

#[tokio::test]
async fn no_cookie_comes_near_the_limit_of_browsers() {
    let shop = Shop::start().await;
    for slug in ["moss", "ferns", "lichen"] {
        shelf::publish_priced(&shop, slug, 300).await;
    }
    let ada = shop.user("ada").await;
    for slug in ["moss", "ferns", "lichen"] {
        let id = shelf::id(&ada, slug).await;
        ada.api(Method::PUT, &format!("/cart/{id}"), None).await;
    }
    let signed_in = ada.sign_in("ada").await;
    for cookie in signed_in.set_cookies() {
        let pair = cookie.split(';').next().unwrap();
        assert!(pair.len() < 200, "{} bytes", pair.len());
    }
    shop.end().await;
}

#[tokio::test]
async fn stored_passwords_say_argon2id_with_the_parameters_of_the_inventory() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let db = shop.database.client().await;
    let hash: String = db
        .query_one("select password_hash from users", &[])
        .await
        .unwrap()
        .get(0);
    let parameters = "$argon2id$v=19$m=19456,t=2,p=1$";
    assert!(hash.starts_with(parameters));
    let inventory =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md"))
            .unwrap();
    assert!(inventory.contains("argon2id, 19,456 KiB, 2 passes, 1 lane"));
    shop.end().await;
}

#[tokio::test]
async fn signing_out_asks_the_browser_to_forget() {
    let shop = Shop::start().await;
    for by_form in [true, false] {
        let ada = shop.visitor();
        if by_form {
            ada.register("ada").await;
            let answer = ada.post_form("/logout", &[]).await;
            assert_eq!(answer.header("clear-site-data"), "\"cache\"");
        } else {
            ada.sign_in("ada").await;
            let answer = ada.api(Method::DELETE, "/session", None).await;
            assert_eq!(answer.header("clear-site-data"), "\"cache\"");
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn a_refused_cross_site_request_is_a_line_of_the_log() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let request = ada
        .request(Method::POST, "/logout")
        .header("origin", "https://evil.example");
    assert_eq!(ada.send(request).await.status, 403);
    let log = shop.log();
    let line = log
        .lines()
        .find(|line| line.contains("a cross-site request was refused"));
    let line = line.expect("a line");
    assert!(
        line.contains("WARN") && line.contains("127.0.0.1") && line.contains("/logout"),
        "{line}"
    );
    shop.end().await;
}

#[tokio::test]
async fn nothing_a_client_sends_forges_a_line() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let forged = "forged%0d%0a2026-11-27T00:00:00Z%20%20INFO%20audit%20event=user_deleted%1b%5b31m";
    ada.get(&format!("/{forged}")).await;
    ada.get(&format!("/?q={forged}")).await;
    let agent = ada
        .request(Method::GET, "/account")
        .header("user-agent", "x\tforged-agent \u{e9}\u{2028}INFO audit")
        .header("x-request-id", "forged-id audit")
        .header("x-forwarded-for", "forged-address");
    ada.send(agent).await;
    let name = json!({"email": email("eve"), "name": "a\nforged-name", "password": PASSWORD});
    assert_eq!(
        shop.visitor()
            .api(Method::POST, "/users", Some(name))
            .await
            .status,
        422
    );

    let log = shop.log();
    assert!(!log.contains('\u{1b}') && !log.contains('\r'));
    for line in log.lines().filter(|line| line.contains("forged")) {
        let begins = line.get(..4).unwrap_or_default();
        assert!(
            begins.chars().all(|c| c.is_ascii_digit()),
            "a line of its own: {line}"
        );
        assert!(
            !line.contains("forged-id") && !line.contains("forged-address"),
            "{line}"
        );
    }
    shop.end().await;
}

#[tokio::test]
async fn a_browser_may_report_what_the_policy_stopped_and_fills_no_disk_with_it() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();
    let page = visitor.get("/").await;
    assert!(
        page.header("content-security-policy")
            .contains("report-to policy; report-uri /csp-reports")
    );
    assert_eq!(
        page.header("reporting-endpoints"),
        "policy=\"/csp-reports\""
    );
    let report = |kind: &str, body: String| {
        visitor
            .request(Method::POST, "/csp-reports")
            .header("content-type", kind)
            .body(body)
    };

    let old = r#"{"csp-report":{"effective-directive":"img-src","blocked-uri":"https://evil.example/secret-path"}}"#;
    let new = r#"[{"type":"csp-violation","body":{"effectiveDirective":"script-src-elem"}}]"#;
    for _ in 0..20 {
        assert_eq!(
            visitor
                .send(report("application/csp-report", old.to_owned()))
                .await
                .status,
            204
        );
        assert_eq!(
            visitor
                .send(report("application/reports+json", new.to_owned()))
                .await
                .status,
            204
        );
    }
    let log = shop.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("a browser stopped something"));
    assert_eq!(lines.count(), 1, "one in a second");
    assert!(log.contains("img-src") && !log.contains("secret-path"));
    let long = "x".repeat(8 * 1_024 + 1);
    assert_eq!(
        visitor
            .send(report("application/csp-report", long))
            .await
            .status,
        413
    );
    assert_eq!(
        visitor
            .send(report("text/plain", old.to_owned()))
            .await
            .status,
        415
    );
    assert_eq!(visitor.get("/csp-reports").await.status, 405);
    shop.end().await;
}

#[tokio::test]
async fn a_pool_without_connections_is_503_and_recovers() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let blocker = shop.database.client().await;
    blocker
        .batch_execute("begin; lock table products in access exclusive mode")
        .await
        .unwrap();

    let started = std::time::Instant::now();
    let waiting: Vec<_> = (0..60)
        .map(|_| {
            let ada = ada.clone();
            tokio::spawn(async move { ada.get("/").await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for waiting in waiting {
        statuses.push(waiting.await.unwrap());
    }
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    assert!(started.elapsed().as_secs() < 30, "nobody waits without end");
    blocker.batch_execute("rollback").await.unwrap();
    assert_eq!(ada.get("/").await.status, 200);
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}
