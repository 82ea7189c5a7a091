//! One's data: taking them along, and leaving.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{PASSWORD, email},
    shop::Shop,
};

use crate::shelf;

/// Ada, who has bought something, and has something in her cart.
async fn buyer(shop: &Shop) -> tests::client::Client {
    for slug in ["moss", "ferns"] {
        shelf::publish_priced(shop, slug, 300).await;
    }
    let ada = shop.user("ada").await;
    let moss = shelf::id(&ada, "moss").await;
    let ferns = shelf::id(&ada, "ferns").await;
    let body = json!({"product_ids": [moss]});
    let order = ada
        .api_with(
            Method::POST,
            "/orders",
            Some(body),
            &[("idempotency-key", "one")],
        )
        .await;
    let order = order.json()["id"].as_str().unwrap().to_owned();
    let paid = ada
        .api(Method::POST, &format!("/orders/{order}/payment"), None)
        .await;
    assert_eq!(paid.status, 200);
    let kept = ada.api(Method::PUT, &format!("/cart/{ferns}"), None).await;
    assert_eq!(kept.status, 204);
    ada
}

async fn purge(shop: &Shop) {
    let state = shop.server().state();
    app_server::actions::purge::purge_once(&state.database, &state.clock)
        .await
        .expect("a purge");
}

#[tokio::test]
async fn an_export_holds_everything_and_no_secret() {
    let shop = Shop::start().await;
    let ada = buyer(&shop).await;
    shop.user("bob").await;

    let export = ada.get("/api/v1/account/export").await;
    let page = ada.post_form("/account/data", &[]).await;

    assert_eq!(export.status, 200, "{}", export.text());
    for answer in [&export, &page] {
        assert!(
            answer
                .header("content-disposition")
                .starts_with("attachment")
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        let data = answer.json();
        assert_eq!(data["account"]["email"], email("ada"));
        assert_eq!(data["orders"][0]["items"][0]["title"], "moss");
        assert_eq!(data["purchases"][0]["title"], "moss");
        assert_eq!(data["cart"][0]["title"], "ferns");
        assert_eq!(data["sessions"].as_array().unwrap().len(), 1);
        assert_eq!(data["events"][0]["event"], "user_created");
        let text = answer.text();
        for secret in ["argon2", "hash", "csrf", "bob@"] {
            assert!(!text.contains(secret), "{secret} is in the export");
        }
        for secret in shop.secrets.lock().unwrap().iter() {
            assert!(!text.contains(secret), "a secret is in the export");
        }
    }
    shop.end().await;
}

#[tokio::test]
async fn an_export_is_given_to_whoever_has_just_proved_the_password_and_not_without_end() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    assert_eq!(
        shop.visitor().get("/api/v1/account/export").await.status,
        401
    );

    shop.advance(TimeDelta::minutes(10));
    let refused = ada.get("/api/v1/account/export").await;
    let led = ada.post_form("/account/data", &[]).await;

    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (403, "confirm_password")
    );
    assert_eq!(
        (led.status.as_u16(), led.location()),
        (303, "/confirm?next=%2Faccount%2Fdata")
    );
    let proof = json!({"password": PASSWORD});
    assert_eq!(
        ada.api(Method::POST, "/session/confirm", Some(proof))
            .await
            .status,
        204
    );
    for _ in 0..10 {
        assert_eq!(ada.get("/api/v1/account/export").await.status, 200);
    }
    let refused = ada.get("/api/v1/account/export").await;
    assert_eq!(refused.status, 429);
    assert!(!refused.header("retry-after").is_empty());
    shop.end().await;
}

#[tokio::test]
async fn asking_to_leave_ends_other_sessions_and_can_be_taken_back() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let elsewhere = shop.visitor();
    elsewhere.sign_in("ada").await;

    assert!(
        ada.get("/account/delete")
            .await
            .text()
            .contains("What the law makes a shop keep")
    );
    let asked = ada.post_form("/account/delete", &[]).await;

    assert_eq!((asked.status.as_u16(), asked.location()), (303, "/account"));
    assert_eq!(elsewhere.user().await, Value::Null);
    let day = shop.clock.now() + TimeDelta::days(14);
    let account = ada.get("/account").await.text();
    assert!(
        account.contains(&day.format("%-d %B %Y").to_string()),
        "the banner has the date"
    );
    assert_eq!(
        ada.post_form("/account/delete", &[]).await.status,
        303,
        "twice is as good"
    );
    shop.advance(TimeDelta::days(13));
    purge(&shop).await;
    elsewhere.sign_in("ada").await;
    assert!(
        elsewhere
            .get("/account")
            .await
            .text()
            .contains("Keep my account")
    );

    let kept = elsewhere.post_form("/account/keep", &[]).await;

    assert_eq!((kept.status.as_u16(), kept.location()), (303, "/account"));
    assert!(
        !elsewhere
            .get("/account")
            .await
            .text()
            .contains("Keep my account")
    );
    shop.advance(TimeDelta::days(14));
    purge(&shop).await;
    assert_eq!(
        shop.visitor().sign_in("ada").await.status,
        200,
        "nothing was deleted"
    );
    shop.end().await;
}

#[tokio::test]
async fn leaving_takes_a_recent_proof_and_works_for_programs_too() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.advance(TimeDelta::minutes(11));

    let refused = ada.api(Method::PUT, "/account/deletion", None).await;
    let led = ada.post_form("/account/delete", &[]).await;
    let looked = ada.get("/account/delete").await;

    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (403, "confirm_password")
    );
    for answer in [led, looked] {
        assert_eq!(answer.location(), "/confirm?next=%2Faccount%2Fdelete");
    }
    let proof = json!({"password": PASSWORD});
    ada.api(Method::POST, "/session/confirm", Some(proof)).await;
    assert_eq!(
        ada.api(Method::PUT, "/account/deletion", None).await.status,
        204
    );
    assert_eq!(
        ada.api(Method::PUT, "/account/deletion", None).await.status,
        204
    );
    assert_eq!(
        ada.api(Method::DELETE, "/account/deletion", None)
            .await
            .status,
        204
    );
    assert_eq!(
        ada.api(Method::DELETE, "/account/deletion", None)
            .await
            .status,
        204
    );
    shop.end().await;
}

#[tokio::test]
async fn after_the_grace_nothing_personal_is_left_but_what_orders_need() {
    let shop = Shop::start().await;
    let ada = buyer(&shop).await;
    let id = ada.user().await["id"].as_str().unwrap().to_owned();
    ada.post_form("/account/delete", &[]).await;

    shop.advance(TimeDelta::days(14));
    purge(&shop).await;

    assert_eq!(ada.user().await, Value::Null);
    let db = shop.database.client().await;
    let count = async |sql: &str| -> i64 { db.query_one(sql, &[]).await.unwrap().get(0) };
    assert_eq!(count("select count(*) from orders").await, 1);
    assert_eq!(count("select count(*) from purchases").await, 1);
    assert_eq!(count("select count(*) from cart_items").await, 0);
    assert_eq!(
        count("select count(*) from sessions where user_id is not null").await,
        0
    );
    let seen = "select count(*) from audit_events
                 where user_id is not null and (ip <> '' or user_agent <> '')";
    assert_eq!(count(seen).await, 0);
    let farewell =
        "select count(*) from mails where kind = 'deleted' and recipient = 'ada@example.org'";
    assert_eq!(
        count(farewell).await,
        1,
        "the last letter goes to the last address"
    );

    assert_eq!(shop.visitor().sign_in("ada").await.status, 401);
    let body = json!({"email": format!("deleted-{id}@invalid"), "password": PASSWORD});
    let refused = shop
        .visitor()
        .api(Method::POST, "/session", Some(body))
        .await;
    assert_eq!(refused.status, 401);

    shop.sabotage("update mails set sent_at = created_at").await;
    purge(&shop).await;
    for (table, column) in [
        ("users", "email"),
        ("users", "email_key"),
        ("users", "name"),
        ("mails", "recipient"),
    ] {
        let left = format!("select count(*) from {table} where {column} ilike '%ada%'");
        assert_eq!(count(&left).await, 0, "{table}.{column}");
    }
    assert_eq!(
        shop.user("ada").await.user().await["name"],
        "ada",
        "the address is free again"
    );
    shop.end().await;
}

#[tokio::test]
async fn every_table_that_names_a_user_is_forgotten_or_kept() {
    use app_server::db::deletion::{FORGOTTEN, KEPT};
    let shop = Shop::start().await;
    let db = shop.database.client().await;

    let tables = db
        .query(
            "select distinct table_name::text from information_schema.columns
              where table_schema = 'public' and column_name = 'user_id'",
            &[],
        )
        .await
        .unwrap();

    for table in tables {
        let table: String = table.get(0);
        let forgotten = FORGOTTEN.iter().any(|(name, _)| *name == table);
        let kept = KEPT.contains(&table.as_str());
        assert!(
            forgotten ^ kept,
            "{table}: db/deletion.rs has to say what becomes of it"
        );
    }
    shop.end().await;
}

#[tokio::test]
async fn the_last_admin_stays() {
    let shop = Shop::start().await;
    let root = shop.admin("root").await;

    let refused = root.api(Method::PUT, "/account/deletion", None).await;
    let page = root.post_form("/account/delete", &[]).await;

    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (409, "last_admin")
    );
    assert_eq!(page.status, 409);
    assert!(page.text().contains("last admin"));
    shop.admin("heir").await;
    assert_eq!(
        root.api(Method::PUT, "/account/deletion", None)
            .await
            .status,
        204
    );
    shop.end().await;
}
