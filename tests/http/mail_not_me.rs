//! "This was not me".

use app_server::domain::mail::Letter;
use chrono::TimeDelta;
use tests::{
    client::{Client, email},
    shop::Shop,
};

use crate::mail::{count, follow, press, write_letter};

const ORDERED: &str = "select count(*) from users where must_reset_at is not null";

/// A shop in which Eve is signed in as Ada, and has made an address of hers the account's by a link.
async fn shop_with_an_intruder() -> (Shop, Client, String) {
    let shop = Shop::start().await;
    let eve = shop.user("ada").await;
    eve.post_form("/account/email", &[("email", "eve@evil.example")])
        .await;
    let confirm = shop
        .letters_to("eve@evil.example")
        .await
        .pop()
        .unwrap()
        .link();
    follow(&shop.visitor(), &confirm, &[]).await;
    (shop, eve, confirm)
}

#[tokio::test]
async fn this_was_not_me_signs_everybody_out_and_sends_a_link_to_reset() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    write_letter(&shop, "ada", Letter::UnusualSignIn).await;
    let link = shop.letter(Letter::UnusualSignIn).await.link();
    assert_eq!(shop.visitor().get(&link).await.status, 200);
    assert_eq!(ada.user().await["name"], "ada", "reading it does nothing");

    let reader = shop.visitor();
    let page = reader.get(&link).await;
    let token = page.form_token_of(&link);
    assert!(
        !page.text().contains("becomes the address"),
        "{}",
        page.text()
    );
    let done = press(&reader, &link, &token, &[]).await;

    assert_eq!(
        (done.status.as_u16(), done.location()),
        (303, "/login?done=not-me")
    );
    assert!(ada.user().await.is_null());
    assert_eq!(count(&shop, ORDERED).await, 1);
    assert_eq!(press(&reader, &link, &token, &[]).await.status, 410);
    let reset = shop.letter(Letter::ResetPassword).await;
    assert_eq!(reset.recipient, email("ada"));
    let new = "another perfectly fine passphrase";
    let set = follow(&shop.visitor(), &reset.link(), &[("new", new)]).await;
    assert_eq!(set.status, 303);
    assert_eq!(count(&shop, ORDERED).await, 0);
    let event = "select count(*) from audit_events where event = 'authn_login_disowned'";
    assert_eq!(count(&shop, event).await, 1);
    shop.end().await;
}

#[tokio::test]
async fn an_address_that_an_intruder_put_there_is_taken_back() {
    let (shop, eve, confirm) = shop_with_an_intruder().await;
    // She forgets "her" password at once, to be quicker than the owner.
    let visitor = shop.visitor();
    visitor
        .post_form("/forgot", &[("email", "eve@evil.example")])
        .await;
    let evil_reset = shop
        .letters_to("eve@evil.example")
        .await
        .pop()
        .unwrap()
        .link();
    write_letter_to(&shop, "eve@evil.example", Letter::UnusualSignIn).await;
    let evil_not_me = shop
        .letters_to("eve@evil.example")
        .await
        .pop()
        .unwrap()
        .link();
    let told = shop.letter(Letter::AddressChanged).await;
    assert_eq!(told.recipient, email("ada"));

    let page = shop.visitor().get(&told.link()).await.text();
    assert!(
        page.contains(&format!("{} becomes the address", email("ada"))),
        "{page}"
    );
    let done = follow(&shop.visitor(), &told.link(), &[]).await;

    assert_eq!(done.status, 303);
    assert!(eve.user().await.is_null());
    for link in [&evil_reset, &evil_not_me, &confirm] {
        assert_eq!(shop.visitor().get(link).await.status, 410, "{link}");
    }
    let reset = shop.letter(Letter::ResetPassword).await;
    assert_eq!(reset.recipient, email("ada"));
    assert_eq!(shop.visitor().get(&reset.link()).await.status, 200);
    let evil = shop.letter(Letter::AddressRestored).await;
    assert_eq!(evil.recipient, "eve@evil.example");
    assert!(evil.secret().is_none(), "and there it ends");
    shop.end().await;
}

#[tokio::test]
async fn an_intruder_who_objects_to_his_own_change_does_not_silence_the_owner() {
    let shop = Shop::start().await;
    let eve = shop.user("ada").await;
    for new in ["eve@evil.example", "eve2@evil.example"] {
        shop.advance(TimeDelta::seconds(1));
        eve.post_form("/account/email", &[("email", new)]).await;
        let confirm = shop.letters_to(new).await.pop().unwrap().link();
        follow(&shop.visitor(), &confirm, &[]).await;
    }
    let told = async |recipient: &str| {
        let letters = shop.letters_to(recipient).await.into_iter();
        let mut told = letters.filter(|letter| letter.kind == Letter::AddressChanged);
        told.next().unwrap().link()
    };
    let (owners, intruders) = (told(&email("ada")).await, told("eve@evil.example").await);

    assert_eq!(follow(&shop.visitor(), &intruders, &[]).await.status, 303);
    assert_eq!(follow(&shop.visitor(), &owners, &[]).await.status, 303);

    let reset = shop.letter(Letter::ResetPassword).await;
    assert_eq!(reset.recipient, email("ada"));
    let address = "select count(*) from users where email = 'ada@example.org'";
    assert_eq!(count(&shop, address).await, 1);
    shop.end().await;
}

async fn write_letter_to(shop: &Shop, recipient: &str, letter: Letter) {
    shop.sabotage(&format!(
        "insert into mails (mail_id, kind, user_id, recipient, created_at, n_attempts, next_attempt_at)
         select gen_random_uuid(), '{}', user_id, email, '{now}', 0, '{now}'
           from users where email = '{recipient}'",
        letter.as_str(),
        now = shop.clock.now().to_rfc3339(),
    ))
    .await;
}

#[tokio::test]
async fn an_intruder_is_out_even_when_the_former_address_has_an_account_of_its_own() {
    let (shop, eve, _) = shop_with_an_intruder().await;
    let told = shop.letter(Letter::AddressChanged).await;
    let ada = shop.user("ada").await;

    let answer = follow(&shop.visitor(), &told.link(), &[]).await;

    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("operator"), "{}", answer.text());
    assert!(eve.user().await.is_null());
    assert_eq!(ada.user().await["email"], email("ada"));
    assert_eq!(count(&shop, ORDERED).await, 1);
    shop.end().await;
}

#[tokio::test]
async fn objecting_is_possible_for_a_week() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    write_letter(&shop, "ada", Letter::UnusualSignIn).await;
    let link = shop.letter(Letter::UnusualSignIn).await.link();

    shop.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
    assert_eq!(shop.visitor().get(&link).await.status, 200);
    shop.advance(TimeDelta::seconds(1));
    assert_eq!(shop.visitor().get(&link).await.status, 410);
    shop.end().await;
}
