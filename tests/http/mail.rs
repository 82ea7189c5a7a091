//! The outbox: letters leave soon after what they tell about, once, and say nothing they should not.

use std::time::Duration;

use app_server::{
    actions::send_mail::send_due,
    config::mail::Transport,
    domain::mail::{self, LinkKind},
};
use chrono::TimeDelta;
use tests::{
    client::{Client, email},
    shop::Shop,
};

/// Puts a letter about `name` into the outbox, as an action would.
pub async fn write_letter(shop: &Shop, name: &str, letter: mail::Letter) {
    let db = shop.database.client().await;
    let now = shop.clock.now();
    let sql = "insert into mails (mail_id, kind, user_id, recipient, session_id, created_at, n_attempts, next_attempt_at)
        select $1, $2, user_id, email, (select session_id from sessions where sessions.user_id = users.user_id limit 1), $3, 0, $3
          from users where email_key = $4";
    let id = app_server::domain::ids::MailId::generate(now).0;
    let n = db
        .execute(sql, &[&id, &letter.as_str(), &now, &email(name)])
        .await
        .expect("a letter");
    assert_eq!(n, 1, "{name} has an account");
}

/// What the shop itself has logged; the database driver tells all at `debug`.
pub fn own_log(shop: &Shop) -> String {
    let log = shop.log();
    let lines = log.lines().filter(|line| line.contains(" app_server::"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The number that a query finds.
pub async fn count(shop: &Shop, sql: &str) -> i64 {
    let db = shop.database.client().await;
    let row = db.query_one(sql, &[]).await.expect("a number");
    row.get(0)
}

/// Follows a link as a person does: looks, and presses the button.
pub async fn follow(client: &Client, link: &str, fields: &[(&str, &str)]) -> tests::client::Answer {
    let page = client.get(link).await;
    assert_eq!(page.status, 200, "{}", page.text());
    press(client, link, &page.form_token_of(link), fields).await
}

/// Sends a form with a token.
pub async fn press(
    client: &Client,
    link: &str,
    token: &str,
    fields: &[(&str, &str)],
) -> tests::client::Answer {
    let mut fields = fields.to_vec();
    fields.push(("csrf_token", token));
    let request = client
        .request(reqwest::Method::POST, link)
        .header("sec-fetch-site", "same-origin")
        .form(&fields);
    client.send(request).await
}

#[tokio::test]
async fn a_new_account_is_asked_to_confirm_its_address() {
    let shop = Shop::start().await;
    shop.user("ada").await;

    let letters = shop.letters().await;

    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = &letters[0];
    assert_eq!(letter.kind, mail::Letter::VerifyAddress);
    assert_eq!(letter.recipient, email("ada"));
    let link = format!("{}{}", shop.url(), letter.link());
    assert!(letter.text.contains(&link), "{}", letter.text);
    let anchor = format!("<a href=\"{link}\">");
    assert!(letter.html.contains(&anchor), "{}", letter.html);
    assert_eq!(shop.letters().await.len(), 1, "and once");
    shop.end().await;
}

#[tokio::test]
async fn letters_leave_by_themselves_within_seconds() {
    let shop = Shop::start().await;
    shop.user("ada").await;

    for _ in 0..100 {
        if !shop.kept_letters().is_empty() {
            return shop.end().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no letter in ten seconds");
}

#[tokio::test]
async fn two_servers_send_each_letter_once() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let (other, _) = shop.second_server();
    for _ in 0..30 {
        write_letter(&shop, "ada", mail::Letter::PasswordChanged).await;
    }

    let (one, two) = tokio::join!(send_due(shop.server().state()), send_due(other.state()));

    assert!(one.is_ok() && two.is_ok());
    assert_eq!(shop.letters().await.len(), 31);
    assert_eq!(
        count(&shop, "select max(n_attempts)::int8 from mails").await,
        1
    );
    other.kill().await;
    shop.end().await;
}

#[tokio::test]
async fn an_address_that_nobody_proved_is_told_no_name() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();
    let name = "You won! http://evil.example <b>";
    let body = serde_json::json!({"email": email("ada"), "name": name, "password": tests::client::PASSWORD});
    visitor
        .api(reqwest::Method::POST, "/users", Some(body))
        .await;

    let letter = shop.letters().await.remove(0);
    assert!(!letter.text.contains("evil"), "{}", letter.text);
    assert!(!letter.html.contains("evil"), "{}", letter.html);
    follow(&shop.visitor(), &letter.link(), &[]).await;
    write_letter(&shop, "ada", mail::Letter::PasswordChanged).await;
    let letter = shop.letters().await.remove(1);

    assert!(letter.text.contains(name), "{}", letter.text);
    assert!(
        letter.html.contains("evil.example &#60;b&#62;"),
        "{}",
        letter.html
    );
    shop.end().await;
}

#[tokio::test]
async fn every_letter_says_what_happened_when_from_where_and_what_to_do() {
    let shop = Shop::start().await;
    let ada = shop.visitor();
    let token = ada.csrf_token().await;
    let body = serde_json::json!({"email": email("ada"), "name": "Ada", "password": tests::client::PASSWORD});
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
    let request = ada
        .request(reqwest::Method::POST, "/api/v1/users")
        .header("origin", shop.url())
        .header("x-csrf-token", token)
        .header("user-agent", agent)
        .json(&body);
    assert_eq!(ada.send(request).await.status, 201);
    shop.letters().await;

    for letter in mail::Letter::ALL {
        write_letter(&shop, "ada", *letter).await;
    }
    let letters = shop.letters().await.split_off(1);

    assert_eq!(letters.len(), mail::Letter::ALL.len());
    let at = shop.clock.now().format("%-d %B %Y, %H:%M UTC").to_string();
    for letter in letters {
        let errand = matches!(
            letter.kind.link(),
            Some(LinkKind::Verify | LinkKind::Reset | LinkKind::NewAddress)
        );
        let text = &letter.text;
        assert!(text.starts_with("Hello,\n\n"), "{text}");
        assert!(
            text.ends_with("answers to it are not read.\n") || text.ends_with("not read."),
            "{text:?}"
        );
        assert!(!text.contains("\n\n\n"), "{text:?}");
        assert_eq!(text.contains(&at), !errand, "{text}");
        assert_eq!(
            text.contains("Firefox on Linux, 127.0.0.1"),
            !errand,
            "{text}"
        );
        assert_eq!(
            letter.secret().is_some(),
            letter.kind.link().is_some(),
            "{text}"
        );
        assert!(!letter.html.contains("<img") && !letter.html.contains("style="));
        assert!(
            letter
                .html
                .contains(&format!("<title>{}</title>", letter.subject))
        );
    }
    shop.end().await;
}

#[tokio::test]
async fn without_a_mail_server_a_line_of_the_log_names_the_letter_and_no_address() {
    let shop = Shop::with_config(&[], |config| config.mail.transport = Transport::LogOnly).await;
    shop.user("ada").await;

    send_due(shop.server().state()).await.unwrap();

    let log = own_log(&shop);
    let line = log.lines().find(|line| line.contains("verify_address"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("buyer, account's address"), "{line}");
    assert!(!log.contains(&email("ada")), "{log}");
    assert_eq!(
        count(&shop, "select count(*) from mails where sent_at is null").await,
        0
    );
    assert_eq!(count(&shop, "select count(*) from mail_links").await, 0);
    let page = shop.visitor().get("/forgot").await.text();
    assert!(page.contains("sends no mail"), "{page}");
    assert_eq!(shop.visitor().get("/dev/mail").await.status, 404);
    shop.end().await;
}

#[tokio::test]
async fn the_demo_shows_its_letters_with_links_to_click() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let link = shop.letters().await.remove(0).link();

    let page = ada.get("/dev/mail").await;

    assert_eq!(page.status, 200);
    let anchor = format!("<a href=\"{}{link}\">", shop.url());
    assert_eq!(page.text().matches(&anchor).count(), 2, "{}", page.text());
    shop.end().await;
}

#[tokio::test]
async fn letters_are_forgotten_after_a_month_with_their_links() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    shop.letters().await;
    let purge = async || {
        let state = shop.server().state();
        app_server::actions::purge::purge_once(&state.database, &state.clock).await
    };

    shop.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
    purge().await.unwrap();
    assert_eq!(count(&shop, "select count(*) from mail_links").await, 1);
    shop.advance(TimeDelta::seconds(2));
    purge().await.unwrap();

    assert_eq!(count(&shop, "select count(*) from mails").await, 0);
    assert_eq!(count(&shop, "select count(*) from mail_links").await, 0);
    shop.end().await;
}
