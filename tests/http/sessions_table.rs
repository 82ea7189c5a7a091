//! Sessions in PostgreSQL: what is in their table, and what happens when it is not there.

use chrono::TimeDelta;
use serde_json::Value;
use tests::{client::PASSWORD, shop::Shop};

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
