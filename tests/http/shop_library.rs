//! What one owns, in every version.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use tests::{client::Client, shop::Shop};

use crate::shelf::{Product, each, id, publish, publish_priced};

async fn take(client: &Client, slug: &str) {
    let body = json!({"product_ids": [id(client, slug).await]});
    let answer = client
        .api_with(
            Method::POST,
            "/orders",
            Some(body),
            &[("idempotency-key", slug)],
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[tokio::test]
async fn older_versions_stay_with_their_owners() {
    let shop = Shop::start().await;
    let old = Product {
        price: (0, "EUR"),
        files: &[("guide.txt", b"moss")],
        ..Product::default()
    };
    publish(&shop, &old).await;
    let ada = shop.user("ada").await;
    take(&ada, "field-guide").await;
    publish(
        &shop,
        &Product {
            files: &[("guide.txt", b"fern")],
            ..old
        },
    )
    .await;

    let library = ada.get("/api/v1/library").await.json();
    let files = library["items"][0]["files"].as_array().unwrap();
    let versions: Vec<_> = files
        .iter()
        .map(|file| (&file["version"], &file["current"]))
        .collect();
    assert_eq!(
        versions,
        [(&json!(2), &json!(true)), (&json!(1), &json!(false))]
    );
    let page = ada.get("/library").await.text();
    assert!(page.contains("Older versions"));
    for file in files {
        let (id, sha256) = (
            file["id"].as_str().unwrap(),
            file["sha256"].as_str().unwrap(),
        );
        assert!(
            page.contains(&format!("href=\"/library/files/{id}/download\""))
                && page.contains(sha256),
            "{page}"
        );
    }

    shop.sabotage("update products set published_at = null")
        .await;
    let page = ada.get("/library").await.text();
    assert!(
        page.contains("Field Guide") && !page.contains("/products/field-guide"),
        "withdrawn, still theirs"
    );
    shop.end().await;
}

#[tokio::test]
async fn a_spent_link_leads_to_its_file_and_mints_nothing() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 0).await;
    let (ada, eve) = (shop.user("ada").await, shop.user("eve").await);
    take(&ada, "guide").await;
    let file = ada.get("/api/v1/library").await.json()["items"][0]["files"][0]["id"].clone();
    let path = format!("/library?file={}", file.as_str().unwrap());

    let page = ada.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Here is your file."));
    let other = eve.get(&path).await;
    assert_eq!(other.status, 200);
    assert!(!other.text().contains("Your link was used") && !other.text().contains("guide.txt"));
    assert_eq!(ada.get("/library?file=nonsense").await.status, 200);
    let db = shop.database.client().await;
    let n_mints: i64 = db
        .query_one("select count(*) from mints", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(n_mints, 0);
    shop.end().await;
}

#[tokio::test]
async fn a_long_library_is_walked_page_by_page() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for slug in ["one", "two", "three"] {
        publish_priced(&shop, slug, 0).await;
        take(&ada, slug).await;
        shop.advance(TimeDelta::seconds(1));
    }

    let first = ada.get("/api/v1/library?limit=2").await.json();
    assert_eq!(each(&first, "/product/slug"), ["three", "two"]);
    let next = first["next"].as_str().unwrap();
    let last = ada
        .get(&format!("/api/v1/library?limit=2&after={next}"))
        .await
        .json();
    assert_eq!(each(&last, "/product/slug"), ["one"]);
    assert!(last["next"].is_null());
    assert_eq!(ada.get("/api/v1/library?after=x").await.status, 422);
    assert_eq!(ada.get("/api/v1/orders?limit=0").await.status, 422);
    assert_eq!(
        shop.visitor().get("/api/v1/library").await.code(),
        "signed_out"
    );
    shop.end().await;
}
