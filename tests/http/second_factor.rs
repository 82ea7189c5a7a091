//! The second factor: set up, asked for, used once, lost, and in nobody's way but a thief's.

use app_server::{
    actions::{remove_factor, secrets_key},
    domain::sealing::Keyring,
    http::{
        enrolment::OPEN,
        routes::{API, PAGES},
    },
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    authenticator::{enrol, recovery_codes, sign_in, wait},
    client::{Answer, Client, PASSWORD, email},
    shop::{SECRETS_KEY, Shop},
};

/// Another key than the one shops in tests have: 32 times `T`.
const NEWER_KEY: &str = "VFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFQ=";

fn brief(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

fn wants_code() -> (u16, String) {
    (401, "second_factor".to_owned())
}

async fn count(shop: &Shop, sql: &str) -> i64 {
    let db = shop.database.client().await;
    db.query_one(sql, &[]).await.unwrap().get(0)
}

async fn events(shop: &Shop, event: &str) -> i64 {
    let sql = format!("select count(*) from audit_events where event = '{event}'");
    count(shop, &sql).await
}

async fn letters(shop: &Shop, kind: &str) -> i64 {
    let sql = format!("select count(*) from mails where kind = '{kind}'");
    count(shop, &sql).await
}

/// Types address and password on the page; the answer.
async fn type_password(client: &Client, name: &str, next: &str) -> Answer {
    let fields = [
        ("email", &*email(name)),
        ("password", PASSWORD),
        ("next", next),
    ];
    client.post_form("/login", &fields).await
}

#[tokio::test]
async fn a_second_factor_is_set_up_and_then_asked_for() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let elsewhere = shop.visitor();
    elsewhere.sign_in("ada").await;
    let before = ada.cookies();

    let begun = ada.post_form("/account/second-factor", &[]).await;
    assert_eq!(begun.status, 303);
    assert_eq!(
        elsewhere.sign_in("ada").await.status,
        200,
        "not in force before its first code"
    );
    let page = ada.get("/account/second-factor/new").await.text();
    assert!(
        page.contains("<svg") && page.contains("<path d=\"M"),
        "{page}"
    );
    assert!(!page.contains("style="), "the policy forbids it");
    for wrong in ["", "000000", "12345", "abcdef"] {
        let refused = ada
            .post_form("/account/second-factor/new", &[("code", wrong)])
            .await;
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains("<svg"), "shown again");
    }
    assert_eq!(events(&shop, "authn_factor_added").await, 0);

    let enrolment = enrol(&shop, &ada).await;
    assert_eq!(enrolment.codes.len(), 10);
    assert_ne!(ada.cookies(), before, "a new secret");
    assert_eq!(ada.user().await["name"], "ada", "this session goes on");
    assert_eq!(elsewhere.user().await, Value::Null, "no other does");
    assert_eq!(events(&shop, "authn_factor_added").await, 1);
    assert_eq!(letters(&shop, "factor_added").await, 1);
    let again = ada.get("/account/second-factor/new").await;
    assert_eq!(again.status, 303, "the secret is shown no more");

    wait(&shop);
    let code = enrolment.app.code(shop.clock.now());
    assert_eq!(brief(&sign_in(&elsewhere, "ada", None).await), wants_code());
    for wrong in ["000000", "", "not a code", "１２３４５６"] {
        let answer = sign_in(&elsewhere, "ada", Some(wrong)).await;
        assert_eq!(brief(&answer), wants_code(), "{wrong}");
    }
    assert_eq!(
        events(&shop, "authn_factor_fail").await,
        4,
        "a missing code is none"
    );
    let wrong_password = json!({"email": email("ada"), "password": "x", "code": code});
    let answer = elsewhere
        .api(Method::POST, "/session", Some(wrong_password))
        .await;
    assert_eq!(brief(&answer), (401, "invalid_credentials".to_owned()));
    shop.advance(TimeDelta::seconds(2)); // five failures in a row are held up
    let spaced = format!(" {} - {}", &code[..3], &code[3..]);
    assert_eq!(sign_in(&elsewhere, "ada", Some(&spaced)).await.status, 200);
    assert_eq!(elsewhere.user().await["name"], "ada");
    shop.end().await;
}

#[tokio::test]
async fn by_pages_the_code_is_a_second_step_and_leads_to_where_the_visitor_was_going() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let app = enrol(&shop, &ada).await.app;
    wait(&shop);

    let visitor = shop.visitor();
    let asked = type_password(&visitor, "ada", "/orders").await;
    assert_eq!(
        (asked.status.as_u16(), asked.location()),
        (303, "/login/code?next=%2Forders")
    );
    let cookie = asked.set_cookies().join(" ");
    assert!(
        cookie.starts_with("claimcheck-pending=")
            && cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Strict")
            && cookie.contains("Max-Age=300"),
        "{cookie}"
    );
    assert_eq!(visitor.user().await, Value::Null, "not half signed in");
    assert_eq!(visitor.get("/orders").await.status, 401);
    let page = visitor.get(asked.location()).await;
    assert_eq!(page.status, 200);
    let page = page.text();
    assert!(
        page.contains("autocomplete=\"one-time-code\"") && page.contains("inputmode=\"numeric\""),
        "{page}"
    );
    assert!(
        !page.contains(PASSWORD),
        "the password is nowhere in the browser"
    );

    let wrong = visitor
        .post_form("/login/code", &[("code", "000000"), ("next", "/orders")])
        .await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("value=\"/orders\""));
    let code = app.code(shop.clock.now());
    let done = visitor
        .post_form("/login/code", &[("code", &code), ("next", "/orders")])
        .await;
    assert_eq!((done.status.as_u16(), done.location()), (303, "/orders"));
    assert_eq!(visitor.user().await["name"], "ada");

    // What was pending is over: its cookie is gone, and would be worth nothing.
    let again = visitor.get("/login/code?next=/orders").await;
    assert_eq!(again.location(), "/login?next=%2Forders");
    let secret = cookie.split([';', ' ']).next().unwrap().to_owned();
    let thief = shop.visitor();
    thief.set_cookie(&secret);
    wait(&shop);
    let code = app.code(shop.clock.now());
    let stolen = thief.post_form("/login/code", &[("code", &code)]).await;
    assert_eq!(stolen.status, 422);
    assert_eq!(thief.user().await, Value::Null);
    shop.end().await;
}

#[tokio::test]
async fn a_code_is_good_once_and_no_older_one_after_it() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let app = enrol(&shop, &ada).await.app;
    let visitor = shop.visitor();

    let code = app.code(shop.clock.now());
    let replayed = sign_in(&visitor, "ada", Some(&code)).await;
    assert_eq!(brief(&replayed), wants_code(), "it set the factor up");
    wait(&shop);
    wait(&shop);
    let older = app.code(shop.clock.now() - TimeDelta::seconds(30));
    let code = app.code(shop.clock.now());
    assert_eq!(sign_in(&visitor, "ada", Some(&code)).await.status, 200);
    for used in [&code, &older] {
        assert_eq!(
            brief(&sign_in(&visitor, "ada", Some(used)).await),
            wants_code()
        );
    }
    // A clock that is half a minute ahead is served; its code is then the last one taken.
    wait(&shop);
    let early = app.code(shop.clock.now() + TimeDelta::seconds(30));
    assert_eq!(sign_in(&visitor, "ada", Some(&early)).await.status, 200);
    let present = app.code(shop.clock.now());
    assert_eq!(
        brief(&sign_in(&visitor, "ada", Some(&present)).await),
        wants_code()
    );
    for away in [-60, 90] {
        shop.advance(TimeDelta::minutes(10));
        let code = app.code(shop.clock.now() + TimeDelta::seconds(away));
        assert_eq!(
            brief(&sign_in(&visitor, "ada", Some(&code)).await),
            wants_code()
        );
    }
    // The shop's clock is set back: what was used stays used.
    let code = app.code(shop.clock.now());
    assert_eq!(sign_in(&visitor, "ada", Some(&code)).await.status, 200);
    shop.clock.advance(TimeDelta::seconds(-30));
    assert_eq!(
        brief(&sign_in(&visitor, "ada", Some(&code)).await),
        wants_code()
    );
    shop.end().await;
}

#[tokio::test]
async fn of_two_sign_ins_with_one_code_one_succeeds_a_hundred_times() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let app = enrol(&shop, &ada).await.app;
    let (one, other) = (shop.visitor(), shop.visitor());
    for visitor in [&one, &other] {
        visitor.csrf_token().await;
    }

    for round in 0..100 {
        // The limit on failures of one address is not what is tried here.
        shop.advance(TimeDelta::minutes(2));
        let code = app.code(shop.clock.now());
        // By the API and by the page, so that both ways are held to the same.
        let (by_api, by_page) = if round % 2 == 0 {
            let by_api = sign_in(&one, "ada", Some(&code));
            let pending = shop.visitor();
            type_password(&pending, "ada", "/").await;
            let fields = [("code", code.as_str())];
            let by_page = pending.post_form("/login/code", &fields);
            let (by_api, by_page) = tokio::join!(by_api, by_page);
            (by_api.status == 200, by_page.status == 303)
        } else {
            let (first, second) = tokio::join!(
                sign_in(&one, "ada", Some(&code)),
                sign_in(&other, "ada", Some(&code)),
            );
            (first.status == 200, second.status == 200)
        };
        assert!(by_api ^ by_page, "round {round}: {by_api} and {by_page}");
    }
    shop.end().await;
}

#[tokio::test]
async fn of_a_thousand_guesses_at_once_five_are_looked_at() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let app = enrol(&shop, &ada).await.app;
    wait(&shop);
    let thief = shop.visitor();
    type_password(&thief, "ada", "/").await;
    let token = thief.csrf_token().await;

    let code = app.code(shop.clock.now());
    let right: u32 = code.parse().unwrap();
    let guess = |guess: String| {
        let fields = [("code", guess), ("csrf_token", token.clone())];
        let request = thief
            .request(Method::POST, "/login/code")
            .header("origin", shop.url())
            .form(&fields);
        thief.send(request)
    };
    let wrong = |offset: u32| format!("{:06}", (right + 1_000 + offset) % 1_000_000);
    let mut looked_at = 0;
    for chunk in (0..1_000).collect::<Vec<u32>>().chunks(50) {
        let answers = join_all(chunk.iter().map(|offset| guess(wrong(*offset)))).await;
        for answer in answers {
            // Refused by the limits of guessing, or looked at and wrong, or too late.
            let status = answer.status.as_u16();
            assert!([422, 429].contains(&status), "{status}");
            let again = answer.text().contains("action=\"/login/code\"");
            looked_at += usize::from(status == 422 && again);
        }
    }

    assert!(looked_at <= 5, "{looked_at}");
    assert!(events(&shop, "authn_factor_fail").await <= 5);
    shop.advance(TimeDelta::minutes(4));
    for _ in 0..5 {
        guess(wrong(1_000)).await;
        shop.advance(TimeDelta::seconds(9));
    }
    assert!(
        events(&shop, "authn_factor_fail").await <= 5,
        "of one sign-in"
    );
    let code = app.code(shop.clock.now());
    let late = guess(code).await;
    assert!(!late.status.is_redirection(), "not even the right one");
    assert_eq!(thief.user().await, Value::Null);
    shop.end().await;
}

#[tokio::test]
async fn a_wrong_code_counts_like_a_wrong_password_and_a_right_password_forgives_none() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let app = enrol(&shop, &ada).await.app;
    wait(&shop);
    let thief = shop.visitor();

    for n_wrong in 1..=5 {
        let wrong = sign_in(&thief, "ada", Some("000000")).await;
        assert_eq!(brief(&wrong), wants_code(), "{n_wrong}");
        if n_wrong < 5 {
            // The password alone is no success.
            assert_eq!(brief(&sign_in(&thief, "ada", None).await), wants_code());
            assert_eq!(type_password(&thief, "ada", "/").await.status, 303);
        }
    }
    let code = app.code(shop.clock.now());
    let held = sign_in(&thief, "ada", Some(&code)).await;
    assert_eq!(brief(&held), (429, "too_many".to_owned()));
    assert_eq!(held.header("retry-after"), "1");
    let page = thief.post_form("/login/code", &[("code", &code)]).await;
    assert_eq!(page.status, 429, "by the page too");
    assert!(page.text().contains("action=\"/login/code\""));

    shop.advance(TimeDelta::seconds(2));
    let code = app.code(shop.clock.now());
    assert_eq!(sign_in(&thief, "ada", Some(&code)).await.status, 200);
    assert_eq!(events(&shop, "authn_login_successafterfail").await, 1);
    shop.end().await;
}

#[tokio::test]
async fn the_code_may_take_five_minutes_and_a_changed_password_does_not_wait_for_it() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let app = enrol(&shop, &ada).await.app;

    let slow = shop.visitor();
    type_password(&slow, "ada", "/").await;
    shop.advance(TimeDelta::minutes(5));
    assert_eq!(slow.get("/login/code").await.status, 303);
    let code = app.code(shop.clock.now());
    let late = slow.post_form("/login/code", &[("code", &code)]).await;
    assert_eq!(late.status, 422);
    assert!(late.text().contains("action=\"/login\""), "{}", late.text());

    let overtaken = shop.visitor();
    type_password(&overtaken, "ada", "/").await;
    let body = json!({"current": PASSWORD, "new": "another perfectly fine passphrase"});
    let changed = ada.api(Method::PUT, "/account/password", Some(body)).await;
    assert_eq!(changed.status, 204);
    let refused = overtaken.post_form("/login/code", &[("code", &code)]).await;
    assert_eq!(refused.status, 422);
    assert_eq!(overtaken.user().await, Value::Null);

    let state = shop.server().state();
    shop.advance(TimeDelta::minutes(6));
    app_server::actions::purge::purge_once(&state.database, &state.clock)
        .await
        .unwrap();
    assert_eq!(
        count(&shop, "select count(*) from pending_sign_ins").await,
        0
    );
    shop.end().await;
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_the_app_once() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let eve = shop.user("eve").await;
    let enrolment = enrol(&shop, &ada).await;
    let foreign = enrol(&shop, &eve).await;
    let visitor = shop.visitor();

    let [first, second, ..] = enrolment.codes.as_slice() else {
        panic!("ten codes")
    };
    let typed = first.to_uppercase().replace('-', " ");
    assert_eq!(sign_in(&visitor, "ada", Some(&typed)).await.status, 200);
    assert_eq!(
        brief(&sign_in(&visitor, "ada", Some(first)).await),
        wants_code()
    );
    for wrong in [
        &foreign.codes[0],
        &format!("{second}===="),
        &second[..28].to_owned(),
        &format!("{second}0"),
        &foreign.app.code(shop.clock.now() + TimeDelta::seconds(30)),
        &enrolment.app.secret(),
    ] {
        shop.advance(TimeDelta::minutes(1)); // failures in a row are held up
        let answer = sign_in(&visitor, "ada", Some(wrong)).await;
        assert_eq!(brief(&answer), wants_code(), "{wrong}");
    }
    shop.advance(TimeDelta::minutes(1));
    assert_eq!(events(&shop, "authn_recovery_code_used").await, 1);
    assert_eq!(letters(&shop, "recovery_codes").await, 1);

    // By the page: it says how many are left, and then leads on.
    let visitor = shop.visitor();
    type_password(&visitor, "ada", "/orders").await;
    let fields = [("code", second.as_str()), ("next", "/orders")];
    let done = visitor.post_form("/login/code", &fields).await;
    assert_eq!(done.location(), "/account/second-factor?next=%2Forders");
    let page = visitor.get(done.location()).await.text();
    assert!(page.contains("8 recovery codes left"), "{page}");
    assert!(page.contains("href=\"/orders\""), "{page}");

    // New ones void the old ones.
    let renewed = visitor
        .post_form("/account/second-factor/recovery-codes", &[])
        .await;
    let new = recovery_codes(&visitor, &renewed);
    assert_eq!(new.len(), 10);
    let visitor = shop.visitor();
    let old = sign_in(&visitor, "ada", Some(&enrolment.codes[2])).await;
    assert_eq!(brief(&old), wants_code());
    assert_eq!(sign_in(&visitor, "ada", Some(&new[0])).await.status, 200);
    assert_eq!(events(&shop, "authn_recovery_codes_renewed").await, 1);
    shop.end().await;
}

#[tokio::test]
async fn of_parallel_uses_of_one_recovery_code_one_succeeds() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let enrolment = enrol(&shop, &ada).await;
    let visitors: Vec<_> = (0..6).map(|_| shop.visitor()).collect();

    for code in &enrolment.codes {
        let tries = visitors
            .iter()
            .map(|visitor| sign_in(visitor, "ada", Some(code)));
        let answers = join_all(tries).await;
        let mut statuses: Vec<_> = answers
            .iter()
            .map(|answer| answer.status.as_u16())
            .collect();
        statuses.sort_unstable();
        // The sixth at once is held up, as after five failures in a row.
        assert_eq!(statuses[0], 200, "{statuses:?}");
        assert!(
            statuses[1..].iter().all(|other| [401, 429].contains(other)),
            "{statuses:?}"
        );
        // Those who failed count, against the account and the address they share; not for ever.
        shop.advance(TimeDelta::minutes(16));
    }
    shop.end().await;
}

#[tokio::test]
async fn whatever_touches_the_factor_needs_a_recent_proof() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    ada.post_form("/account/second-factor", &[]).await;
    shop.advance(TimeDelta::minutes(10));

    for path in ["/account/second-factor", "/account/second-factor/new"] {
        let answer = ada.get(path).await;
        let place = format!("/confirm?next={}", path.replace('/', "%2F"));
        assert_eq!((answer.status.as_u16(), answer.location()), (303, &*place));
    }
    for path in [
        "/account/second-factor",
        "/account/second-factor/new",
        "/account/second-factor/recovery-codes",
    ] {
        let answer = ada.post_form(path, &[("code", "000000")]).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(
            answer.location().starts_with("/confirm?next=%2Faccount"),
            "{path}"
        );
    }
    assert_eq!(events(&shop, "authn_factor_added").await, 0);

    // The place is kept.
    let fields = [("password", PASSWORD), ("next", "/account/second-factor")];
    let proved = ada.post_form("/confirm", &fields).await;
    assert_eq!(
        (proved.status.as_u16(), proved.location()),
        (303, "/account/second-factor")
    );
    assert_eq!(ada.get("/account/second-factor").await.status, 200);
    enrol(&shop, &ada).await;
    shop.end().await;
}

#[tokio::test]
async fn a_factor_is_removed_by_its_owner_with_the_password() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let enrolment = enrol(&shop, &ada).await;
    let elsewhere = shop.visitor();
    sign_in(&elsewhere, "ada", Some(&enrolment.codes[0])).await;

    let remove = "/account/second-factor/delete";
    for wrong in ["", "not the right passphrase"] {
        let refused = ada.post_form(remove, &[("password", wrong)]).await;
        assert_eq!(refused.status, 422);
    }
    assert_eq!(
        elsewhere.user().await["name"],
        "ada",
        "nothing happened yet"
    );
    let removed = ada.post_form(remove, &[("password", PASSWORD)]).await;
    assert_eq!(removed.status, 303, "{}", removed.text());
    assert_eq!(ada.user().await["name"], "ada");
    assert_eq!(elsewhere.user().await, Value::Null);
    let twice = ada.post_form(remove, &[("password", PASSWORD)]).await;
    assert_eq!(twice.status, 303);
    assert_eq!(events(&shop, "authn_factor_removed").await, 1);
    assert_eq!(letters(&shop, "factor_removed").await, 1);
    for table in ["second_factors", "recovery_codes", "pending_factors"] {
        let sql = format!("select count(*) from {table}");
        assert_eq!(count(&shop, &sql).await, 0, "{table}");
    }
    assert_eq!(elsewhere.sign_in("ada").await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn a_factor_is_replaced_once_the_new_app_has_shown_a_code() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let old = enrol(&shop, &ada).await;
    wait(&shop);

    ada.post_form("/account/second-factor", &[]).await;
    let visitor = shop.visitor();
    let code = old.app.code(shop.clock.now());
    assert_eq!(sign_in(&visitor, "ada", Some(&code)).await.status, 200);
    let new = enrol(&shop, &ada).await;
    assert_eq!(visitor.user().await, Value::Null, "other sessions end");
    wait(&shop);
    for void in [&old.app.code(shop.clock.now()), &old.codes[0]] {
        assert_eq!(
            brief(&sign_in(&visitor, "ada", Some(void)).await),
            wants_code()
        );
    }
    let code = new.app.code(shop.clock.now());
    assert_eq!(sign_in(&visitor, "ada", Some(&code)).await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn an_admin_without_a_second_factor_can_set_one_up_and_nothing_else() {
    let shop = Shop::start().await;
    shop.user("root").await;
    shop.sabotage("update users set role = 'admin'").await;
    let root = shop.visitor();
    assert_eq!(root.sign_in("root").await.status, 200);
    let token = root.csrf_token().await;

    let mut n_refused = 0;
    for entry in PAGES.iter().chain(API) {
        if OPEN.contains(&entry.path) {
            continue;
        }
        let parts = entry.path.split('/').map(|part| match part {
            "{slug}" => "field-guide",
            part if part.starts_with('{') => "018f0000-0000-7000-8000-000000000000",
            part => part,
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let is_api = path.starts_with("/api/");
        let method: Method = entry.method.as_str().parse().unwrap();
        let request = root
            .request(method, &path)
            .header("origin", shop.url())
            .header("x-csrf-token", &token);
        let request = if is_api {
            request.json(&json!({}))
        } else {
            request.form(&[("csrf_token", &token)])
        };
        let answer = root.send(request).await;
        if is_api {
            let refused = (403, "second_factor_required".to_owned());
            assert_eq!(brief(&answer), refused, "{} {path}", entry.method);
        } else {
            let led = (answer.status.as_u16(), answer.location());
            assert_eq!(
                led,
                (303, "/account/second-factor"),
                "{} {path}",
                entry.method
            );
        }
        n_refused += 1;
    }
    assert!(n_refused > 25, "{n_refused}");
    let page = root.get("/account/second-factor").await;
    assert!(page.text().contains("class=\"notice\""), "{}", page.text());
    assert_eq!(root.get("/nothing-here").await.status, 303);
    assert_eq!(root.get("/account/password").await.status, 200);

    let enrolment = enrol(&shop, &root).await;
    assert_eq!(root.get("/").await.status, 200);
    assert_eq!(root.get("/api/v1/orders").await.status, 200);
    let remove = [("password", PASSWORD)];
    let refused = root
        .post_form("/account/second-factor/delete", &remove)
        .await;
    assert_eq!(refused.status, 403, "admins replace it, or keep it");
    let page = root.get("/account/second-factor").await.text();
    assert!(!page.contains("/account/second-factor/delete"));
    wait(&shop);
    let code = enrolment.app.code(shop.clock.now());
    assert_eq!(sign_in(&root, "root", Some(&code)).await.status, 200);
    assert_eq!(root.post_form("/logout", &[]).await.status, 303);
    shop.end().await;
}

#[tokio::test]
async fn every_address_open_to_an_admin_without_a_factor_names_a_page_or_a_call() {
    // Those of letters come with their pages.
    let elsewhere = [
        "/forgot",
        "/not-me/{token}",
        "/reset/{token}",
        "/verify/{token}",
    ];
    for open in OPEN.iter().filter(|open| !elsewhere.contains(open)) {
        let served = PAGES.iter().chain(API).any(|entry| entry.path == *open);
        assert!(served, "{open}");
    }
}

#[tokio::test]
async fn without_secrets_key_the_page_says_so_and_nobody_is_asked_for_a_code() {
    let shop = Shop::with(&[("SECRETS_KEY", "")]).await;
    let ada = shop.user("ada").await;

    let page = ada.get("/account/second-factor").await;
    assert_eq!(page.status, 503);
    assert!(page.text().contains("SECRETS_KEY"), "{}", page.text());
    let begun = ada.post_form("/account/second-factor", &[]).await;
    assert_eq!(begun.status, 503);
    assert_eq!(ada.get("/account/second-factor/new").await.status, 503);
    assert_eq!(shop.visitor().sign_in("ada").await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn a_sealed_secret_opens_in_its_own_row_only() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let eve = shop.user("eve").await;
    enrol(&shop, &ada).await;
    let eves = enrol(&shop, &eve).await.app;
    wait(&shop);

    // Whoever can write to the database gives Ada's account the secret that Eve's app has.
    shop.sabotage(
        "update second_factors set sealed = eves.sealed, key_id = eves.key_id
           from (select sealed, key_id from second_factors join users using (user_id)
                  where email_key = 'eve@example.org') as eves
          where user_id = (select user_id from users where email_key = 'ada@example.org')",
    )
    .await;

    let visitor = shop.visitor();
    let code = eves.code(shop.clock.now());
    let refused = sign_in(&visitor, "ada", Some(&code)).await;
    assert_eq!(brief(&refused), (500, "internal".to_owned()));
    assert!(shop.log().contains("tampered with"));
    assert_eq!(visitor.user().await, Value::Null);
    assert_eq!(sign_in(&visitor, "eve", Some(&code)).await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn a_new_key_takes_over_as_factors_are_used_and_then_by_command() {
    let mut shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let eve = shop.user("eve").await;
    let adas = enrol(&shop, &ada).await.app;
    let eves = enrol(&shop, &eve).await.app;
    let under = "select count(*) from second_factors where key_id = '1'";
    assert_eq!(count(&shop, under).await, 2);

    let both = format!("2026-11:{NEWER_KEY},1:{SECRETS_KEY}");
    shop.restart_with(&[("SECRETS_KEY", &both)]).await;
    wait(&shop);
    let visitor = shop.visitor();
    let code = adas.code(shop.clock.now());
    assert_eq!(sign_in(&visitor, "ada", Some(&code)).await.status, 200);
    assert_eq!(count(&shop, under).await, 1, "Ada's is sealed anew");

    let newer = format!("2026-11:{NEWER_KEY}");
    let ring = |text: &str| Keyring::parse(text).unwrap();
    let database = shop.server().state().database.clone();
    let refused = secrets_key::check(&database, Some(&ring(&newer)))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("\"1\" (1)"), "{refused}");
    assert!(secrets_key::check(&database, None).await.is_err());
    secrets_key::check(&database, Some(&ring(&both)))
        .await
        .unwrap();
    assert_eq!(
        secrets_key::reseal(&database, &ring(&both)).await.unwrap(),
        1
    );
    assert_eq!(
        secrets_key::reseal(&database, &ring(&both)).await.unwrap(),
        0
    );
    secrets_key::check(&database, Some(&ring(&newer)))
        .await
        .unwrap();

    shop.restart_with(&[("SECRETS_KEY", &newer)]).await;
    wait(&shop);
    for (name, app) in [("ada", &adas), ("eve", &eves)] {
        let code = app.code(shop.clock.now());
        assert_eq!(sign_in(&visitor, name, Some(&code)).await.status, 200);
    }
    shop.end().await;
}

#[tokio::test]
async fn an_operator_helps_whoever_lost_it() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    enrol(&shop, &ada).await;
    let state = shop.server().state();

    let reset = || remove_factor::reset(&state.database, &state.clock, "Ada@example.org");
    reset().await.unwrap();
    assert_eq!(ada.user().await, Value::Null, "sessions end");
    assert_eq!(ada.sign_in("ada").await.status, 200);
    assert!(reset().await.is_err(), "there is none any more");
    assert_eq!(events(&shop, "authn_factor_removed").await, 1);
    assert_eq!(letters(&shop, "factor_removed").await, 1);
    shop.end().await;
}
