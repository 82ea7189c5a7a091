//! A new secret every fifteen minutes of use, and what an old one means when it is shown.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, PASSWORD, email},
    shop::Shop,
    world::World,
};

const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// Goes to a page as a browser does.
async fn navigate(client: &Client, path: &str) -> Answer {
    let request = client
        .request(Method::GET, path)
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-site", "same-origin");
    client.send(request).await
}

/// Somebody with these cookies and no others.
fn with_cookies(shop: &Shop, cookies: &str) -> Client {
    let client = shop.visitor();
    for cookie in cookies.split("; ") {
        client.set_cookie(cookie);
    }
    client
}

fn sets_a_session(answer: &Answer) -> bool {
    let cookies = answer.set_cookies();
    let mut ours = cookies
        .iter()
        .filter(|cookie| cookie.starts_with("claimcheck-session="));
    ours.any(|cookie| !cookie.contains("Max-Age=0"))
}

/// How often this event was written down.
async fn count(shop: &Shop, event: &str) -> i64 {
    let db = shop.database.client().await;
    let rows = db
        .query_one(
            "select count(*) from audit_events where event = $1",
            &[&event],
        )
        .await;
    rows.unwrap().get(0)
}

async fn letters(shop: &Shop) -> Vec<(String, String)> {
    let db = shop.database.client().await;
    let rows = db
        .query(
            "select kind, recipient from mails where kind = 'session_stolen'",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn after_fifteen_minutes_of_use_a_navigation_brings_a_new_secret() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let token = ada.csrf_token().await;
    let before = ada.cookies();

    shop.advance(QUARTER - TimeDelta::seconds(1));
    assert!(navigate(&ada, "/account").await.set_cookies().is_empty());
    shop.advance(TimeDelta::seconds(1));
    let page = navigate(&ada, "/account").await;

    assert_eq!(page.status, 200);
    assert!(sets_a_session(&page));
    assert_ne!(ada.cookies(), before);
    assert!(!navigate(&ada, "/account").await.text().is_empty());
    assert_eq!(ada.csrf_token().await, token, "open forms stay good");
    shop.advance(QUARTER);
    assert!(sets_a_session(&ada.get("/api/v1/session").await));
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn only_what_somebody_looks_at_brings_one() {
    let world = World::start().await;
    world
        .publish("clouds", 0, &[("clouds.txt", b"cumulus")])
        .await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "clouds").await;
    world.advance(QUARTER);
    let download = format!("/library/files/{file}/download");

    for (method, path, headers) in [
        (Method::HEAD, "/account", &[("accept", "text/html")][..]),
        (Method::HEAD, "/api/v1/session", &[]),
        (
            Method::GET,
            "/account",
            &[("sec-purpose", "prefetch"), ("accept", "text/html")],
        ),
        (
            Method::GET,
            "/api/v1/session",
            &[("sec-purpose", "prefetch;prerender")],
        ),
        (Method::GET, "/api/v1/library", &[]),
        (
            Method::GET,
            &download,
            &[
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
                ("sec-fetch-site", "same-origin"),
            ],
        ),
        (Method::HEAD, &download, &[("accept", "text/html")]),
        (Method::GET, &download, &[("accept", "text/html")]),
        (
            Method::GET,
            "/nowhere",
            &[
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
        ),
    ] {
        let mut request = ada.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = ada.send(request).await;
        assert!(answer.set_cookies().is_empty(), "{path} {headers:?}");
    }
    assert!(sets_a_session(&navigate(&ada, "/library").await));
    world.end().await;
}

#[tokio::test]
async fn looking_without_use_keeps_nobody_signed_in() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for _ in 0..8 {
        shop.advance(TimeDelta::minutes(14));
        for request in [
            ada.request(Method::HEAD, "/api/v1/session"),
            ada.request(Method::HEAD, "/account"),
            ada.request(Method::GET, "/account")
                .header("sec-purpose", "prefetch"),
        ] {
            assert_eq!(ada.send(request).await.status, 200);
        }
    }
    shop.advance(TimeDelta::minutes(8));
    let polled = ada.send(ada.request(Method::HEAD, "/account")).await;
    assert_eq!(polled.status, 401, "idle for two hours");
    shop.end().await;
}

#[tokio::test]
async fn a_lost_answer_signs_nobody_out_and_is_made_up_for() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let kept = ada.cookies();
    shop.advance(QUARTER);
    assert!(
        sets_a_session(&navigate(&ada, "/account").await),
        "and lost"
    );

    // The browser still has the secret of before, for hours.
    let ada = with_cookies(&shop, &kept);
    for _ in 0..14 {
        shop.advance(TimeDelta::minutes(1));
        let page = navigate(&ada, "/account").await;
        assert_eq!(page.status, 200);
        assert!(page.set_cookies().is_empty(), "not before its time");
    }
    shop.advance(TimeDelta::minutes(1));
    let page = navigate(&ada, "/account").await;
    assert!(sets_a_session(&page), "now once more");
    assert_ne!(ada.cookies(), kept);
    assert_eq!(ada.user().await["name"], "ada");
    assert_eq!(count(&shop, "session_use_after_expire").await, 0);
    shop.end().await;
}

#[tokio::test]
async fn the_old_secret_stays_good_for_thirty_seconds_after_the_new_one_was_used() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let slow_tab = with_cookies(&shop, &ada.cookies());
    shop.advance(QUARTER);
    navigate(&ada, "/account").await;
    shop.advance(TimeDelta::minutes(5));
    navigate(&slow_tab, "/account").await;
    navigate(&ada, "/account").await; // The new one is seen.

    shop.advance(TimeDelta::seconds(29));
    assert_eq!(navigate(&slow_tab, "/account").await.status, 200);
    shop.advance(TimeDelta::seconds(1));
    let late = navigate(&slow_tab, "/account").await;
    assert_eq!(late.status, 401);
    assert_eq!(ada.user().await, Value::Null, "two hands held it");
    shop.end().await;
}

#[tokio::test]
async fn a_stolen_cookie_ends_the_session_and_its_owner_is_told() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let other = shop.visitor();
    other.sign_in("ada").await;
    let thief = with_cookies(&shop, &ada.cookies());
    // The thief's comes first: the owner shows the old one.
    shop.advance(QUARTER);
    assert!(sets_a_session(&navigate(&thief, "/account").await));
    assert_eq!(navigate(&thief, "/library").await.status, 200);
    shop.advance(TimeDelta::seconds(31));

    let page = navigate(&ada, "/account").await;

    assert_eq!(page.status, 401);
    assert!(page.text().contains("old copy of this session’s cookie"));
    let again = navigate(&ada, "/login").await;
    assert!(again.text().contains("old copy of this session’s cookie"));
    assert_eq!(thief.user().await, Value::Null);
    assert_eq!(other.user().await["name"], "ada", "the others go on");
    assert_eq!(count(&shop, "session_use_after_expire").await, 1);
    assert_eq!(
        letters(&shop).await,
        [("session_stolen".to_owned(), email("ada"))]
    );
    let called = ada.api(Method::GET, "/orders", None).await;
    assert_eq!(
        (called.status.as_u16(), called.code().as_str()),
        (401, "signed_out")
    );

    assert_eq!(ada.sign_in("ada").await.status, 200);
    let page = navigate(&ada, "/account").await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("old copy"));
    assert_eq!(
        count(&shop, "session_use_after_expire").await,
        1,
        "told once"
    );
    shop.end().await;
}

#[tokio::test]
async fn a_thief_who_keeps_the_session_busy_is_found_out_however_late() {
    let shop = Shop::start().await;
    let body = json!({"email": email("ada"), "password": PASSWORD, "remember": true});
    shop.user("ada").await;
    let ada = shop.visitor();
    ada.api(Method::POST, "/session", Some(body)).await;
    let thief = with_cookies(&shop, &ada.cookies());
    for _ in 0..10 {
        shop.advance(QUARTER);
        assert!(sets_a_session(&navigate(&thief, "/account").await));
    }

    assert_eq!(navigate(&ada, "/account").await.status, 401);
    assert_eq!(thief.user().await, Value::Null);
    assert_eq!(count(&shop, "session_use_after_expire").await, 1);
    shop.end().await;
}

#[tokio::test]
async fn a_copied_cookie_in_a_download_tool_is_no_theft() {
    let world = World::start().await;
    world
        .publish("clouds", 0, &[("clouds.txt", b"cumulus")])
        .await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "clouds").await;
    let download = format!("/library/files/{file}/download");
    let tool = with_cookies(&world, &ada.cookies());
    assert_eq!(tool.get(&download).await.status, 303);

    world.advance(QUARTER);
    navigate(&ada, "/library").await;
    navigate(&ada, "/library").await;
    assert_eq!(
        tool.get(&download).await.status,
        303,
        "for thirty seconds more"
    );
    world.advance(TimeDelta::hours(1));
    for method in [Method::GET, Method::HEAD] {
        let late = tool.send(tool.request(method, &download)).await;
        assert_eq!(late.status, 401);
        assert!(late.set_cookies().is_empty());
    }
    world.advance(TimeDelta::minutes(15));
    navigate(&ada, "/library").await;
    navigate(&ada, "/library").await;
    world.advance(TimeDelta::minutes(15));
    assert_eq!(tool.get(&download).await.status, 401, "however old");

    assert_eq!(ada.user().await["name"], "ada", "nothing has ended");
    assert_eq!(count(&world, "session_use_after_expire").await, 0);
    let late = tool.get("/api/v1/library").await;
    assert_eq!(late.status, 401);
    assert_eq!(ada.user().await, Value::Null, "anywhere else it is one");
    world.end().await;
}

#[tokio::test]
async fn a_remembered_session_keeps_what_is_left_of_its_time() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let ada = shop.visitor();
    let body = json!({"email": email("ada"), "password": PASSWORD, "remember": true});
    ada.api(Method::POST, "/session", Some(body)).await;
    shop.advance(TimeDelta::days(1));

    let cookies = navigate(&ada, "/account").await.set_cookies();

    let left = format!("Max-Age={}", 29 * 86_400);
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(
        cookies.iter().all(|cookie| cookie.contains(&left)),
        "{cookies:?}"
    );
    for days in 2..30 {
        shop.advance(TimeDelta::days(1));
        assert!(sets_a_session(&navigate(&ada, "/account").await), "{days}");
    }
    shop.advance(TimeDelta::days(1));
    assert_eq!(
        navigate(&ada, "/account").await.status,
        401,
        "thirty days are the end"
    );
    shop.end().await;
}

#[tokio::test]
async fn a_session_that_ended_is_not_stolen_by_its_old_cookies() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let old = ada.cookies();
    shop.advance(QUARTER);
    navigate(&ada, "/account").await;
    navigate(&ada, "/account").await;
    ada.api(Method::DELETE, "/session", None).await;
    shop.advance(TimeDelta::minutes(1));

    let page = navigate(&with_cookies(&shop, &old), "/account").await;

    assert_eq!(page.status, 401);
    assert!(!page.text().contains("old copy"));
    assert_eq!(count(&shop, "session_use_after_expire").await, 0);
    assert!(letters(&shop).await.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn where_the_theft_cannot_be_written_down_the_cookie_gets_nothing() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let old = with_cookies(&shop, &ada.cookies());
    shop.advance(QUARTER);
    navigate(&ada, "/account").await;
    navigate(&ada, "/account").await;
    shop.advance(TimeDelta::minutes(1));
    shop.sabotage("alter table audit_events rename to hidden")
        .await;

    assert!(navigate(&old, "/account").await.status.is_server_error());
    shop.sabotage("alter table hidden rename to audit_events")
        .await;
    assert_eq!(navigate(&old, "/account").await.status, 401);
    assert_eq!(count(&shop, "session_use_after_expire").await, 1);
    shop.end().await;
}
