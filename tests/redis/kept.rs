//! What is in Redis.

use serde_json::Value;
use tests::{
    redis::{Redis, of_this_suite},
    shop::Shop,
};

/// Every key and every value, as text.
async fn dump(redis: &Redis) -> Vec<String> {
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut db = client
        .get_multiplexed_async_connection()
        .await
        .expect("a connection");
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut db)
        .await
        .expect("the keys");
    let mut all = keys.clone();
    for key in keys {
        let command = match key.split(':').nth(1) {
            Some("session") => redis::cmd("HVALS").arg(&key).to_owned(),
            Some("secret") => redis::cmd("MGET").arg(&key).to_owned(),
            _ => redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).to_owned(),
        };
        // Of another shop's, and gone meanwhile.
        if let Ok(values) = command.query_async::<Vec<String>>(&mut db).await {
            all.extend(values);
        }
    }
    all
}

#[tokio::test]
async fn a_stolen_redis_signs_nobody_in() {
    let Some(redis) = of_this_suite() else { return };
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let id = ada.get("/api/v1/session").await.json()["session"]["id"].clone();
    let id = id.as_str().expect("a session").to_owned();

    let all = dump(redis).await;
    assert!(all.iter().any(|text| text.contains(&id)), "it is there");
    let secrets = shop.secrets.lock().expect("no panic while noting").clone();
    let text = all.join("\n");
    for secret in secrets {
        assert!(!text.contains(&secret), "a secret is in Redis: {secret}");
    }
    let hashes = all.iter().filter(|text| text.len() == 64).take(50);
    for known in hashes {
        let thief = shop.visitor();
        thief.set_cookie(&format!("claimcheck-session={known}"));
        assert_eq!(thief.user().await, Value::Null);
    }
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn nothing_is_kept_for_ever() {
    let Some(redis) = of_this_suite() else { return };
    let shop = Shop::start().await;
    shop.user("ada").await;
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut db = client
        .get_multiplexed_async_connection()
        .await
        .expect("a connection");
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("claimcheck:*")
        .query_async(&mut db)
        .await
        .expect("the keys");

    assert!(!keys.is_empty());
    for key in keys {
        let left: i64 = redis::cmd("PTTL")
            .arg(&key)
            .query_async(&mut db)
            .await
            .expect("a time");
        assert_ne!(left, -1, "{key} stays for ever");
    }
    shop.end().await;
}
