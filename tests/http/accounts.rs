//! Registering, signing in and out, changing the password.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{PASSWORD, email},
    shop::Shop,
};

#[tokio::test]
async fn a_visitor_registers_signs_out_and_signs_in_again() {
    let shop = Shop::start().await;
    let ada = shop.visitor();

    let registered = ada.register("ada").await;
    assert_eq!(registered.status, 201);
    assert_eq!(registered.json()["user"]["email"], "ada@example.org");
    assert_eq!(ada.user().await["role"], "buyer");

    let out = ada.api(Method::DELETE, "/session", None).await;
    assert_eq!(out.status, 204);
    assert_eq!(ada.user().await, Value::Null);
    assert_eq!(
        ada.api(Method::DELETE, "/session", None).await.status,
        204,
        "signing out twice"
    );

    assert_eq!(ada.sign_in("ada").await.status, 200);
    assert_eq!(ada.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn the_same_by_forms_brings_the_visitor_back_to_where_they_were() {
    let shop = Shop::start().await;
    let ada = shop.visitor();

    let asked = ada.get("/account").await;
    assert_eq!(asked.status, 401);
    let page = asked.text();
    assert!(
        page.matches("/login?next=%2Faccount").count() == 1
            && page.matches("/register?next=%2Faccount").count() == 2,
        "every way to sign in leads back: {page}"
    );
    assert!(
        asked.text().contains("name=\"next\" value=\"/account\""),
        "{}",
        asked.text()
    );

    let fields = [
        ("name", "Ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("next", "/account"),
    ];
    let registered = ada.post_form("/register", &fields).await;
    assert_eq!(
        (registered.status.as_u16(), registered.location()),
        (303, "/account")
    );
    assert!(ada.get("/account").await.text().contains("ada@example.org"));

    let out = ada.post_form("/logout", &[]).await;
    assert_eq!((out.status.as_u16(), out.location()), (303, "/"));
    assert_eq!(ada.get("/account").await.status, 401);

    let fields = [
        ("email", "ADA@example.org "),
        ("password", PASSWORD),
        ("next", "//evil.example"),
    ];
    let signed_in = ada.post_form("/login", &fields).await;
    assert_eq!(
        (signed_in.status.as_u16(), signed_in.location()),
        (303, "/")
    );
    shop.end().await;
}

#[tokio::test]
async fn a_first_visit_to_a_page_that_needs_a_user_can_sign_in_right_there() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let newcomer = shop.visitor();

    let asked = newcomer.get("/account").await;
    assert_eq!(asked.status, 401);
    assert!(asked.set_cookies().is_empty(), "a refusal sets no cookie");
    let token = asked.form_token();
    let fields = [
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("next", "/account"),
        ("csrf_token", &token),
    ];
    let form = newcomer
        .request(Method::POST, "/login")
        .header("origin", shop.url())
        .form(&fields);
    let signed_in = newcomer.send(form).await;

    assert_eq!(
        (signed_in.status.as_u16(), signed_in.location()),
        (303, "/account")
    );
    assert_eq!(newcomer.get("/account").await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn wrong_password_unknown_address_and_disabled_account_get_one_answer() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    shop.user("eve").await;
    shop.sabotage("update users set disabled_at = created_at where email_key = 'eve@example.org'")
        .await;
    let visitor = shop.visitor();

    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.org", "not the right passphrase"),
        ("nobody@example.org", PASSWORD),
        ("eve@example.org", PASSWORD),
    ] {
        let body = json!({"email": email, "password": password});
        let answer = visitor.api(Method::POST, "/session", Some(body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "invalid_credentials")
        );
        answers.push(answer.text());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    shop.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_said_all_at_once() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();

    let body = json!({"email": "ada", "name": " ", "password": "short"});
    let answer = visitor.api(Method::POST, "/users", Some(body)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (422, "invalid")
    );
    let problem = answer.json();
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].clone())
        .collect();
    assert_eq!(fields, ["email", "name", "password"]);

    let fields = [
        ("name", "Ada"),
        ("email", "ada"),
        ("password", "short"),
        ("next", "/cart"),
    ];
    let form = visitor.post_form("/register", &fields).await;
    assert_eq!(form.status, 422);
    let page = form.text();
    assert!(
        page.contains("value=\"Ada\"")
            && page.contains("value=\"ada\"")
            && page.contains("value=\"/cart\""),
        "{page}"
    );
    assert!(
        !page.contains("short\""),
        "the password is not written into the page"
    );
    shop.end().await;
}

#[tokio::test]
async fn an_address_can_be_registered_once_in_whatever_case() {
    let shop = Shop::start().await;
    shop.user("ada").await;

    let body = json!({"email": " ADA@Example.org", "name": "Other", "password": PASSWORD});
    let answer = shop.visitor().api(Method::POST, "/users", Some(body)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (409, "email_taken")
    );
    shop.end().await;
}

#[tokio::test]
async fn unknown_fields_bad_json_and_other_types_are_told_apart() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();
    let token = visitor.csrf_token().await;
    let post = |kind: &str, body: &str| {
        visitor
            .request(Method::POST, "/api/v1/session")
            .header("origin", shop.url())
            .header("x-csrf-token", &token)
            .header("content-type", kind)
            .body(body.to_owned())
    };

    for (kind, body, status, code) in [
        (
            "application/json",
            r#"{"email":"a@b.c","password":"x","role":"admin"}"#,
            422,
            "invalid",
        ),
        ("application/json", r#"{"email":"a@b.c"}"#, 422, "invalid"),
        (
            "application/json",
            r#"{"email":7,"password":"x"}"#,
            422,
            "invalid",
        ),
        ("application/json", r#"{"email":"#, 400, "malformed"),
        ("application/json", "", 400, "malformed"),
        (
            "text/plain",
            r#"{"email":"a@b.c","password":"x"}"#,
            415,
            "unsupported_media_type",
        ),
        (
            "application/x-www-form-urlencoded",
            "email=a",
            415,
            "unsupported_media_type",
        ),
    ] {
        let answer = visitor.send(post(kind, body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{kind} {body}"
        );
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let long = format!(r#"{{"email":"{}","password":"x"}}"#, "a".repeat(70_000));
    assert_eq!(
        visitor.send(post("application/json", &long)).await.status,
        413
    );
    shop.end().await;
}

#[tokio::test]
async fn changing_the_password_ends_every_other_session_at_once() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let elsewhere = shop.visitor();
    elsewhere.sign_in("ada").await;
    let (other, other_base) = shop.second_server();
    assert_eq!(
        elsewhere
            .at(&other_base)
            .get_as(&shop.url(), "/api/v1/session")
            .await
            .json()["user"]["name"],
        "ada"
    );

    let new = "another perfectly fine passphrase";
    let body = json!({"current": "not the right passphrase", "new": new});
    let wrong = ada.api(Method::PUT, "/account/password", Some(body)).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code().as_str()),
        (401, "wrong_password")
    );
    assert_eq!(
        elsewhere.user().await["name"],
        "ada",
        "nothing happened yet"
    );

    let before = ada.cookies();
    let body = json!({"current": PASSWORD, "new": new});
    assert_eq!(
        ada.api(Method::PUT, "/account/password", Some(body))
            .await
            .status,
        204
    );
    assert_ne!(ada.cookies(), before, "a new secret");
    assert_eq!(
        ada.user().await["name"],
        "ada",
        "the session that changed it goes on"
    );
    assert_eq!(elsewhere.user().await, Value::Null);
    let there = elsewhere
        .at(&other_base)
        .get_as(&shop.url(), "/api/v1/session")
        .await;
    assert_eq!(there.json()["user"], Value::Null, "on every app-server");

    assert_eq!(elsewhere.sign_in("ada").await.status, 401);
    let body = json!({"email": email("ada"), "password": new});
    assert_eq!(
        elsewhere
            .api(Method::POST, "/session", Some(body))
            .await
            .status,
        200
    );
    other.kill().await;
    shop.end().await;
}

#[tokio::test]
async fn disabling_an_account_signs_it_out_at_the_next_request() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let state = shop.server().state();

    app_server::actions::users::disable(&state.database, &state.clock, "ada@example.org")
        .await
        .unwrap();

    assert_eq!(ada.user().await, Value::Null);
    assert_eq!(ada.sign_in("ada").await.status, 401);
    app_server::actions::users::enable(&state.database, &state.clock, "ada@example.org")
        .await
        .unwrap();
    assert_eq!(ada.user().await, Value::Null, "the old session stays ended");
    assert_eq!(ada.sign_in("ada").await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn a_form_sent_signed_out_leads_back_to_the_page_it_stood_on() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();

    for (form, page) in [
        ("/checkout", "/checkout"),
        (
            "/orders/018f0000-0000-7000-8000-000000000000/payment",
            "/orders/018f0000-0000-7000-8000-000000000000",
        ),
        ("/account/password", "/account/password"),
    ] {
        let asked = visitor.post_form(form, &[]).await;
        assert_eq!(asked.status, 401, "{form}");
        let field = format!("name=\"next\" value=\"{page}\"");
        assert!(asked.text().contains(&field), "{form}: {}", asked.text());
    }
    shop.end().await;
}
