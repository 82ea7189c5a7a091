//! Carts, before and after there is a user.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::Value;
use tests::{
    client::{Client, PASSWORD},
    shop::Shop,
};

use crate::shelf::{Product, each, id, publish, publish_priced};

async fn in_cart(client: &Client) -> Vec<String> {
    each(&client.get("/api/v1/cart").await.json(), "/slug")
}

async fn put(client: &Client, slug: &str) -> u16 {
    let path = format!("/cart/{}", id(client, slug).await);
    client.api(Method::PUT, &path, None).await.status.as_u16()
}

#[tokio::test]
async fn a_cart_filled_signed_out_is_there_at_checkout_after_registering() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 1_200).await;
    let visitor = shop.visitor();
    let guide = id(&visitor, "guide").await;
    visitor.get("/").await;

    let added = visitor
        .post_form("/cart", &[("product_id", guide.as_str())])
        .await;
    assert_eq!((added.status.as_u16(), added.location()), (303, "/cart"));
    assert!(visitor.get("/cart").await.text().contains("€12.00"));
    let asked = visitor.get("/checkout").await;
    assert_eq!(asked.status, 401);
    assert!(asked.text().contains("name=\"next\" value=\"/checkout\""));
    let fields = [
        ("name", "Ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("next", "/checkout"),
    ];
    let registered = visitor.post_form("/register", &fields).await;
    assert_eq!(
        (registered.status.as_u16(), registered.location()),
        (303, "/checkout")
    );

    let checkout = visitor.get("/checkout").await;
    assert!(checkout.text().contains("guide") && checkout.text().contains("Place order"));
    shop.end().await;
}

#[tokio::test]
async fn signing_in_merges_carts_without_what_is_owned_or_there_already() {
    let shop = Shop::start().await;
    for slug in ["first", "second", "third"] {
        publish_priced(&shop, slug, 0).await;
    }
    let ada = shop.user("ada").await;
    put(&ada, "first").await;
    shop.advance(TimeDelta::seconds(1));
    let body = serde_json::json!({"product_ids": [id(&ada, "third").await]});
    ada.api_with(
        Method::POST,
        "/orders",
        Some(body),
        &[("idempotency-key", "1")],
    )
    .await;

    let elsewhere = shop.visitor();
    for slug in ["first", "second", "third"] {
        assert_eq!(put(&elsewhere, slug).await, 204);
    }
    elsewhere.sign_in("ada").await;

    assert_eq!(in_cart(&elsewhere).await, ["first", "second"]);
    assert_eq!(in_cart(&ada).await, ["first", "second"]);
    elsewhere.api(Method::DELETE, "/session", None).await;
    assert!(
        in_cart(&elsewhere).await.is_empty(),
        "signed out, it is nobody's cart"
    );
    shop.end().await;
}

#[tokio::test]
async fn putting_and_deleting_twice_is_as_good_as_once() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 1_200).await;
    let visitor = shop.visitor();
    visitor.get("/").await;
    assert_eq!(
        visitor.get("/api/v1/cart").await.json()["total"],
        Value::Null
    );

    assert_eq!(
        (put(&visitor, "guide").await, put(&visitor, "guide").await),
        (204, 204)
    );
    let cart = visitor.get("/api/v1/cart").await.json();
    assert_eq!(each(&cart, "/slug"), ["guide"]);
    assert_eq!(cart["total"]["amount"], 1_200);
    let path = format!("/cart/{}", id(&visitor, "guide").await);
    for _ in 0..2 {
        assert_eq!(visitor.api(Method::DELETE, &path, None).await.status, 204);
    }
    assert!(in_cart(&visitor).await.is_empty());
    let nothing = "/cart/00000000-0000-4000-8000-000000000000";
    assert_eq!(visitor.api(Method::PUT, nothing, None).await.status, 404);
    assert_eq!(visitor.api(Method::DELETE, nothing, None).await.status, 204);
    shop.end().await;
}

#[tokio::test]
async fn currencies_do_not_mix_in_a_cart_or_in_an_order() {
    let shop = Shop::start().await;
    publish_priced(&shop, "euros", 100).await;
    publish_priced(&shop, "gratis", 0).await;
    let dollars = Product {
        slug: "dollars",
        price: (100, "USD"),
        ..Product::default()
    };
    publish(&shop, &dollars).await;
    let ada = shop.user("ada").await;

    assert_eq!(put(&ada, "euros").await, 204);
    shop.advance(TimeDelta::seconds(1));
    assert_eq!(put(&ada, "gratis").await, 204);
    assert_eq!(put(&ada, "dollars").await, 409);
    assert_eq!(in_cart(&ada).await, ["euros", "gratis"]);
    let body =
        serde_json::json!({"product_ids": [id(&ada, "euros").await, id(&ada, "dollars").await]});
    let order = ada
        .api_with(
            Method::POST,
            "/orders",
            Some(body),
            &[("idempotency-key", "1")],
        )
        .await;
    assert_eq!(
        (order.status.as_u16(), order.code().as_str()),
        (409, "mixed_currency")
    );
    shop.end().await;
}
