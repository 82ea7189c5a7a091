//! What is written down about accounts, who may read it, and that nobody rewrites it.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{Client, PASSWORD, email},
    shop::Shop,
};

/// The names of somebody's own events, the oldest first.
async fn history(client: &Client) -> Vec<String> {
    let events = client.get("/api/v1/account/events?limit=100").await.json();
    let items = events["items"].as_array().expect("a list").clone();
    let names = items.iter().rev().map(|event| event["event"].as_str());
    names.map(|name| name.unwrap().to_owned()).collect()
}

async fn change_password(client: &Client, current: &str, new: &str) -> u16 {
    let body = json!({"current": current, "new": new});
    let answer = client
        .api(Method::PUT, "/account/password", Some(body))
        .await;
    answer.status.as_u16()
}

/// Rows of the log, the oldest first, as `event user session`.
async fn rows(shop: &Shop) -> Vec<(String, Option<uuid::Uuid>, Value)> {
    let db = shop.database.client().await;
    let rows = db
        .query(
            "select event, user_id, details from audit_events order by event_id",
            &[],
        )
        .await
        .unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

#[tokio::test]
async fn an_account_writes_its_own_history() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    ada.api(Method::DELETE, "/session", None).await;
    let wrong = json!({"email": email("ada"), "password": "not the passphrase at all"});
    ada.api(Method::POST, "/session", Some(wrong)).await;
    shop.advance(TimeDelta::seconds(10));
    ada.sign_in("ada").await;
    let new = "another perfectly fine passphrase";
    assert_eq!(
        change_password(&ada, "not my passphrase either", new).await,
        401
    );
    assert_eq!(change_password(&ada, PASSWORD, new).await, 204);
    assert_eq!(change_password(&ada, new, PASSWORD).await, 204);

    let events = ada.get("/api/v1/account/events").await.json();
    let page = ada.get("/account/activity").await.text();

    assert_eq!(
        history(&ada).await,
        [
            "user_created",
            "authn_login_success",
            "session_created",
            "session_ended",
            "authn_login_fail",
            "authn_login_successafterfail",
            "session_created",
            "authn_password_change_fail",
            "authn_password_change",
            "authn_password_change",
        ]
    );
    let newest = &events["items"][0];
    let session = ada.get("/api/v1/session").await.json()["session"]["id"].clone();
    assert_eq!(newest["session_id"], session);
    assert_eq!(newest["current"], true);
    assert_eq!(newest["ip"], "127.0.0.1");
    assert!(newest["at"].as_str().unwrap().ends_with('Z'), "UTC");
    let failed = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["event"] == "authn_login_fail")
        .unwrap();
    assert_eq!(failed["session_id"], Value::Null);
    assert_eq!(failed["details"]["method"], "password");
    assert!(page.contains("A sign-in failed") && page.contains("(this session)"));
    assert!(page.contains("127.0.0.1") && page.contains("UTC"));
    shop.end().await;
}

#[tokio::test]
async fn nobody_reads_the_history_of_somebody_else() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let bob = shop.user("bob").await;

    let own = history(&bob).await;

    assert_eq!(
        own,
        ["user_created", "authn_login_success", "session_created"]
    );
    let stranger = shop.visitor();
    assert_eq!(stranger.get("/account/activity").await.status, 401);
    assert_eq!(stranger.get("/api/v1/account/events").await.status, 401);
    shop.end().await;
}

#[tokio::test]
async fn a_long_history_is_walked_page_by_page() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for _ in 0..14 {
        ada.api(Method::DELETE, "/session", None).await;
        ada.sign_in("ada").await;
    }
    let all = history(&ada).await;
    assert_eq!(all.len(), 3 + 14 * 3);

    let mut walked = Vec::new();
    let mut address = "/api/v1/account/events?limit=10".to_owned();
    loop {
        let page = ada.get(&address).await.json();
        let items = page["items"].as_array().unwrap();
        walked.extend(items.iter().map(|event| event["id"].clone()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        address = format!("/api/v1/account/events?limit=10&after={next}");
    }
    walked.dedup();
    assert_eq!(walked.len(), all.len(), "no gap and no repeat");

    let first = ada.get("/account/activity").await.text();
    let next = first
        .split("href=\"/account/activity?after=")
        .nth(1)
        .unwrap();
    let next = next.split('"').next().unwrap();
    let second = ada.get(&format!("/account/activity?after={next}")).await;
    assert!(second.text().contains("The account was opened"));
    assert_eq!(
        ada.get("/account/activity?after=nonsense").await.status,
        422
    );
    shop.end().await;
}

#[tokio::test]
async fn failures_of_known_and_unknown_addresses_are_written_down_alike() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let stranger = shop.visitor();
    for name in ["ada", "nobody"] {
        let body = json!({"email": email(name), "password": "not the passphrase at all"});
        let refused = stranger.api(Method::POST, "/session", Some(body)).await;
        assert_eq!(refused.status, 401);
    }

    let failures: Vec<_> = rows(&shop)
        .await
        .into_iter()
        .filter(|(event, ..)| event == "authn_login_fail")
        .collect();

    assert_eq!(failures.len(), 2);
    assert!(failures[0].1.is_some() && failures[1].1.is_none());
    assert_eq!(failures[0].2, failures[1].2);
    let log = shop.log();
    // The driver's own lines, at a level that no operator runs with, have what it sends.
    let mut ours = log.lines().filter(|line| !line.contains("tokio_postgres"));
    assert!(
        ours.all(|line| !line.contains(&email("nobody"))),
        "what is no account's is not kept"
    );
    shop.end().await;
}

#[tokio::test]
async fn what_was_refused_is_written_down_once_a_minute() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let ask = async || {
        let file = "018f0000-0000-7000-8000-000000000000";
        let path = format!("/library/files/{file}/downloads");
        let refused = ada.api(Method::POST, &path, None).await;
        assert_eq!(refused.status, 404);
    };
    let written = async || {
        let rows = rows(&shop).await;
        rows.iter()
            .filter(|(event, ..)| event == "authz_fail")
            .count()
    };

    for _ in 0..5 {
        ask().await;
    }
    assert_eq!(written().await, 1);
    shop.advance(TimeDelta::seconds(61));
    ask().await;
    assert_eq!(written().await, 2);
    let last = rows(&shop).await.pop().unwrap();
    assert_eq!(last.2["file"], "018f0000-0000-7000-8000-000000000000");
    shop.end().await;
}

#[tokio::test]
async fn the_audit_log_can_be_added_to_and_not_rewritten() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let db = shop.database.client().await;

    for statement in [
        "update audit_events set event = 'authn_login_success'",
        "update audit_events set ip = '', user_agent = ''",
        "update audit_events set user_id = null",
        "delete from audit_events",
        "truncate audit_events",
        "truncate users cascade; truncate audit_events",
    ] {
        let refused = db.batch_execute(statement).await.unwrap_err();
        let refused = refused.as_db_error().unwrap().message().to_owned();
        assert!(refused.contains("the audit log"), "{statement}: {refused}");
    }
    assert_eq!(rows(&shop).await.len(), 3);
    shop.end().await;
}

#[tokio::test]
async fn the_audit_log_is_forgotten_after_four_hundred_days() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let state = shop.server().state();
    let purge = || app_server::actions::purge::purge_once(&state.database, &state.clock);

    shop.advance(TimeDelta::days(399));
    shop.user("bob").await;
    purge().await.unwrap();
    assert_eq!(rows(&shop).await.len(), 6, "not a day too early");
    shop.advance(TimeDelta::days(2));
    shop.user("eve").await;
    purge().await.unwrap();
    assert_eq!(
        rows(&shop).await.len(),
        6,
        "ada's went, bob's and eve's stay"
    );
    shop.end().await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_takes_nothing_from_the_audit_log() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let state = shop.server().state();

    shop.advance(TimeDelta::days(10_000));
    let purged = app_server::actions::purge::purge_once(&state.database, &state.clock).await;

    purged.expect("nothing to complain of");
    assert_eq!(
        rows(&shop).await.len(),
        3,
        "no newer row says that so much time has passed"
    );
    shop.end().await;
}

#[tokio::test]
async fn what_an_operator_does_is_written_down_as_done_on_the_machine() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let state = shop.server().state();
    let (database, clock, address) = (&state.database, &state.clock, email("ada"));
    use app_server::{actions::users, domain::user::Role};

    users::set_role(database, clock, &address, Role::Admin)
        .await
        .unwrap();
    users::disable(database, clock, &address).await.unwrap();
    users::enable(database, clock, &address).await.unwrap();
    users::set_password(database, clock, &address, PASSWORD.into())
        .await
        .unwrap();

    let db = shop.database.client().await;
    let done = db
        .query(
            "select event from audit_events where ip = 'local' and actor_id is null order by event_id",
            &[],
        )
        .await
        .unwrap();
    let done: Vec<String> = done.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        done,
        [
            "authz_change",
            "user_disabled",
            "user_enabled",
            "authn_password_change"
        ]
    );
    assert_eq!(ada.user().await, Value::Null);
    shop.end().await;
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.sabotage("alter table audit_events rename to hidden")
        .await;

    let signed_in = shop.visitor().sign_in("ada").await;
    let changed = change_password(&ada, PASSWORD, "another perfectly fine passphrase").await;
    let signed_out = ada.api(Method::DELETE, "/session", None).await;

    assert_eq!((signed_in.status.as_u16(), changed), (500, 500));
    assert_eq!(signed_out.status, 500);
    shop.sabotage("alter table hidden rename to audit_events")
        .await;
    assert_eq!(ada.user().await["name"], "ada", "the session went on");
    assert_eq!(
        shop.visitor().sign_in("ada").await.status,
        200,
        "the old password is good"
    );
    shop.end().await;
}
