//! Changing an account's address.

use app_server::domain::mail::Letter;
use chrono::TimeDelta;
use tests::{
    client::{Client, email},
    shop::Shop,
};

use crate::mail::{count, follow, press};

async fn ask(client: &Client, new: &str) -> tests::client::Answer {
    client.post_form("/account/email", &[("email", new)]).await
}

/// The link of the newest letter to `recipient`.
async fn link_to(shop: &Shop, recipient: &str) -> String {
    shop.letters_to(recipient)
        .await
        .last()
        .expect("a letter")
        .link()
}

async fn address(client: &Client) -> String {
    client.user().await["email"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn an_address_is_changed_by_a_link_to_the_new_one_and_the_old_one_is_told() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let page = ada.get("/account/email").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains(&email("ada")));

    let asked = ask(&ada, " Ada@New.Example ").await;
    assert_eq!(
        (asked.status.as_u16(), asked.location()),
        (303, "/account/email?asked=1")
    );
    let link = link_to(&shop, "Ada@New.Example").await;
    assert_eq!(shop.visitor().get(&link).await.status, 200);
    assert_eq!(
        address(&ada).await,
        email("ada"),
        "until the button is pressed"
    );
    let reader = shop.visitor();
    let token = reader.get(&link).await.form_token_of(&link);
    let done = press(&reader, &link, &token, &[]).await;

    assert_eq!(
        (done.status.as_u16(), done.location()),
        (303, "/login?done=address")
    );
    assert_eq!(address(&ada).await, "Ada@New.Example");
    assert_eq!(press(&reader, &link, &token, &[]).await.status, 410);
    assert_eq!(shop.visitor().get(&link).await.status, 410);
    let told = shop.letters_to(&email("ada")).await;
    assert_eq!(told.last().unwrap().kind, Letter::AddressChanged);
    assert!(
        !told.last().unwrap().text.contains("New.Example"),
        "not where to"
    );
    let verified = "select count(*) from users where email_verified_at is not null and email_key = 'ada@new.example'";
    assert_eq!(count(&shop, verified).await, 1);
    assert_eq!(shop.visitor().sign_in("ada").await.status, 401);
    shop.end().await;
}

#[tokio::test]
async fn changing_the_address_takes_a_recent_proof_of_the_password() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.advance(TimeDelta::minutes(10));

    for answer in [
        ada.get("/account/email").await,
        ask(&ada, "ada@new.example").await,
    ] {
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (303, "/confirm?next=%2Faccount%2Femail")
        );
    }
    assert!(shop.letters_to("ada@new.example").await.is_empty());
    assert_eq!(shop.visitor().get("/account/email").await.status, 401);
    shop.end().await;
}

#[tokio::test]
async fn whether_the_new_address_is_taken_shows_nowhere() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.user("eve").await;
    let n_before = shop.letters().await.len();

    for n in 0..4 {
        let (taken, expected) = (
            ask(&ada, &email("eve")).await,
            if n < 3 { 303 } else { 429 },
        );
        assert_eq!(taken.status, expected);
        if n < 3 {
            assert_eq!(taken.location(), "/account/email?asked=1");
        }
    }

    assert_eq!(shop.letters().await.len(), n_before);
    shop.advance(TimeDelta::hours(1));
    for (new, detail) in [
        ("nonsense", "not an e-mail address"),
        ("ADA@example.org", "already"),
    ] {
        let signed_in = shop.visitor();
        signed_in.sign_in("ada").await;
        let answer = ask(&signed_in, new).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains(detail), "{}", answer.text());
    }
    shop.end().await;
}

#[tokio::test]
async fn an_address_that_was_taken_meanwhile_stays_with_whoever_has_it() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    ask(&ada, &email("eve")).await;
    let link = link_to(&shop, &email("eve")).await;
    shop.user("eve").await;

    let answer = follow(&shop.visitor(), &link, &[]).await;

    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("by now"), "{}", answer.text());
    assert_eq!(address(&ada).await, email("ada"));
    shop.end().await;
}

#[tokio::test]
async fn the_newest_wish_counts_and_a_new_password_voids_it() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    ask(&ada, "ada@one.example").await;
    let one = link_to(&shop, "ada@one.example").await;
    ask(&ada, "ada@two.example").await;
    let two = link_to(&shop, "ada@two.example").await;
    assert_eq!(shop.visitor().get(&one).await.status, 410);
    assert_eq!(shop.visitor().get(&two).await.status, 200);

    let new = "another perfectly fine passphrase";
    let body = serde_json::json!({"current": tests::client::PASSWORD, "new": new});
    ada.api(reqwest::Method::PUT, "/account/password", Some(body))
        .await;

    assert_eq!(shop.visitor().get(&two).await.status, 410);
    assert_eq!(address(&ada).await, email("ada"));
    shop.end().await;
}
