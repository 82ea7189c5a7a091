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
async fn a_stolen_database_signs_nobody_in() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let db = shop.database.client().await;
    let row = db.query_one("select encode(secret_hash, 'hex'), encode(secret_hash, 'base64'), session_id::text, csrf_token from sessions", &[]).await.unwrap();

    for column in 0..4 {
        let known: String = row.get(column);
        let thief = shop.visitor();
        thief.set_cookie(&format!("claimcheck-session={known}"));
        assert_eq!(thief.user().await, Value::Null);
    }
    assert_eq!(ada.user().await["name"], "ada");
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
async fn a_database_that_is_gone_is_503_and_never_signed_out() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.sabotage("alter table sessions rename to hidden").await;

    let answer = ada.get("/api/v1/session").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (503, "unavailable")
    );
    assert!(answer.set_cookies().is_empty());
    let page = ada.get("/account").await;
    assert_eq!(page.status, 503);
    assert!(
        !page.text().contains("relation"),
        "PostgreSQL's words reached the page"
    );

    shop.sabotage("alter table hidden rename to sessions").await;
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn ended_sessions_are_purged_a_week_later() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let state = shop.server().state();
    let purge = || app_server::actions::purge::purge_once(&state.database, &state.clock);

    shop.advance(TimeDelta::hours(24) + TimeDelta::days(6));
    assert_eq!(purge().await.unwrap(), 0);
    shop.advance(TimeDelta::days(1));
    assert_eq!(purge().await.unwrap(), 1);
    assert_eq!(ada.user().await, Value::Null);
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

#[tokio::test]
async fn a_password_change_in_flight_does_not_revive_a_session_that_was_ended() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let state = shop.server().state();
    let user = shop.database.client().await;
    let id: uuid::Uuid = user
        .query_one("select user_id from users", &[])
        .await
        .unwrap()
        .get(0);
    let session: uuid::Uuid = user
        .query_one("select session_id from sessions", &[])
        .await
        .unwrap()
        .get(0);

    // Between the request's look at its session and its transaction, an operator ends all of them.
    let db = state.db().await.unwrap();
    let credentials =
        app_server::db::users::find_credentials_by_id(&db, app_server::domain::ids::UserId(id))
            .await
            .unwrap()
            .unwrap();
    let in_flight = app_server::domain::session::Session {
        id: app_server::domain::ids::SessionId(session),
        user: Some(credentials.user.clone()),
        created_at: shop.clock.now(),
        last_seen_at: shop.clock.now(),
        idle_expires_at: shop.clock.now(),
        absolute_expires_at: shop.clock.now(),
        remembered: false,
        confirmed_at: None,
        csrf_token: String::new(),
    };
    drop(db);
    shop.sabotage("update users set session_epoch = session_epoch + 1")
        .await;
    let changed = app_server::actions::change_password::change_password(
        state,
        &credentials.user,
        &in_flight,
        PASSWORD.into(),
        "another perfectly fine passphrase".into(),
        &app_server::actions::sessions::Origin::command_line(),
    )
    .await;

    assert!(changed.is_err());
    assert_eq!(ada.user().await, Value::Null);
    assert_eq!(
        ada.sign_in("ada").await.status,
        200,
        "and the old password still is the one"
    );
    shop.end().await;
}
