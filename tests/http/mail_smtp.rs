//! Letters at a real SMTP server.

use std::net::TcpListener;

use app_server::{actions::send_mail::send_due, domain::mail::Letter};
use chrono::TimeDelta;
use tests::{client::email, letter, shop::Shop, smtpd::Smtpd};

use crate::mail::{count, follow, own_log, write_letter};

async fn send(shop: &Shop) {
    send_due(shop.server().state()).await.expect("an outbox");
}

#[tokio::test]
async fn every_letter_arrives_at_a_real_server_and_each_link_in_it_works_once() {
    let Some(server) = Smtpd::start(&[]) else {
        return;
    };
    let shop = Shop::with(&[("SMTP_URL", &server.url())]).await;
    let names: Vec<&str> = Letter::ALL.iter().map(|letter| letter.as_str()).collect();
    let mut users = Vec::new();
    for name in &names {
        users.push(shop.user(name).await);
    }
    send(&shop).await;
    assert_eq!(
        server.arrived(names.len()).len(),
        names.len(),
        "one to verify each"
    );
    for (letter, user) in Letter::ALL.iter().zip(&users) {
        match letter {
            // Those of real errands, by which their links have a meaning.
            Letter::ConfirmNewAddress => {
                user.post_form("/account/email", &[("email", "new@example.org")])
                    .await;
            }
            Letter::VerifyAddress => {
                user.post_form("/account/verification", &[]).await;
            }
            Letter::ResetPassword => {
                let fields = [("email", email(letter.as_str()))];
                let fields = fields
                    .each_ref()
                    .map(|(name, value)| (*name, value.as_str()));
                user.post_form("/forgot", &fields).await;
            }
            letter => write_letter(&shop, letter.as_str(), *letter).await,
        }
    }

    send(&shop).await;
    let arrived = server.arrived(names.len());

    assert_eq!(arrived.len(), names.len());
    let mut n_links = 0;
    let mut ids = std::collections::BTreeSet::new();
    for letter in &arrived {
        assert_eq!(letter.header("from"), "Claimcheck <no-reply@localhost>");
        assert_eq!(letter.sender(), "no-reply@localhost");
        assert_eq!(letter.header("to"), letter.recipient());
        assert_eq!(letter.header("auto-submitted"), "auto-generated");
        let date = shop
            .clock
            .now()
            .format("%a, %d %b %Y %H:%M:%S +0000")
            .to_string();
        assert_eq!(letter.header("date"), date);
        ids.insert(letter.header("message-id").to_owned());
        let as_read = letter::link_in(letter.text());
        if let Some(link) = as_read {
            n_links += 1;
            assert!(letter.html().contains(&link), "{}", letter.html());
            shop.secrets
                .lock()
                .unwrap()
                .push(link.rsplit('/').next().unwrap().to_owned());
            let reader = shop.visitor();
            let new = [("new", "another perfectly fine passphrase")];
            let done = follow(&reader, &link, &new).await;
            assert_eq!(done.status, 303, "{link}: {}", done.text());
            assert_eq!(shop.visitor().get(&link).await.status, 410, "{link}");
        }
    }
    assert_eq!(ids.len(), names.len(), "each has an identifier of its own");
    let with_link = Letter::ALL
        .iter()
        .filter(|letter| letter.link().is_some())
        .count();
    assert_eq!(n_links, with_link);
    shop.end().await;
}

#[tokio::test]
async fn while_the_server_is_down_letters_wait_and_try_again() {
    let Some(mut server) = Smtpd::start(&[]) else {
        return;
    };
    let shop = Shop::with(&[("SMTP_URL", &server.url())]).await;
    server.stop();
    shop.user("ada").await;
    send(&shop).await;
    let attempts = "select n_attempts::int8 from mails";
    assert_eq!(count(&shop, attempts).await, 1);
    send(&shop).await;
    assert_eq!(count(&shop, attempts).await, 1, "not at once");
    shop.advance(TimeDelta::minutes(1));
    send(&shop).await;
    assert_eq!(count(&shop, attempts).await, 2);
    shop.advance(TimeDelta::minutes(1));
    send(&shop).await;
    assert_eq!(count(&shop, attempts).await, 2, "the pause has doubled");

    server.start_again(&[]);
    shop.advance(TimeDelta::minutes(1));
    send(&shop).await;

    let letter = server.arrived(1).remove(0);
    assert_eq!(letter.recipient(), email("ada"));
    let link = letter::link_in(letter.text()).expect("a link");
    assert_eq!(shop.visitor().get(&link).await.status, 200);
    assert_eq!(
        count(
            &shop,
            "select count(*) from mails where sent_at is not null"
        )
        .await,
        1
    );
    assert_eq!(
        count(&shop, "select count(*) from mail_links").await,
        3,
        "one for each attempt"
    );
    shop.end().await;
}

#[tokio::test]
async fn a_letter_that_cannot_leave_for_two_days_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    drop(silent);
    let shop = Shop::with(&[("SMTP_URL", &url)]).await;
    shop.user("ada").await;

    let mut hours = 0;
    while count(
        &shop,
        "select count(*) from mails where given_up_at is null",
    )
    .await
        > 0
    {
        send(&shop).await;
        shop.advance(TimeDelta::hours(1));
        hours += 1;
        assert!(hours < 60, "it never gives up");
    }

    assert!(hours >= 48, "after {hours} hours");
    assert!(own_log(&shop).contains("a letter was given up"));
    assert!(!own_log(&shop).contains(&email("ada")));
    shop.end().await;
}

#[tokio::test]
async fn a_refused_recipient_is_given_up_at_once_and_a_refused_shop_is_not() {
    let Some(mut server) = Smtpd::start(&["refuse"]) else {
        return;
    };
    let shop = Shop::with(&[("SMTP_URL", &server.url())]).await;
    shop.user("ada").await;

    send(&shop).await;

    let given_up = "select count(*) from mails where given_up_at is not null";
    assert_eq!(count(&shop, given_up).await, 1);
    let log = own_log(&shop);
    assert!(
        log.contains("a letter was given up") && log.contains("550 5.1.1"),
        "{log}"
    );
    assert!(
        !log.contains(&email("ada")),
        "the server's words repeat the address: {log}"
    );

    server.stop();
    server.start_again(&["relaying"]);
    shop.user("bob").await;
    send(&shop).await;
    assert_eq!(
        count(&shop, given_up).await,
        1,
        "that is the operator's to put right"
    );
    server.stop();
    server.start_again(&[]);
    shop.advance(TimeDelta::minutes(1));
    send(&shop).await;
    assert_eq!(server.arrived(1)[0].recipient(), email("bob"));
    shop.end().await;
}

#[tokio::test]
async fn a_server_that_wants_a_password_gets_it_and_a_wrong_one_is_tried_again() {
    let Some(mut server) = Smtpd::start(&["auth"]) else {
        return;
    };
    let url = |password: &str| format!("smtp://shop:{password}@127.0.0.1:{}", server.port());
    let (good, bad) = (url("letters%20please"), url("wrong"));
    let shop = Shop::with(&[
        ("SMTP_URL", &good),
        ("MAIL_FROM", "Der Laden <post@laden.example>"),
    ])
    .await;
    shop.user("ada").await;
    send(&shop).await;
    let letter = server.arrived(1).remove(0);
    assert!(letter.authenticated());
    assert_eq!(letter.header("from"), "Der Laden <post@laden.example>");
    assert!(
        !own_log(&shop).contains("letters please") && !own_log(&shop).contains("letters%20please")
    );
    shop.end().await;

    let shop = Shop::with(&[("SMTP_URL", &bad)]).await;
    shop.user("ada").await;
    send(&shop).await;
    assert_eq!(
        count(
            &shop,
            "select count(*) from mails where given_up_at is null and sent_at is null"
        )
        .await,
        1
    );
    assert!(
        own_log(&shop).contains("the mail server said 535"),
        "{}",
        own_log(&shop)
    );
    shop.end().await;
    server.stop();
}

#[tokio::test]
async fn where_tls_is_wanted_nothing_is_sent_in_clear() {
    let Some(server) = Smtpd::start(&[]) else {
        return;
    };
    let url = format!("{}?tls=required", server.url());
    let shop = Shop::with(&[("SMTP_URL", &url)]).await;
    shop.user("ada").await;

    send(&shop).await;

    assert_eq!(
        count(
            &shop,
            "select count(*) from mails where sent_at is null and given_up_at is null"
        )
        .await,
        1
    );
    assert!(
        own_log(&shop).contains("STARTTLS is not supported"),
        "{}",
        own_log(&shop)
    );
    shop.end().await;
}

#[tokio::test]
async fn no_name_and_no_address_reaches_into_the_headers() {
    let Some(server) = Smtpd::start(&[]) else {
        return;
    };
    let shop = Shop::with(&[("SMTP_URL", &server.url())]).await;
    let ada = shop.user("ada").await;
    for address in [
        "a@x.org\r\nBcc: b@y.org",
        "a@x.org\nBcc: b@y.org",
        "a@x.org, b@y.org",
        "a@x.org\0",
    ] {
        let answer = ada.post_form("/account/email", &[("email", address)]).await;
        assert_eq!(answer.status, 422, "{address:?}");
    }
    send(&shop).await;
    server.arrived(1);
    // Even if one came into the database by another way.
    shop.sabotage(
        "update users set name = E'Eve\\r\\nBcc: b@y.org', email_verified_at = created_at;
         insert into mails (mail_id, kind, user_id, recipient, created_at, n_attempts, next_attempt_at)
         select gen_random_uuid(), 'password_changed', user_id, E'a@x.org\\r\\nBcc: b@y.org', created_at, 0, created_at from users;
         insert into mails (mail_id, kind, user_id, recipient, created_at, n_attempts, next_attempt_at)
         select gen_random_uuid(), 'password_changed', user_id, email, created_at, 0, created_at from users",
    )
    .await;
    send(&shop).await;

    for letter in server.arrived(1) {
        assert_eq!(letter.recipient(), email("ada"));
        let mut names = letter.header_names();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "auto-submitted",
                "content-type",
                "date",
                "from",
                "message-id",
                "mime-version",
                "subject",
                "to"
            ]
        );
    }
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
