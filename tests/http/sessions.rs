//! Sessions: how they begin, go on and end, and what of them is kept.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{PASSWORD, email},
    shop::Shop,
};

#[tokio::test]
async fn a_browser_session_ends_after_two_hours_without_use_and_a_day_in_any_case() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;

    shop.advance(TimeDelta::minutes(119));
    assert_eq!(ada.user().await["name"], "ada");
    shop.advance(TimeDelta::minutes(119));
    assert_eq!(ada.user().await["name"], "ada", "use keeps it alive");
    shop.advance(TimeDelta::hours(2));
    assert_eq!(ada.user().await, Value::Null, "idle for two hours");

    ada.sign_in("ada").await;
    for _ in 0..23 {
        shop.advance(TimeDelta::hours(1));
        assert_eq!(ada.user().await["name"], "ada");
    }
    shop.advance(TimeDelta::hours(1));
    assert_eq!(ada.user().await, Value::Null, "a day is the end");
    shop.end().await;
}

#[tokio::test]
async fn a_remembered_session_outlives_the_browser_and_ends_after_thirty_days() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let ada = shop.visitor();

    let body = json!({"email": email("ada"), "password": PASSWORD, "remember": true});
    let signed_in = ada.api(Method::POST, "/session", Some(body)).await;
    let mut cookies = signed_in.set_cookies();
    cookies.retain(|cookie| !cookie.starts_with("claimcheck-device="));
    assert!(
        cookies
            .iter()
            .all(|cookie| cookie.contains("Max-Age=2592000")),
        "{cookies:?}"
    );
    assert_eq!(cookies.len(), 2, "the session and its hint: {cookies:?}");
    assert_eq!(signed_in.json()["session"]["remembered"], true);

    shop.advance(TimeDelta::days(13));
    assert_eq!(ada.user().await["name"], "ada");
    shop.advance(TimeDelta::days(13));
    assert_eq!(ada.user().await["name"], "ada");
    shop.advance(TimeDelta::days(4));
    assert_eq!(ada.user().await, Value::Null);
    shop.end().await;
}

#[tokio::test]
async fn an_admins_session_is_short() {
    let shop = Shop::start().await;
    shop.user("root").await;
    shop.sabotage("update users set role = 'admin'").await;
    let root = shop.visitor();
    let body = json!({"email": email("root"), "password": PASSWORD, "remember": true});
    root.api(Method::POST, "/session", Some(body)).await;

    shop.advance(TimeDelta::minutes(29));
    assert_eq!(root.user().await["role"], "admin");
    shop.advance(TimeDelta::minutes(30));
    assert_eq!(root.user().await, Value::Null);
    shop.end().await;
}

#[tokio::test]
async fn cookies_are_strict_and_out_of_reach_of_scripts() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();

    let cookies = visitor.get("/api/v1/session").await.set_cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies[0].starts_with("claimcheck-session="), "{cookies:?}");
    assert!(
        cookies[0].contains("HttpOnly")
            && cookies[0].contains("SameSite=Strict")
            && cookies[0].contains("Path=/")
    );
    assert!(cookies[1].starts_with("claimcheck-hint=1;"), "{cookies:?}");
    assert!(cookies[1].contains("SameSite=Lax") && cookies[1].contains("HttpOnly"));
    assert!(
        visitor
            .get("/api/v1/session")
            .await
            .set_cookies()
            .is_empty(),
        "once is enough"
    );
    shop.end().await;
}

#[tokio::test]
async fn who_keeps_nothing_costs_no_row() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();
    visitor.get("/").await;
    visitor.get("/login").await;
    visitor.get("/api/v1/session").await;

    let db = shop.database.client().await;
    let rows: i64 = db
        .query_one("select count(*) from sessions", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 0);
    shop.end().await;
}

#[tokio::test]
async fn signing_in_takes_a_new_secret_and_a_new_token() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let ada = shop.visitor();
    let token = ada.csrf_token().await;
    let planted = ada.cookies();

    ada.sign_in("ada").await;
    assert_ne!(ada.cookies(), planted);
    assert_ne!(ada.csrf_token().await, token);

    let attacker = shop.visitor();
    for cookie in planted.split("; ") {
        attacker.set_cookie(cookie);
    }
    assert_eq!(
        attacker.user().await,
        Value::Null,
        "the planted cookie has become nobody's"
    );
    shop.end().await;
}

#[tokio::test]
async fn at_most_fifty_sessions_and_the_idlest_goes_first() {
    let shop = Shop::with(&[("SESSIONS_PER_USER", "3")]).await;
    let first = shop.user("ada").await;
    let mut others = Vec::new();
    for _ in 0..2 {
        shop.advance(TimeDelta::seconds(61));
        let other = shop.visitor();
        other.sign_in("ada").await;
        others.push(other);
    }
    shop.advance(TimeDelta::seconds(61));
    assert_eq!(
        first.user().await["name"],
        "ada",
        "used again: now the second is the idlest"
    );

    shop.advance(TimeDelta::seconds(61));
    let newest = shop.visitor();
    newest.sign_in("ada").await;

    assert_eq!(others[0].user().await, Value::Null);
    for kept in [&first, &others[1], &newest] {
        assert_eq!(kept.user().await["name"], "ada");
    }
    shop.end().await;
}

#[tokio::test]
async fn sessions_that_were_ended_push_nobody_out() {
    let shop = Shop::with(&[("SESSIONS_PER_USER", "3")]).await;
    let first = shop.user("ada").await;
    for _ in 0..4 {
        shop.advance(TimeDelta::seconds(61));
        let other = shop.visitor();
        other.sign_in("ada").await;
        other.api(Method::DELETE, "/session", None).await;
    }
    assert_eq!(first.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn signing_out_acts_on_the_next_request_on_every_app_server() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let stolen = ada.cookies();
    let (other, base) = shop.second_server();

    ada.api(Method::DELETE, "/session", None).await;

    let thief = shop.visitor();
    for cookie in stolen.split("; ") {
        thief.set_cookie(cookie);
    }
    assert_eq!(thief.user().await, Value::Null);
    let there = thief.at(&base).get_as(&shop.url(), "/api/v1/session").await;
    assert_eq!(there.json()["user"], Value::Null);
    other.kill().await;
    shop.end().await;
}

#[tokio::test]
async fn restarting_the_app_server_signs_nobody_out() {
    let mut shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.restart().await;
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn a_program_whose_session_ended_is_told_to_sign_in() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let token = ada.csrf_token().await;
    shop.advance(TimeDelta::hours(3));

    let call = |method, path: &str| {
        ada.request(method, &format!("/api/v1{path}"))
            .header("origin", shop.url())
            .header("x-csrf-token", &token)
            .json(&json!({}))
    };
    let order = ada.send(call(Method::POST, "/orders")).await;
    assert_eq!(
        (order.status.as_u16(), order.code().as_str()),
        (401, "signed_out")
    );
    let sign_in = ada.send(call(Method::POST, "/session")).await;
    assert_eq!(
        (sign_in.status.as_u16(), sign_in.code().as_str()),
        (403, "csrf")
    );
    shop.end().await;
}
