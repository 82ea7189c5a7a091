//! Looking through one's sessions, and ending them.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{Client, PASSWORD, email},
    shop::Shop,
};

const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0";

/// Signs in once more, by a program that calls itself this.
async fn signed_in_by(shop: &Shop, user_agent: &str, remember: bool) -> Client {
    let client = shop.visitor();
    let body = json!({"email": email("ada"), "password": PASSWORD, "remember": remember});
    let by = [("user-agent", user_agent)];
    let answer = client
        .api_with(Method::POST, "/session", Some(body), &by)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client
}

async fn items(client: &Client) -> Vec<Value> {
    let list = client.get("/api/v1/sessions").await;
    assert_eq!(list.status, 200, "{}", list.text());
    let list = list.json();
    assert_eq!(list["next"], Value::Null);
    list["items"].as_array().expect("a list").clone()
}

async fn own_id(client: &Client) -> String {
    let session = client.get("/api/v1/session").await.json();
    session["session"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_buyer_sees_every_session_of_theirs_and_nobody_elses() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.user("eve").await;
    shop.advance(TimeDelta::seconds(90));
    let other = signed_in_by(&shop, FIREFOX, true).await;

    let listed = items(&ada).await;

    assert_eq!(listed.len(), 2);
    let fields: Vec<_> = listed[0].as_object().unwrap().keys().cloned().collect();
    let mut expected = [
        "id",
        "current",
        "created_at",
        "last_seen_at",
        "ip",
        "country",
        "user_agent",
        "device",
        "remembered",
    ];
    expected.sort_unstable();
    assert_eq!(fields, expected);
    let (own, remembered): (Vec<_>, Vec<_>) =
        listed.iter().partition(|item| item["current"] == true);
    assert_eq!(own[0]["id"], own_id(&ada).await);
    assert_eq!(own[0]["remembered"], false);
    assert_eq!(own[0]["device"], "Unknown program");
    assert_eq!(remembered[0]["id"], own_id(&other).await);
    assert_eq!(remembered[0]["device"], "Firefox on Windows");
    assert_eq!(remembered[0]["user_agent"], FIREFOX);
    assert_eq!(remembered[0]["ip"], "127.0.0.1");
    assert_eq!(remembered[0]["country"], Value::Null);
    assert_eq!(remembered[0]["remembered"], true);
    assert_eq!(
        shop.visitor().get("/api/v1/sessions").await.code(),
        "signed_out"
    );
    shop.end().await;
}

#[tokio::test]
async fn a_session_that_is_ended_is_over_at_the_next_request_on_every_app_server() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let other = signed_in_by(&shop, FIREFOX, true).await;
    let (server, base) = shop.second_server();
    let there = other.at(&base);
    let path = format!("/sessions/{}", own_id(&other).await);

    let ended = ada.api(Method::DELETE, &path, None).await;

    assert_eq!(ended.status, 204, "{}", ended.text());
    assert_eq!(other.user().await, Value::Null);
    let answer = there.get_as(&shop.url(), "/api/v1/session").await;
    assert_eq!(answer.json()["user"], Value::Null);
    assert_eq!(items(&ada).await.len(), 1);
    let again = ada.api(Method::DELETE, &path, None).await;
    assert_eq!(again.code(), "not_found", "it is over already");
    server.kill().await;
    shop.end().await;
}

#[tokio::test]
async fn a_session_of_somebody_else_is_not_there() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let eve = shop.user("eve").await;
    let id = own_id(&ada).await;
    let nobodys = uuid::Uuid::new_v4().to_string();

    for id in [id.as_str(), nobodys.as_str(), "nonsense", "%2e%2e"] {
        let refused = eve
            .api(Method::DELETE, &format!("/sessions/{id}"), None)
            .await;
        assert!([403, 404].contains(&refused.status.as_u16()), "{id}");
        let path = format!("/account/sessions/{id}/delete");
        let page = eve.post_form(&path, &[]).await;
        assert!([303, 403, 404].contains(&page.status.as_u16()), "{id}");
    }

    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn ending_sessions_asks_for_the_password_ten_minutes_after_the_last_proof() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let other = signed_in_by(&shop, FIREFOX, false).await;
    let one = format!("/sessions/{}", own_id(&other).await);
    shop.advance(TimeDelta::minutes(10));

    for path in ["/sessions", &one] {
        let refused = ada.api(Method::DELETE, path, None).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (403, "confirm_password")
        );
    }
    assert_eq!(other.user().await["name"], "ada", "nothing was done");

    let proof = Some(json!({"password": PASSWORD}));
    ada.api(Method::POST, "/session/confirm", proof).await;
    shop.advance(TimeDelta::seconds(599));
    let ended = ada.api(Method::DELETE, &one, None).await;
    assert_eq!(ended.status, 204);
    assert_eq!(other.user().await, Value::Null);
    shop.end().await;
}

#[tokio::test]
async fn the_page_leads_through_the_proof_and_back_to_the_list() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let other = signed_in_by(&shop, FIREFOX, true).await;
    let id = own_id(&other).await;
    shop.advance(TimeDelta::minutes(11));

    let page = ada.get("/account/sessions").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    for expected in [
        "Firefox on Windows",
        FIREFOX,
        "This session",
        "remembered on this device",
        "Ends by itself",
        "asks for your password",
        "There can be 50",
    ] {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }

    let end = format!("/account/sessions/{id}/delete");
    let asked = ada.post_form(&end, &[]).await;
    assert_eq!(asked.status, 303);
    assert_eq!(asked.location(), "/confirm?next=%2Faccount%2Fsessions");
    let asked = ada.post_form("/account/sessions/delete", &[]).await;
    assert_eq!(asked.location(), "/confirm?next=%2Faccount%2Fsessions");
    assert_eq!(other.user().await["name"], "ada");

    let fields = [("password", PASSWORD), ("next", "/account/sessions")];
    let proved = ada.post_form("/confirm", &fields).await;
    assert_eq!(proved.location(), "/account/sessions");
    for _ in 0..2 {
        let ended = ada.post_form(&end, &[]).await;
        assert_eq!(ended.location(), "/account/sessions", "a second click too");
    }
    assert_eq!(other.user().await, Value::Null);
    let page = ada.get("/account/sessions").await.text();
    assert!(page.contains("There is no other session."), "{page}");
    shop.end().await;
}

#[tokio::test]
async fn a_form_without_its_token_ends_nothing() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let other = signed_in_by(&shop, FIREFOX, true).await;
    for path in [
        "/account/sessions/delete".to_owned(),
        format!("/account/sessions/{}/delete", own_id(&other).await),
    ] {
        let request = ada
            .request(Method::POST, &path)
            .header("origin", shop.url())
            .form(&[("csrf_token", "guessed")]);
        assert_eq!(ada.send(request).await.status, 403);
    }
    assert_eq!(other.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn ending_all_others_leaves_this_one_under_a_new_secret() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let others = [
        signed_in_by(&shop, FIREFOX, true).await,
        signed_in_by(&shop, "curl/8.14.1", false).await,
    ];
    let eve = shop.user("eve").await;
    let before = ada.cookies();
    let proved_at = shop.clock.now();

    let ended = ada.api(Method::DELETE, "/sessions", None).await;

    assert_eq!(ended.status, 204, "{}", ended.text());
    for other in &others {
        assert_eq!(other.user().await, Value::Null);
    }
    assert_eq!(ada.user().await["name"], "ada");
    assert_eq!(eve.user().await["name"], "eve");
    assert_ne!(ada.cookies(), before);
    let copy = shop.visitor();
    for cookie in before.split("; ") {
        copy.set_cookie(cookie);
    }
    assert_eq!(copy.user().await, Value::Null, "the old secret is dead");
    assert_eq!(items(&ada).await.len(), 1);
    assert_eq!(ada.api(Method::DELETE, "/sessions", None).await.status, 204);
    assert_eq!(others[0].sign_in("ada").await.status, 200);

    shop.advance(TimeDelta::minutes(10) - (shop.clock.now() - proved_at));
    let refused = ada.api(Method::DELETE, "/sessions", None).await;
    assert_eq!(
        refused.code(),
        "confirm_password",
        "no proof was made of it"
    );
    shop.end().await;
}

#[tokio::test]
async fn ending_ones_own_session_signs_out() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let path = format!("/sessions/{}", own_id(&ada).await);
    let ended = ada.api(Method::DELETE, &path, None).await;
    assert_eq!(ended.status, 204);
    let cookies = ended.set_cookies();
    assert!(cookies.iter().all(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(ada.user().await, Value::Null);

    ada.sign_in("ada").await;
    let path = format!("/account/sessions/{}/delete", own_id(&ada).await);
    let ended = ada.post_form(&path, &[]).await;
    assert_eq!(ended.location(), "/");
    assert_eq!(ada.user().await, Value::Null);
    shop.end().await;
}

#[tokio::test]
async fn every_end_is_written_down() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let other = signed_in_by(&shop, FIREFOX, false).await;
    let path = format!("/sessions/{}", own_id(&other).await);
    ada.api(Method::DELETE, &path, None).await;
    shop.advance(TimeDelta::seconds(1));
    ada.api(Method::DELETE, "/sessions", None).await;
    shop.advance(TimeDelta::seconds(1));
    ada.api(Method::DELETE, "/session", None).await;

    let db = shop.database.client().await;
    let rows = db
        .query(
            "select details->>'reason', details->>'ended' from audit_events
              where event = 'session_ended' and user_id is not null order by event_id",
            &[],
        )
        .await
        .unwrap();
    let rows: Vec<(String, Option<String>)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].0, "ended");
    assert!(path.ends_with(rows[0].1.as_deref().unwrap()));
    assert_eq!(rows[1].1.as_deref(), Some("all others"));
    assert_eq!(rows[2].0, "signed_out");
    shop.end().await;
}

#[tokio::test]
async fn a_long_list_can_be_read_in_pages_while_it_is_being_used() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for _ in 0..4 {
        shop.advance(TimeDelta::seconds(61));
        signed_in_by(&shop, FIREFOX, false).await;
    }
    let all = items(&ada).await;
    assert_eq!(all.len(), 5);

    let (mut seen, mut next) = (Vec::new(), Some(String::new()));
    while let Some(after) = next {
        shop.advance(TimeDelta::seconds(61));
        let page = ada
            .get(&format!("/api/v1/sessions?limit=2&after={after}"))
            .await
            .json();
        seen.extend(page["items"].as_array().unwrap().clone());
        next = page["next"].as_str().map(str::to_owned);
    }

    let ids = |items: &[Value]| items.iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&seen), ids(&all));
    for wrong in ["limit=0", "limit=101", "limit=x", "after=x"] {
        let refused = ada.get(&format!("/api/v1/sessions?{wrong}")).await;
        assert_eq!(refused.status, 422, "{wrong}");
    }
    shop.end().await;
}
