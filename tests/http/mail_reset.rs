//! Forgetting a password, and setting a new one by a link.

use app_server::domain::mail::Letter;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use tests::{
    client::{Answer, Client, PASSWORD, email},
    shop::Shop,
};

use crate::mail::{count, follow, press, write_letter};

const NEW: &str = "another perfectly fine passphrase";

async fn forget(shop: &Shop, name: &str) -> Answer {
    let visitor = shop.visitor();
    visitor
        .post_form("/forgot", &[("email", &email(name))])
        .await
}

/// The link of the newest letter to reset `name`'s password.
async fn reset_link(shop: &Shop, name: &str) -> String {
    // Those of one moment are in no order: a moment later is another.
    shop.advance(TimeDelta::milliseconds(1));
    let letters = shop.letters_to(&email(name)).await;
    let mut resets = letters
        .iter()
        .rev()
        .filter(|letter| letter.kind == Letter::ResetPassword);
    resets.next().expect("a letter").link()
}

/// A shop in which Ada has forgotten her password, and the link that she was sent.
async fn shop_with_a_link() -> (Shop, String) {
    let shop = Shop::start().await;
    shop.user("ada").await;
    forget(&shop, "ada").await;
    let link = reset_link(&shop, "ada").await;
    (shop, link)
}

async fn n_resets(shop: &Shop) -> usize {
    let letters = shop.letters().await;
    letters
        .iter()
        .filter(|letter| letter.kind == Letter::ResetPassword)
        .count()
}

async fn signs_in(client: &Client, name: &str, password: &str) -> bool {
    let body = json!({"email": email(name), "password": password});
    client
        .api(Method::POST, "/session", Some(body))
        .await
        .status
        == 200
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_a_link_that_works_once() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let asked = forget(&shop, "ADA").await;
    assert_eq!(
        (asked.status.as_u16(), asked.location()),
        (303, "/forgot?asked=1")
    );
    let page = shop.visitor().get("/forgot?asked=1").await.text();
    assert!(page.contains("If there is an account"), "{page}");
    let link = reset_link(&shop, "ada").await;
    let reader = shop.visitor();

    // Scanners read it as often as they like, and HEAD is a way of reading.
    for _ in 0..3 {
        let page = shop.visitor().get(&link).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(page.text().contains(&email("ada")));
    }
    let head = reader.send(reader.request(Method::HEAD, &link)).await;
    assert_eq!(head.status, 200);
    assert_eq!(ada.user().await["name"], "ada", "nothing was done yet");

    let weak = follow(&reader, &link, &[("new", "short")]).await;
    assert_eq!(weak.status, 422);
    assert!(weak.text().contains("at least"), "{}", weak.text());
    let done = follow(&reader, &link, &[("new", NEW)]).await;
    assert_eq!(
        (done.status.as_u16(), done.location()),
        (303, "/login?done=reset")
    );
    let page = reader.get("/login?done=reset").await.text();
    assert!(page.contains("Your new password is set."), "{page}");

    assert!(reader.user().await.is_null(), "a reset signs nobody in");
    assert!(ada.user().await.is_null(), "every session is over");
    assert!(!signs_in(&shop.visitor(), "ada", PASSWORD).await);
    assert!(signs_in(&shop.visitor(), "ada", NEW).await);
    let again = shop.visitor().get(&link).await;
    assert_eq!(again.status, 410);
    assert_eq!(again.header("referrer-policy"), "no-referrer");
    assert!(again.text().contains("href=\"/forgot\""));
    let token = reader.csrf_token().await;
    assert_eq!(
        press(&reader, &link, &token, &[("new", PASSWORD)])
            .await
            .status,
        410
    );
    let letters = shop.letters_to(&email("ada")).await;
    assert_eq!(letters.last().unwrap().kind, Letter::PasswordChanged);
    assert_eq!(
        count(&shop, "select count(*) from audit_events where event = 'authn_password_change' and user_id is not null").await,
        1
    );
    shop.end().await;
}

#[tokio::test]
async fn a_reset_link_is_over_after_half_an_hour() {
    let (shop, link) = shop_with_a_link().await;
    let reader = shop.visitor();

    shop.advance(TimeDelta::minutes(30) - TimeDelta::seconds(1));
    let page = reader.get(&link).await;
    assert_eq!(page.status, 200);
    shop.advance(TimeDelta::seconds(1));

    let late = press(&reader, &link, &page.form_token_of(&link), &[("new", NEW)]).await;
    assert_eq!(late.status, 410);
    assert_eq!(reader.get(&link).await.status, 410);
    assert!(signs_in(&shop.visitor(), "ada", PASSWORD).await);
    shop.end().await;
}

#[tokio::test]
async fn what_is_no_link_of_ours_is_not_there() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let verify = shop.letters().await.remove(0).link();
    let other_kind = verify.replace("/verify/", "/reset/");
    let unknown = format!("/reset/{}", "A".repeat(43));
    for path in [
        other_kind.as_str(),
        &unknown,
        "/reset/x",
        "/reset/%00",
        "/verify/..%2f",
        "/not-me/1",
    ] {
        let answer = shop.visitor().get(path).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(shop.visitor().get(&verify).await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn whether_there_is_an_account_shows_nowhere() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    shop.user("eve").await;
    shop.sabotage("update users set disabled_at = created_at where name = 'eve'")
        .await;

    let mut answers = Vec::new();
    for name in ["ada", "nobody", "eve"] {
        let answer = forget(&shop, name).await;
        answers.push((answer.status, answer.location().to_owned(), answer.text()));
    }

    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(n_resets(&shop).await, 1, "to ada");
    let asked = "select count(*) from audit_events where event = 'authn_password_reset_requested'";
    assert_eq!(count(&shop, asked).await, 3);
    let bad = shop
        .visitor()
        .post_form("/forgot", &[("email", "no address")])
        .await;
    assert_eq!(bad.status, 422);
    assert!(bad.text().contains("value=\"no address\""));
    shop.end().await;
}

#[tokio::test]
async fn an_account_is_sent_three_links_an_hour_and_a_network_may_ask_for_twenty() {
    let shop = Shop::start().await;
    shop.user("ada").await;

    let asked: Vec<_> = (0..8).map(|_| forget(&shop, "ada")).collect();
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.status, 303);
    }
    assert_eq!(n_resets(&shop).await, 3);
    for n in 8..20 {
        assert_eq!(
            forget(&shop, &format!("nobody{n}")).await.status,
            303,
            "{n}"
        );
    }
    let refused = forget(&shop, "ada").await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (429, "3600")
    );

    shop.advance(TimeDelta::hours(1));
    assert_eq!(forget(&shop, "ada").await.status, 303);
    assert_eq!(n_resets(&shop).await, 4);
    shop.end().await;
}

#[tokio::test]
async fn of_parallel_uses_of_a_link_one_wins() {
    let (shop, link) = shop_with_a_link().await;
    let reader = shop.visitor();
    let token = reader.get(&link).await.form_token_of(&link);

    let passwords: Vec<String> = (0..12).map(|n| format!("{NEW} number {n}")).collect();
    let mut won = 0;
    let fields: Vec<_> = passwords
        .iter()
        .map(|new| [("new", new.as_str())])
        .collect();
    let uses = fields
        .iter()
        .map(|fields| press(&reader, &link, &token, fields));
    for answer in futures_util::future::join_all(uses).await {
        match answer.status.as_u16() {
            303 => won += 1,
            410 => {}
            other => panic!("{other}: {}", answer.text()),
        }
    }

    assert_eq!(won, 1);
    shop.end().await;
}

#[tokio::test]
async fn what_changes_the_password_voids_every_other_link_that_would() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.letters().await;
    forget(&shop, "ada").await;
    let first = reset_link(&shop, "ada").await;
    forget(&shop, "ada").await;
    let second = reset_link(&shop, "ada").await;
    assert_ne!(first, second);
    assert_eq!(
        shop.visitor().get(&first).await.status,
        200,
        "the older one is good as well"
    );
    // One more, which waits in the outbox while the password changes.
    write_letter(&shop, "ada", Letter::ResetPassword).await;

    let changed = ada
        .api(
            Method::PUT,
            "/account/password",
            Some(json!({"current": PASSWORD, "new": NEW})),
        )
        .await;
    assert_eq!(changed.status, 204);

    for link in [&first, &second] {
        assert_eq!(shop.visitor().get(link).await.status, 410);
    }
    let letters = shop.letters().await;
    assert_eq!(letters.last().unwrap().kind, Letter::PasswordChanged);
    assert!(letters.len() <= 5, "{letters:?}");
    shop.end().await;
}

#[tokio::test]
async fn a_password_that_an_operator_sets_voids_links_and_its_owner_is_told() {
    let (shop, link) = shop_with_a_link().await;

    let state = shop.server().state();
    let (database, clock) = (&state.database, &state.clock);
    app_server::actions::users::set_password(database, clock, &email("ada"), NEW.into())
        .await
        .unwrap();

    assert_eq!(shop.visitor().get(&link).await.status, 410);
    let told = shop.letter(Letter::PasswordChanged).await;
    assert_eq!(told.recipient, email("ada"));
    shop.end().await;
}

#[tokio::test]
async fn a_link_is_good_for_its_address_and_for_an_open_account_only() {
    let (shop, link) = shop_with_a_link().await;
    let reader = shop.visitor();
    let token = reader.get(&link).await.form_token_of(&link);

    for (gone, back) in [
        (
            "update users set disabled_at = created_at",
            "update users set disabled_at = null",
        ),
        (
            "update users set deleted_at = created_at",
            "update users set deleted_at = null",
        ),
        (
            "update users set email = 'new@example.org', email_key = 'new@example.org'",
            "update users set email = 'ada@example.org', email_key = 'ada@example.org'",
        ),
    ] {
        shop.sabotage(gone).await;
        assert_eq!(reader.get(&link).await.status, 410, "{gone}");
        let used = press(&reader, &link, &token, &[("new", NEW)]).await;
        assert_eq!(used.status, 410, "{gone}");
        shop.sabotage(back).await;
    }
    assert_eq!(
        press(&reader, &link, &token, &[("new", NEW)]).await.status,
        303
    );
    shop.end().await;
}

#[tokio::test]
async fn a_reset_lifts_the_order_to_reset_and_proves_the_address() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    shop.sabotage("update users set must_reset_at = created_at")
        .await;
    forget(&shop, "ada").await;
    let link = reset_link(&shop, "ada").await;

    follow(&shop.visitor(), &link, &[("new", NEW)]).await;

    let lifted =
        "select count(*) from users where must_reset_at is null and email_verified_at is not null";
    assert_eq!(count(&shop, lifted).await, 1);
    assert!(signs_in(&shop.visitor(), "ada", NEW).await);
    shop.end().await;
}

#[tokio::test]
async fn a_stale_form_keeps_the_link_good_and_asks_again() {
    let (shop, link) = shop_with_a_link().await;
    let reader = shop.visitor();
    reader.get(&link).await;

    let stale = press(&reader, &link, "stale", &[("new", NEW)]).await;

    assert_eq!(stale.status, 403);
    let token = stale.form_token_of(&link);
    assert_eq!(
        press(&reader, &link, &token, &[("new", NEW)]).await.status,
        303
    );
    shop.end().await;
}
