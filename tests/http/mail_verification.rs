//! Proving an account's address.

use app_server::domain::mail::Letter;
use chrono::TimeDelta;
use tests::{client::email, shop::Shop};

use crate::mail::{count, follow, press};

const VERIFIED: &str = "select count(*) from users where email_verified_at is not null";

#[tokio::test]
async fn an_address_is_proved_by_pressing_the_button_not_by_reading_the_link() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    assert!(
        ada.get("/account")
            .await
            .text()
            .contains("not confirmed yet")
    );
    let link = shop.letters().await.remove(0).link();

    for _ in 0..3 {
        let page = shop.visitor().get(&link).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
    assert_eq!(count(&shop, VERIFIED).await, 0);
    let reader = shop.visitor();
    let token = reader.get(&link).await.form_token_of(&link);
    let done = press(&reader, &link, &token, &[]).await;

    assert_eq!(
        (done.status.as_u16(), done.location()),
        (303, "/login?done=verified")
    );
    assert_eq!(count(&shop, VERIFIED).await, 1);
    assert_eq!(press(&reader, &link, &token, &[]).await.status, 410);
    assert_eq!(ada.get(&link).await.status, 410);
    assert!(
        !ada.get("/account")
            .await
            .text()
            .contains("not confirmed yet")
    );
    let event = "select count(*) from audit_events where event = 'user_address_verified'";
    assert_eq!(count(&shop, event).await, 1);
    shop.end().await;
}

#[tokio::test]
async fn its_owner_who_is_signed_in_is_led_to_the_account() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let link = shop.letters().await.remove(0).link();

    let done = follow(&ada, &link, &[]).await;

    assert_eq!(done.location(), "/account?done=verified");
    let page = ada.get(done.location()).await.text();
    assert!(page.contains("your e-mail address is confirmed"), "{page}");
    shop.end().await;
}

#[tokio::test]
async fn another_letter_can_be_asked_for_and_either_link_works() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for _ in 0..2 {
        let asked = ada.post_form("/account/verification", &[]).await;
        assert_eq!(
            (asked.status.as_u16(), asked.location()),
            (303, "/account?done=sent")
        );
    }
    let refused = ada.post_form("/account/verification", &[]).await;
    assert_eq!(refused.status, 429);
    let letters = shop.letters().await;
    assert_eq!(letters.len(), 3);

    follow(&shop.visitor(), &letters[0].link(), &[]).await;
    assert_eq!(
        shop.visitor().get(&letters[2].link()).await.status,
        410,
        "what is proved is proved"
    );

    shop.advance(TimeDelta::hours(1));
    ada.post_form("/account/verification", &[]).await;
    assert_eq!(shop.letters().await.len(), 3, "nothing is left to prove");
    shop.end().await;
}

#[tokio::test]
async fn a_letter_that_waited_while_the_address_was_proved_is_not_sent() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    shop.letters().await;
    shop.sabotage("update users set email_verified_at = created_at")
        .await;
    crate::mail::write_letter(&shop, "ada", Letter::VerifyAddress).await;

    assert_eq!(shop.letters_to(&email("ada")).await.len(), 1);
    assert_eq!(
        count(
            &shop,
            "select count(*) from mails where given_up_at is not null"
        )
        .await,
        1
    );
    shop.end().await;
}

#[tokio::test]
async fn a_link_to_prove_an_address_is_over_after_a_day() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let link = shop.letters().await.remove(0).link();

    shop.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert_eq!(shop.visitor().get(&link).await.status, 200);
    shop.advance(TimeDelta::seconds(1));

    let late = shop.visitor().get(&link).await;
    assert_eq!(late.status, 410);
    assert!(late.text().contains("href=\"/account\""));
    shop.end().await;
}
