//! Proving the password again.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{client::PASSWORD, shop::Shop};

#[tokio::test]
async fn a_proof_takes_a_new_secret_and_the_old_one_is_dead_at_once() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let before = ada.cookies();
    let token = ada.csrf_token().await;

    let body = json!({"password": PASSWORD});
    let proved = ada.api(Method::POST, "/session/confirm", Some(body)).await;

    assert_eq!(proved.status, 204, "{}", proved.text());
    assert_eq!(proved.set_cookies().len(), 2, "the session and its hint");
    assert_ne!(ada.cookies(), before);
    assert_eq!(ada.csrf_token().await, token, "open forms stay good");
    let copy = shop.visitor();
    for cookie in before.split("; ") {
        copy.set_cookie(cookie);
    }
    assert_eq!(copy.user().await, Value::Null);
    assert_eq!(ada.user().await["name"], "ada", "and nobody else is out");
    shop.end().await;
}

#[tokio::test]
async fn a_wrong_password_proves_nothing_and_changes_nothing() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let before = ada.cookies();

    for password in ["not my password at all", "", &"x".repeat(2_000)] {
        let body = json!({"password": password});
        let refused = ada.api(Method::POST, "/session/confirm", Some(body)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (401, "wrong_password")
        );
        // Longer than anybody must wait after five failures.
        shop.advance(TimeDelta::seconds(2));
        let page = ada
            .post_form("/confirm", &[("password", password), ("next", "/library")])
            .await;
        assert_eq!(page.status, 422);
        assert!(page.text().contains("name=\"next\" value=\"/library\""));
    }

    assert_eq!(ada.cookies(), before);
    let signed_out = shop
        .visitor()
        .api(
            Method::POST,
            "/session/confirm",
            Some(json!({"password": PASSWORD})),
        )
        .await;
    assert_eq!(signed_out.code(), "signed_out");
    let unknown = json!({"password": PASSWORD, "remember": true});
    let refused = ada
        .api(Method::POST, "/session/confirm", Some(unknown))
        .await;
    assert_eq!(refused.status, 422, "unknown fields are refused");
    shop.end().await;
}

#[tokio::test]
async fn a_proof_leads_back_to_where_one_was_and_never_out_of_the_shop() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for (next, place) in [
        ("/account?tab=1", "/account?tab=1"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("", "/"),
    ] {
        let fields = [("password", PASSWORD), ("next", next)];
        let proved = ada.post_form("/confirm", &fields).await;
        assert_eq!((proved.status.as_u16(), proved.location()), (303, place));
    }

    shop.advance(TimeDelta::minutes(1));
    let form = ada.get("/confirm?next=%2Faccount%3Ftab%3D1").await;
    assert_eq!(form.status, 200);
    assert!(form.text().contains("value=\"/account?tab=1\""));
    let signed_out = shop.visitor().get("/confirm").await;
    assert_eq!(signed_out.status, 401);
    shop.end().await;
}
