//! Ordering and paying: once, however often and from however many sides.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client},
    shop::Shop,
};

use crate::shelf::{each, find, id, publish_priced};

async fn order(client: &Client, slugs: &[&str], key: &str) -> Answer {
    let mut ids = Vec::new();
    for slug in slugs {
        ids.push(id(client, slug).await);
    }
    let body = json!({"product_ids": ids});
    client
        .api_with(
            Method::POST,
            "/orders",
            Some(body),
            &[("idempotency-key", key)],
        )
        .await
}

async fn pay(client: &Client, order: &Value) -> Answer {
    let path = format!("/orders/{}/payment", order["id"].as_str().unwrap());
    client.api(Method::POST, &path, None).await
}

async fn owned(client: &Client) -> Vec<String> {
    each(&client.get("/api/v1/library").await.json(), "/product/slug")
}

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn an_order_is_placed_paid_and_owned_at_the_price_it_was_placed() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 1_200).await;
    publish_priced(&shop, "map", 300).await;
    let ada = shop.user("ada").await;

    let placed = order(&ada, &["guide", "map"], "1").await;
    assert_eq!(placed.status, 201);
    let placed = placed.json();
    assert_eq!(
        (&placed["status"], &placed["total"]["amount"]),
        (&json!("pending"), &json!(1_500))
    );
    assert!(owned(&ada).await.is_empty());
    publish_priced(&shop, "guide", 9_900).await;

    let paid = pay(&ada, &placed).await;
    assert_eq!(
        (paid.status.as_u16(), &paid.json()["status"]),
        (200, &json!("paid"))
    );
    assert_eq!(paid.json()["total"]["amount"], 1_500);
    assert_eq!(pay(&ada, &placed).await.status, 200, "again");
    assert_eq!(owned(&ada).await.len(), 2);
    assert_eq!(find(&ada, "guide").await["owned"], true);
    let receipt = ada
        .get(&format!("/orders/{}", placed["id"].as_str().unwrap()))
        .await
        .text();
    assert!(
        receipt.contains("Your receipt") && receipt.contains("€15.00"),
        "{receipt}"
    );
    assert!(ada.get("/products/guide").await.text().contains("Download"));
    shop.end().await;
}

#[tokio::test]
async fn an_idempotency_key_names_one_order_of_one_user() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 0).await;
    publish_priced(&shop, "map", 300).await;
    let (ada, eve) = (shop.user("ada").await, shop.user("eve").await);

    let first = order(&ada, &["guide"], "key").await;
    assert_eq!(
        (first.status.as_u16(), &first.json()["status"]),
        (201, &json!("paid"))
    );
    let again = order(&ada, &["guide"], "key").await;
    assert_eq!((again.status.as_u16(), again.json()), (200, first.json()));
    assert_eq!(
        outcome(&order(&ada, &["map"], "key").await),
        (409, "key_reused".to_owned())
    );
    assert_eq!(
        outcome(&order(&ada, &["guide"], "other").await),
        (409, "already_owned".to_owned())
    );
    assert_eq!(
        order(&eve, &["guide"], "key").await.status,
        201,
        "somebody else's keys are their own"
    );

    let body = json!({"product_ids": [id(&ada, "map").await]});
    assert_eq!(
        ada.api(Method::POST, "/orders", Some(body)).await.code(),
        "invalid",
        "no key"
    );
    for body in [
        json!({"product_ids": []}),
        json!({}),
        json!({"product_ids": [id(&ada, "map").await], "price": 1}),
    ] {
        let answer = ada
            .api_with(
                Method::POST,
                "/orders",
                Some(body.clone()),
                &[("idempotency-key", "x")],
            )
            .await;
        assert_eq!(outcome(&answer), (422, "invalid".to_owned()), "{body}");
    }
    shop.end().await;
}

#[tokio::test]
async fn of_many_parallel_orders_under_one_key_there_is_one() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 1_200).await;
    let ada = shop.user("ada").await;

    let orders = (0..16).map(|_| order(&ada, &["guide"], "one-key"));
    let answers = futures_util::future::join_all(orders).await;

    let n_created = answers.iter().filter(|answer| answer.status == 201).count();
    let n_replayed = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((n_created, n_replayed), (1, 15));
    assert_eq!(
        each(&ada.get("/api/v1/orders").await.json(), "/id").len(),
        1
    );
    shop.end().await;
}

#[tokio::test]
async fn of_many_parallel_payments_one_makes_a_purchase_and_the_others_cost_nothing() {
    let shop = Shop::start().await;
    let (server, base) = shop.second_server();
    publish_priced(&shop, "guide", 1_200).await;
    let ada = shop.user("ada").await;
    let mut placed = Vec::new();
    for key in ["1", "2", "3", "4"] {
        placed.push(order(&ada, &["guide"], key).await.json());
    }

    let payments = placed.iter().cycle().take(16).map(|order| pay(&ada, order));
    let answers = futures_util::future::join_all(payments).await;

    let n_refused = answers
        .iter()
        .filter(|answer| outcome(answer) == (409, "already_owned".to_owned()))
        .count();
    let n_paid = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(
        (n_paid, n_refused),
        (4, 12),
        "the one order that won was paid four times"
    );
    let mut statuses = each(&ada.get("/api/v1/orders").await.json(), "/status");
    statuses.sort();
    assert_eq!(statuses, ["cancelled", "cancelled", "cancelled", "paid"]);
    let there = ada.at(&base).get_as(&shop.url(), "/api/v1/library").await;
    assert_eq!(each(&there.json(), "/product/slug"), ["guide"]);
    server.kill().await;
    shop.end().await;
}

#[tokio::test]
async fn pressing_the_checkout_button_twice_and_in_two_tabs_makes_one_order() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 1_200).await;
    let ada = shop.user("ada").await;
    let guide = id(&ada, "guide").await;
    ada.post_form("/cart", &[("product_id", guide.as_str())])
        .await;
    let (one, other) = (key_of(&ada).await, key_of(&ada).await);

    let clicks = [&one, &one, &other, &one, &other].map(|key| {
        let ada = ada.clone();
        async move {
            ada.post_form("/checkout", &[("idempotency_key", key.as_str())])
                .await
        }
    });
    let answers = futures_util::future::join_all(clicks).await;

    assert!(answers.iter().all(|answer| answer.status == 303));
    let orders = ada.get("/api/v1/orders").await.json();
    assert_eq!(each(&orders, "/id").len(), 1);
    let page = format!("/orders/{}", orders["items"][0]["id"].as_str().unwrap());
    let lead_there = |answer: &&Answer| answer.location() == page;
    assert!(answers.iter().filter(lead_there).count() >= 2);
    let paid = ada.post_form(&format!("{page}/payment"), &[]).await;
    assert_eq!(
        (paid.status.as_u16(), paid.location()),
        (303, page.as_str())
    );
    shop.end().await;
}

async fn key_of(client: &Client) -> String {
    let page = client.get("/checkout").await.text();
    let (_, after) = page
        .split_once("name=\"idempotency_key\" value=\"")
        .expect(&page);
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn somebody_elses_order_is_not_there() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 1_200).await;
    let (ada, eve) = (shop.user("ada").await, shop.user("eve").await);
    let placed = order(&ada, &["guide"], "1").await.json();
    let path = format!("/orders/{}", placed["id"].as_str().unwrap());

    assert_eq!(eve.get(&path).await.status, 404);
    assert_eq!(eve.get(&format!("/api/v1{path}")).await.status, 404);
    assert_eq!(pay(&eve, &placed).await.status, 404);
    assert_eq!(
        eve.post_form(&format!("{path}/payment"), &[]).await.status,
        404
    );
    let stranger = shop.visitor();
    stranger.get("/").await;
    assert_eq!(stranger.get(&path).await.status, 401);
    assert_eq!(
        outcome(&pay(&stranger, &placed).await),
        (401, "signed_out".to_owned())
    );
    assert_eq!(
        ada.get(&format!("/api/v1{path}")).await.json()["status"],
        "pending"
    );
    shop.end().await;
}

#[tokio::test]
async fn without_payments_only_what_is_free_is_sold() {
    let shop = Shop::with(&[("PAYMENTS", "none")]).await;
    publish_priced(&shop, "gratis", 0).await;
    publish_priced(&shop, "guide", 1_200).await;
    let ada = shop.user("ada").await;

    assert_eq!(
        outcome(&order(&ada, &["guide"], "1").await),
        (409, "payments_off".to_owned())
    );
    assert_eq!(
        outcome(&order(&ada, &["guide", "gratis"], "2").await),
        (409, "payments_off".to_owned())
    );
    assert_eq!(order(&ada, &["gratis"], "3").await.json()["status"], "paid");
    assert_eq!(owned(&ada).await, ["gratis"]);
    assert!(!ada.get("/").await.text().contains("Test payments"));
    shop.end().await;
}

#[tokio::test]
async fn a_refunded_purchase_leaves_the_library_and_can_be_bought_again() {
    let shop = Shop::start().await;
    publish_priced(&shop, "guide", 1_200).await;
    let ada = shop.user("ada").await;
    let placed = order(&ada, &["guide"], "1").await.json();
    pay(&ada, &placed).await;
    shop.sabotage(
        "update orders set status = 'refunded', refunded_at = paid_at;
         update purchases set refunded_at = purchased_at",
    )
    .await;

    assert!(owned(&ada).await.is_empty());
    assert_eq!(
        outcome(&pay(&ada, &placed).await),
        (409, "refunded".to_owned())
    );
    let second = order(&ada, &["guide"], "2").await.json();
    assert_eq!(pay(&ada, &second).await.status, 200);
    assert_eq!(owned(&ada).await, ["guide"]);
    shop.end().await;
}
