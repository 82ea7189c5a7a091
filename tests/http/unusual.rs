//! Unusual sign-ins: who is told, what they must prove, and what "this was not me" does.

use app_server::{
    actions::{
        disown::disown,
        sessions::{Found, Origin},
        sign_in::{Attempt, Code},
    },
    error::AppError,
};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, PASSWORD, email},
    shop::Shop,
};

use crate::passwords::begin;

async fn proxied() -> Shop {
    Shop::with(&[("TRUSTED_PROXIES", "127.0.0.0/8,::1/128")]).await
}

async fn sign_in_from(client: &Client, password: &str, ip: &str) -> Answer {
    let body = json!({"email": email("ada"), "password": password});
    let from = [("x-forwarded-for", ip)];
    client
        .api_with(Method::POST, "/session", Some(body), &from)
        .await
}

/// Why sign-ins were unusual so far, and which sessions letters tell of.
async fn told(shop: &Shop) -> (Vec<Value>, Vec<uuid::Uuid>) {
    let db = shop.database.client().await;
    let events = "select details -> 'reasons', session_id from audit_events
                   where event = 'authn_impossible_travel' order by event_id";
    let letters = "select session_id from mails where kind = 'unusual_sign_in' order by mail_id";
    let events = db.query(events, &[]).await.expect("events");
    let letters = db.query(letters, &[]).await.expect("letters");
    let letters: Vec<uuid::Uuid> = letters.iter().map(|row| row.get(0)).collect();
    let sessions: Vec<uuid::Uuid> = events.iter().map(|row| row.get(1)).collect();
    assert_eq!(sessions, letters, "each is told of, and by its session");
    (events.iter().map(|row| row.get(0)).collect(), letters)
}

#[tokio::test]
async fn ordinary_sign_ins_are_told_to_nobody_and_prove_the_password() {
    let shop = proxied().await;
    shop.user("ada").await;
    for ip in ["127.0.0.1", "10.0.0.1", "10.0.9.9"] {
        let client = shop.visitor();
        assert_eq!(sign_in_from(&client, PASSWORD, ip).await.status, 200);
        let ended = client.api(Method::DELETE, "/sessions", None).await;
        assert_eq!(ended.status, 204, "signing in is a proof");
    }
    assert_eq!(told(&shop).await, (vec![], vec![]));
    shop.end().await;
}

#[tokio::test]
async fn a_sign_in_after_many_failures_is_told_of_and_must_prove_the_password_again() {
    let shop = proxied().await;
    shop.user("ada").await;
    let thief = shop.visitor();
    for _ in 0..5 {
        sign_in_from(&thief, "not the right passphrase", "10.0.0.1").await;
    }
    shop.advance(TimeDelta::seconds(1));

    let signed_in = sign_in_from(&thief, PASSWORD, "10.0.0.1").await;
    assert_eq!(signed_in.status, 200);
    let session = signed_in.json()["session"]["id"].clone();
    let (reasons, sessions) = told(&shop).await;
    assert_eq!(reasons, [json!(["after_failures"])]);
    assert_eq!(json!(sessions), json!([session]));

    let refused = thief.api(Method::DELETE, "/sessions", None).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (403, "confirm_password")
    );
    let confirmed = thief
        .api(
            Method::POST,
            "/session/confirm",
            Some(json!({"password": PASSWORD})),
        )
        .await;
    assert_eq!(confirmed.status, 204);
    let ended = thief.api(Method::DELETE, "/sessions", None).await;
    assert_eq!(ended.status, 204);
    shop.end().await;
}

#[tokio::test]
async fn the_third_network_at_once_is_unusual_but_not_for_a_known_browser() {
    let shop = proxied().await;
    shop.user("ada").await; // from 127.0.0.1
    let second = shop.visitor();
    sign_in_from(&second, PASSWORD, "10.0.0.1").await;
    assert_eq!(told(&shop).await.0, Vec::<Value>::new());

    let third = shop.visitor();
    sign_in_from(&third, PASSWORD, "2001:db8::1").await;
    assert_eq!(told(&shop).await.0, [json!(["many_networks"])]);

    // A telephone on the way: the browser is known, the network is another one every time.
    sign_in_from(&second, PASSWORD, "10.77.0.1").await;
    assert_eq!(told(&shop).await.0.len(), 1);
    shop.end().await;
}

fn from(country: &str) -> Origin {
    Origin {
        ip: "10.0.0.1".to_owned(),
        country: Some(country.to_owned()),
        ..Origin::command_line()
    }
}

fn attempt() -> Attempt {
    Attempt {
        email: email("ada"),
        password: PASSWORD.into(),
        code: Code::Given(None),
        remember: false,
    }
}

#[tokio::test]
async fn a_new_country_is_unusual_once_countries_are_known_and_is_remembered() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let state = shop.server().state();
    let sign_in_from = async |country| {
        let begun = begin(state, attempt(), &from(country)).await;
        let begun = begun.expect("signed in");
        begun.session.confirmed_at.is_some()
    };

    assert!(sign_in_from("DE").await, "the first that is known");
    assert!(sign_in_from("DE").await);
    assert!(!sign_in_from("FR").await);
    assert_eq!(told(&shop).await.0, [json!(["new_country"])]);
    assert!(sign_in_from("FR").await, "not new any more");

    // What was purged as a session is still known; a quarter of a year later it is not.
    shop.sabotage("delete from sessions").await;
    shop.advance(TimeDelta::days(89));
    assert!(sign_in_from("DE").await);
    shop.sabotage("delete from sessions").await;
    shop.advance(TimeDelta::days(2));
    assert!(!sign_in_from("FR").await);
    shop.end().await;
}

#[tokio::test]
async fn who_disowns_a_sign_in_ends_everything_until_the_password_is_reset() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let thief = shop.visitor();
    thief.sign_in("ada").await;
    let state = shop.server().state();
    let begun = begin(state, attempt(), &from("DE")).await.unwrap();
    let user = begun.session.user.clone().expect("a user");

    let mut db = state.db().await.unwrap();
    let tx = db.transaction().await.unwrap();
    let session = Some(begun.session.id);
    disown(
        &tx,
        user.id,
        &user.email,
        session,
        &from("DE"),
        state.clock.now(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    drop(db);

    for client in [&ada, &thief] {
        assert_eq!(client.user().await, Value::Null, "signed out at once");
    }
    let found = state.sessions.find(&begun.secret).await.unwrap();
    assert!(matches!(found, Found::Ended(_)));
    let refused = thief.sign_in("ada").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (403, "reset_required")
    );
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("/forgot")
    );
    let body = json!({"email": email("ada"), "password": "not the right passphrase"});
    let wrong = thief.api(Method::POST, "/session", Some(body)).await;
    assert_eq!(
        wrong.code(),
        "invalid_credentials",
        "only who has the password is told"
    );
    let form = [("email", "ada@example.org"), ("password", PASSWORD)];
    let page = thief.post_form("/login", &form).await;
    assert_eq!(page.status, 403);
    assert!(page.text().contains("href=\"/forgot\""), "{}", page.text());
    let counted = "select (select count(*) from devices)
                        + (select count(*) from mails where kind = 'reset_password') * 10
                        + (select count(*) from audit_events where event = 'authn_login_disowned') * 100";
    let db = shop.database.client().await;
    let counted: i64 = db.query_one(counted, &[]).await.unwrap().get(0);
    assert_eq!(counted, 110, "no device, one letter, one row");

    let new = "an entirely different passphrase";
    app_server::actions::users::set_password(
        &state.database,
        &state.clock,
        &email("ada"),
        new.into(),
    )
    .await
    .unwrap();
    let old = begin(state, attempt(), &from("DE")).await;
    assert!(matches!(old, Err(AppError::InvalidCredentials)));
    let body = json!({"email": email("ada"), "password": new});
    assert_eq!(
        ada.api(Method::POST, "/session", Some(body)).await.status,
        200
    );
    shop.end().await;
}
