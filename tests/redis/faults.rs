//! A Redis that dies, forgets, or remembers too much.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tests::{
    client::{Answer, Client, email},
    redis::Redis,
    shop::Shop,
};

/// A shop with a Redis of its own; nothing where there is none to be had.
async fn shop() -> Option<(Shop, Redis)> {
    let redis = Redis::start()?;
    let shop = Shop::with(&[("SESSION_STORE", &redis.url())]).await;
    Some((shop, redis))
}

/// What the shop says once it says anything but 503: its connection comes back by itself.
async fn once_it_answers(client: &Client) -> Answer {
    for _ in 0..200 {
        let answer = client.get("/api/v1/session").await;
        if answer.status != 503 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the shop does not recover");
}

/// Somebody else with the same cookies.
fn copy(shop: &Shop, client: &Client) -> Client {
    let copy = shop.visitor();
    for cookie in client.cookies().split("; ") {
        copy.set_cookie(cookie);
    }
    copy
}

#[tokio::test]
async fn while_redis_is_down_the_answer_is_503_and_never_signed_out() {
    let Some((shop, mut redis)) = shop().await else {
        return;
    };
    let ada = shop.user("ada").await;

    redis.kill();
    let answer = ada.get("/api/v1/session").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (503, "unavailable")
    );
    assert!(answer.set_cookies().is_empty());
    assert_eq!(ada.get("/account").await.status, 503);
    let somebody = shop.visitor();
    assert_eq!(ada.get("/readyz").await.status, 503);
    assert_eq!(
        somebody.get("/").await.status,
        200,
        "without a cookie nobody is asked for"
    );

    redis.start_again();
    let answer = once_it_answers(&ada).await;
    assert_eq!(answer.json()["user"]["name"], "ada");
    assert_eq!(ada.get("/readyz").await.status, 200);
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_it_revives_nothing_and_takes_nobody_for_another() {
    let Some((shop, mut redis)) = shop().await else {
        return;
    };
    let names: Vec<String> = (0..12).map(|n| format!("user{n}")).collect();
    let mut clients = Vec::new();
    for name in &names {
        clients.push(shop.user(name).await);
    }
    let copies: Vec<_> = clients.iter().map(|client| copy(&shop, client)).collect();

    // Half of them sign out while all read, and Redis dies meanwhile.
    let acting = clients.iter().enumerate().map(async |(n, client)| {
        if n % 2 == 0 {
            let token = client.get("/api/v1/session").await;
            if token.status != 200 {
                return None;
            }
            let answer = client
                .send(
                    client
                        .request(Method::DELETE, "/api/v1/session")
                        .header("origin", shop.url())
                        .header(
                            "x-csrf-token",
                            token.json()["csrf_token"].as_str().expect("a token"),
                        ),
                )
                .await;
            (answer.status == 204).then_some(n)
        } else {
            for _ in 0..5 {
                client.get("/api/v1/session").await;
            }
            None
        }
    });
    let dying = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        redis.kill();
        tokio::time::sleep(Duration::from_millis(30)).await;
        redis.start_again();
    };
    let (signed_out, ()) = tokio::join!(futures_util::future::join_all(acting), dying);

    for (n, copy) in copies.iter().enumerate() {
        let user = once_it_answers(copy).await.json()["user"].clone();
        if signed_out.contains(&Some(n)) {
            assert_eq!(user, Value::Null, "{} was signed out", names[n]);
        } else if user != Value::Null {
            assert_eq!(user["email"], email(&names[n]).as_str());
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn what_was_ended_stays_ended_when_redis_comes_back_with_an_older_state() {
    let Some((shop, mut redis)) = shop().await else {
        return;
    };
    let ada = shop.user("ada").await;
    let eve = shop.visitor();
    eve.sign_in("ada").await;
    let bob = shop.user("bob").await;
    let copies = [copy(&shop, &ada), copy(&shop, &eve), copy(&shop, &bob)];
    redis.set_aside();

    let others = eve.api(Method::DELETE, "/sessions", None).await;
    assert_eq!(others.status, 204, "{}", others.text());
    assert_eq!(bob.api(Method::DELETE, "/session", None).await.status, 204);
    redis.come_back_with_what_was_set_aside();

    assert_eq!(
        once_it_answers(&copies[2]).await.json()["user"],
        Value::Null
    );
    for copied in &copies {
        assert_eq!(copied.user().await, Value::Null);
    }
    assert_eq!(eve.sign_in("ada").await.status, 200);
    assert_eq!(eve.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn a_redis_that_lost_everything_signs_everybody_out_and_works_again() {
    let Some((shop, mut redis)) = shop().await else {
        return;
    };
    let ada = shop.user("ada").await;

    redis.lose_everything();
    assert_eq!(once_it_answers(&ada).await.json()["user"], Value::Null);
    assert_eq!(ada.sign_in("ada").await.status, 200);
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn moving_to_redis_signs_everybody_out_for_good() {
    let Some(redis) = Redis::start() else { return };
    let mut shop = Shop::with(&[("SESSION_STORE", "postgres")]).await;
    let ada = shop.user("ada").await;

    shop.restart_with(&[("SESSION_STORE", &redis.url())]).await;
    assert_eq!(ada.user().await, Value::Null);
    let state = shop.server().state();
    let store = state.sessions.store();
    store.purge(shop.clock.now()).await.expect("a purge");
    shop.restart_with(&[("SESSION_STORE", "postgres")]).await;
    assert_eq!(
        ada.user().await,
        Value::Null,
        "and moving back brings nobody back"
    );
    shop.end().await;
}
