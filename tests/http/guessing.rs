//! Guessing passwords: who is held up, for how long, and who is not.

use app_server::{
    actions::{purge, sessions::Origin, throttle},
    domain::audit::Event,
    error::AppError,
};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, PASSWORD, email},
    shop::Shop,
};

const WRONG: &str = "not the right passphrase";

/// A shop behind a proxy on loopback, so that tests can come from anywhere.
async fn proxied() -> Shop {
    Shop::with(&[("TRUSTED_PROXIES", "127.0.0.0/8,::1/128")]).await
}

/// Signs in from `ip`, as the proxy says.
async fn guess(client: &Client, email: &str, password: &str, ip: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    let from = [("x-forwarded-for", ip)];
    client
        .api_with(Method::POST, "/session", Some(body), &from)
        .await
}

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

fn wrong() -> (u16, String) {
    (401, "invalid_credentials".to_owned())
}

fn too_many() -> (u16, String) {
    (429, "too_many".to_owned())
}

/// `n` failures of an account, each from an address of its own, each as soon as it may be made.
async fn fail(shop: &Shop, client: &Client, email: &str, n: usize) {
    for nth in 0..n {
        let ip = format!("10.0.{}.{}", nth / 250, nth % 250 + 1);
        assert_eq!(outcome(&guess(client, email, WRONG, &ip).await), wrong());
        shop.advance(TimeDelta::minutes(15));
    }
}

async fn events(shop: &Shop, event: &str) -> Vec<(Option<uuid::Uuid>, Value)> {
    let db = shop.database.client().await;
    let sql = "select user_id, details from audit_events where event = $1 order by event_id";
    let rows = db.query(sql, &[&event]).await.expect("events");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn count(shop: &Shop, sql: &str) -> i64 {
    let db = shop.database.client().await;
    db.query_one(sql, &[]).await.expect("a number").get(0)
}

// --- By account ---

#[tokio::test]
async fn from_the_fifth_failure_an_account_waits_a_second_doubling_to_a_quarter_of_an_hour() {
    for email in ["ada@example.org", "nobody@example.org"] {
        let shop = proxied().await;
        shop.user("ada").await;
        let thief = shop.visitor();

        let mut waits = Vec::new();
        for nth in 1..=17_i64 {
            let ip = format!("10.0.0.{nth}");
            let answer = guess(&thief, email, WRONG, &ip).await;
            assert_eq!(outcome(&answer), wrong(), "failure {nth}");
            let refused = guess(&thief, email, WRONG, "10.0.1.1").await;
            if nth < 5 {
                // Not held: this one was counted too.
                assert_eq!(outcome(&refused), wrong());
                shop.sabotage(
                    "update account_throttles set n_failures = n_failures - 1, held_until = null",
                )
                .await;
                continue;
            }
            assert_eq!(outcome(&refused), too_many(), "after failure {nth}");
            let wait: i64 = refused.header("retry-after").parse().expect("seconds");
            waits.push(wait);
            shop.advance(TimeDelta::seconds(wait) - TimeDelta::microseconds(1));
            let early = guess(&thief, email, WRONG, "10.0.1.1").await;
            assert_eq!(outcome(&early), too_many(), "a moment too early");
            shop.advance(TimeDelta::microseconds(1));
        }

        let doubling = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900];
        assert_eq!(waits, doubling, "{email}");
        shop.end().await;
    }
}

#[tokio::test]
async fn the_right_password_does_not_help_while_an_account_waits_and_afterwards_forgets_failures() {
    let shop = proxied().await;
    shop.user("ada").await;
    let ada = shop.visitor();
    for _ in 0..5 {
        guess(&ada, &email("ada"), WRONG, "10.0.0.1").await;
    }

    let held = guess(&ada, &email("ada"), PASSWORD, "10.0.0.2").await;
    assert_eq!(outcome(&held), too_many());
    assert_eq!(held.header("retry-after"), "1");

    shop.advance(TimeDelta::seconds(1));
    assert_eq!(
        guess(&ada, &email("ada"), PASSWORD, "10.0.0.2")
            .await
            .status,
        200
    );
    let elsewhere = shop.visitor();
    for _ in 0..5 {
        let answer = guess(&elsewhere, "Ada@Example.org ", WRONG, "10.0.0.3").await;
        assert_eq!(outcome(&answer), wrong(), "counted from one again");
    }
    let held = guess(&elsewhere, &email("ada"), WRONG, "10.0.0.4").await;
    assert_eq!(
        held.header("retry-after"),
        "1",
        "in whatever case it is typed"
    );
    shop.end().await;
}

#[tokio::test]
async fn after_a_hundred_failures_only_a_reset_or_a_known_browser_opens_an_account() {
    let shop = proxied().await;
    let owner = shop.user("ada").await;
    owner.api(Method::DELETE, "/session", None).await;
    let thief = shop.visitor();

    fail(&shop, &thief, &email("ada"), 100).await;
    fail(&shop, &thief, "nobody@example.org", 100).await;

    shop.advance(TimeDelta::days(400));
    let state = shop.server().state();
    purge::purge_once(&state.database, &state.clock)
        .await
        .unwrap();
    let locked = guess(&thief, &email("ada"), PASSWORD, "10.9.9.9").await;
    assert_eq!(outcome(&locked), too_many());
    assert_eq!(locked.header("retry-after"), "3600");
    assert!(locked.text().contains("reset"), "{}", locked.text());
    assert_eq!(
        outcome(&guess(&thief, "nobody@example.org", WRONG, "10.9.9.9").await),
        wrong(),
        "nobody can reset the password of no account: its counter has gone"
    );

    let new = "an entirely different passphrase";
    app_server::actions::users::set_password(
        &state.database,
        &state.clock,
        &email("ada"),
        new.into(),
    )
    .await
    .unwrap();
    assert_eq!(
        guess(&thief, &email("ada"), new, "10.9.9.9").await.status,
        200,
        "a reset opens it"
    );
    shop.end().await;
}

#[tokio::test]
async fn a_locked_account_stays_open_to_its_owners_browser_and_stays_locked_to_others() {
    let shop = proxied().await;
    let owner = shop.user("ada").await;
    owner.api(Method::DELETE, "/session", None).await;
    let thief = shop.visitor();
    fail(&shop, &thief, &email("ada"), 100).await;

    let before = owner.cookies();
    let answer = guess(&owner, &email("ada"), PASSWORD, "10.9.9.9").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_ne!(
        device_of(&before),
        device_of(&owner.cookies()),
        "a new secret"
    );
    assert_eq!(
        outcome(&guess(&thief, &email("ada"), PASSWORD, "10.9.9.8").await),
        too_many()
    );

    // The secret from before is nobody's any more.
    let copy = shop.visitor();
    copy.set_cookie(&format!("claimcheck-device={}", device_of(&before)));
    assert_eq!(
        outcome(&guess(&copy, &email("ada"), PASSWORD, "10.9.9.7").await),
        too_many()
    );
    shop.end().await;
}

fn device_of(cookies: &str) -> String {
    let mut pairs = cookies.split("; ");
    pairs
        .find_map(|pair| pair.strip_prefix("claimcheck-device="))
        .expect("a device cookie")
        .to_owned()
}

#[tokio::test]
async fn a_known_browser_has_a_counter_of_its_own_and_is_forgotten_after_ten_failures() {
    let shop = proxied().await;
    let owner = shop.user("ada").await;
    owner.api(Method::DELETE, "/session", None).await;

    let mut waits = Vec::new();
    for nth in 1..=9 {
        let answer = guess(&owner, &email("ada"), WRONG, "10.0.0.1").await;
        assert_eq!(outcome(&answer), wrong(), "failure {nth}");
        if nth >= 5 {
            let refused = guess(&owner, &email("ada"), WRONG, "10.0.0.1").await;
            assert_eq!(outcome(&refused), too_many(), "after failure {nth}");
            let wait: i64 = refused.header("retry-after").parse().expect("seconds");
            waits.push(wait);
            shop.advance(TimeDelta::seconds(wait));
        }
    }
    assert_eq!(waits, [1, 2, 4, 8, 16]);
    assert_eq!(
        count(&shop, "select count(*) from account_throttles").await,
        0
    );

    // The tenth is its last; from then on it counts like any other browser.
    assert_eq!(
        outcome(&guess(&owner, &email("ada"), WRONG, "10.0.0.1").await),
        wrong()
    );
    for _ in 0..5 {
        assert_eq!(
            outcome(&guess(&owner, &email("ada"), WRONG, "10.0.0.2").await),
            wrong()
        );
    }
    assert_eq!(
        outcome(&guess(&owner, &email("ada"), WRONG, "10.0.0.2").await),
        too_many()
    );
    shop.end().await;
}

#[tokio::test]
async fn a_device_cookie_is_strict_lasts_a_year_and_opens_nothing() {
    let shop = Shop::start().await;
    let ada = shop.visitor();
    let registered = ada.register("ada").await;
    let cookies = registered.set_cookies();
    let device = cookies
        .iter()
        .find(|cookie| cookie.starts_with("claimcheck-device="))
        .expect("a device cookie");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=31536000"] {
        assert!(device.contains(attribute), "{device}");
    }
    assert!(!device.contains("Domain"), "{device}");

    let copy = shop.visitor();
    copy.set_cookie(device.split(';').next().expect("a pair"));
    assert_eq!(copy.user().await, Value::Null);
    assert_eq!(copy.get("/account").await.status, 401);

    // Two people at one computer: each is known there, and each by a counter of their own.
    let household = ada.clone();
    assert_eq!(household.register("ida").await.status, 201);
    let known = "select count(distinct user_id) from devices where secret_hash =
                 (select secret_hash from devices join users using (user_id) where name = 'ida')";
    assert_eq!(count(&shop, known).await, 2);
    shop.end().await;
}

#[tokio::test]
async fn over_https_the_device_cookie_is_a_host_cookie() {
    let shop = Shop::with(&[
        ("APP_URL", "https://shop.example"),
        ("DOWNLOAD_URLS", "https://files.example"),
    ])
    .await;
    let base = format!("http://127.0.0.1:{}", shop.server().address.port());
    let ada = Client::new(&base, "https://shop.example", shop.secrets.clone());
    let host = [("host", "shop.example")];
    let token = ada
        .send(
            ada.request(Method::GET, "/api/v1/session")
                .header("host", "shop.example"),
        )
        .await;
    let cookie = token.set_cookies()[0].split(';').next().unwrap().to_owned();
    let body = json!({"email": email("ada"), "name": "ada", "password": PASSWORD});
    let request = ada
        .request_without_cookies(Method::POST, "/api/v1/users")
        .header(host[0].0, host[0].1)
        .header("origin", "https://shop.example")
        .header("cookie", cookie)
        .header("x-csrf-token", token.json()["csrf_token"].as_str().unwrap())
        .json(&body);
    let answer = ada.send(request).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let cookies = answer.set_cookies();
    let device = cookies.iter().find(|c| c.starts_with("__Host-device="));
    let device = device.expect("a device cookie");
    assert!(
        device.contains("Secure") && device.contains("Path=/"),
        "{device}"
    );
}

#[tokio::test]
async fn changing_the_password_makes_every_other_browser_unknown() {
    let shop = proxied().await;
    let ada = shop.user("ada").await;
    let elsewhere = shop.visitor();
    elsewhere.sign_in("ada").await;
    assert_eq!(count(&shop, "select count(*) from devices").await, 2);

    let body = json!({"current": PASSWORD, "new": "an entirely different passphrase"});
    let changed = ada.api(Method::PUT, "/account/password", Some(body)).await;
    assert_eq!(changed.status, 204);

    assert_eq!(count(&shop, "select count(*) from devices").await, 1);
    for _ in 0..5 {
        guess(&elsewhere, &email("ada"), WRONG, "10.0.0.1").await;
    }
    assert_eq!(
        count(&shop, "select n_failures::int8 from account_throttles").await,
        5,
        "it counts with the account"
    );
    shop.end().await;
}

// --- By address ---

#[tokio::test]
async fn an_address_may_fail_twenty_times_in_any_quarter_of_an_hour_whoever_it_tries() {
    let shop = proxied().await;
    shop.user("ada").await;
    let thief = shop.visitor();

    for nth in 0..20 {
        let name = format!("nobody-{nth}@example.org");
        assert_eq!(
            outcome(&guess(&thief, &name, WRONG, "10.0.0.1").await),
            wrong()
        );
        shop.advance(TimeDelta::seconds(6));
    }
    let refused = guess(&thief, "other@example.org", WRONG, "10.0.0.1").await;
    assert_eq!(outcome(&refused), too_many());
    assert_eq!(
        refused.header("retry-after"),
        "780",
        "the first is two minutes old"
    );
    assert_eq!(
        outcome(&guess(&thief, &email("ada"), PASSWORD, "10.0.0.1").await),
        too_many(),
        "not even the right one"
    );
    let elsewhere = shop.visitor();
    assert_eq!(
        guess(&elsewhere, &email("ada"), PASSWORD, "10.0.0.2")
            .await
            .status,
        200,
        "nobody else is held up"
    );

    shop.advance(TimeDelta::seconds(780));
    assert_eq!(
        outcome(&guess(&thief, "other@example.org", WRONG, "10.0.0.1").await),
        wrong(),
        "the first is forgotten"
    );
    assert_eq!(
        outcome(&guess(&thief, "other@example.org", WRONG, "10.0.0.1").await),
        too_many(),
        "the second is not"
    );
    assert_eq!(
        count(
            &shop,
            "select count(*) from account_throttles where n_failures > 1"
        )
        .await,
        0,
        "what an address may not do is not held against an account"
    );
    shop.end().await;
}

#[tokio::test]
async fn success_does_not_reset_an_address_and_does_not_count() {
    let shop = proxied().await;
    shop.user("ada").await;
    let thief = shop.visitor();
    for nth in 0..19 {
        let name = format!("nobody-{nth}@example.org");
        guess(&thief, &name, WRONG, "10.0.0.1").await;
    }

    for _ in 0..3 {
        let own = guess(&shop.visitor(), &email("ada"), PASSWORD, "10.0.0.1").await;
        assert_eq!(own.status, 200);
    }

    assert_eq!(
        outcome(&guess(&thief, "a@example.org", WRONG, "10.0.0.1").await),
        wrong()
    );
    assert_eq!(
        outcome(&guess(&thief, "b@example.org", WRONG, "10.0.0.1").await),
        too_many()
    );
    shop.end().await;
}

#[tokio::test]
async fn an_ipv6_network_is_one_address_and_a_mapped_one_is_the_ipv4_address() {
    let shop = proxied().await;
    let thief = shop.visitor();
    for nth in 0..20 {
        let (name, ip) = (
            format!("a-{nth}@example.org"),
            format!("2001:db8:0:1::{nth:x}"),
        );
        assert_eq!(outcome(&guess(&thief, &name, WRONG, &ip).await), wrong());
    }
    let same = guess(&thief, "b@example.org", WRONG, "2001:db8:0:1:ffff::1").await;
    assert_eq!(outcome(&same), too_many());
    let next = guess(&thief, "b@example.org", WRONG, "2001:db8:0:2::1").await;
    assert_eq!(outcome(&next), wrong());

    for nth in 0..20 {
        let name = format!("c-{nth}@example.org");
        let answer = guess(&thief, &name, WRONG, "::ffff:192.0.2.7").await;
        assert_eq!(outcome(&answer), wrong());
    }
    let plain = guess(&thief, "d@example.org", WRONG, "192.0.2.7").await;
    assert_eq!(outcome(&plain), too_many());
    shop.end().await;
}

#[tokio::test]
async fn an_invented_forwarded_for_evades_nothing() {
    let shop = Shop::start().await; // trusts no proxy
    let thief = shop.visitor();
    for nth in 0..20 {
        let (name, ip) = (format!("a-{nth}@example.org"), format!("10.0.0.{nth}"));
        assert_eq!(outcome(&guess(&thief, &name, WRONG, &ip).await), wrong());
    }
    let refused = guess(&thief, "b@example.org", WRONG, "10.0.1.1").await;
    assert_eq!(outcome(&refused), too_many());
    shop.end().await;

    // Behind a proxy, whatever a client wrote itself stands left of what the proxy saw.
    let shop = proxied().await;
    let thief = shop.visitor();
    for nth in 0..20 {
        let name = format!("a-{nth}@example.org");
        let claimed = format!("10.0.0.{nth}, 203.0.113.9");
        guess(&thief, &name, WRONG, &claimed).await;
    }
    let refused = guess(&thief, "b@example.org", WRONG, "10.0.1.1, 203.0.113.9").await;
    assert_eq!(outcome(&refused), too_many());
    shop.end().await;
}

#[tokio::test]
async fn an_address_opens_so_many_accounts_an_hour_and_no_more() {
    let shop = Shop::with(&[
        ("REGISTRATIONS_PER_ADDRESS", "3"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ])
    .await;
    for name in ["a", "b", "c"] {
        shop.user(name).await;
        shop.advance(TimeDelta::minutes(10));
    }

    let refused = shop.visitor().register("d").await;
    assert_eq!(outcome(&refused), too_many());
    assert_eq!(refused.header("retry-after"), "1800");
    let visitor = shop.visitor();
    let fields = [
        ("name", "D"),
        ("email", "d@example.org"),
        ("password", PASSWORD),
    ];
    let page = visitor.post_form("/register", &fields).await;
    assert_eq!(
        (page.status.as_u16(), page.header("retry-after")),
        (429, "1800")
    );
    assert!(
        page.text().contains("try again in 30 minutes")
            && page.text().contains("value=\"d@example.org\""),
        "{}",
        page.text()
    );

    let body = json!({"email": email("d"), "name": "d", "password": PASSWORD});
    let from = [("x-forwarded-for", "10.0.0.1")];
    let elsewhere = shop
        .visitor()
        .api_with(Method::POST, "/users", Some(body), &from)
        .await;
    assert_eq!(elsewhere.status, 201);
    shop.advance(TimeDelta::minutes(30));
    assert_eq!(shop.visitor().register("e").await.status, 201);
    shop.end().await;
}

// --- Everywhere at once ---

#[tokio::test]
async fn two_app_servers_share_the_counters() {
    let shop = proxied().await;
    shop.user("ada").await;
    let (other, base) = shop.second_server();
    let thief = shop.visitor();

    for nth in 0..5 {
        let ip = format!("10.0.0.{nth}");
        let server = if nth % 2 == 0 {
            shop.url()
        } else {
            base.clone()
        };
        assert_eq!(
            guess_at(&shop, &thief, &server, &email("ada"), &ip).await,
            401
        );
    }
    for server in [shop.url(), base] {
        assert_eq!(
            guess_at(&shop, &thief, &server, &email("ada"), "10.0.1.1").await,
            429
        );
    }
    other.kill().await;
    shop.end().await;
}

/// A wrong guess at one of several app servers.
async fn guess_at(shop: &Shop, client: &Client, server: &str, email: &str, ip: &str) -> u16 {
    let host = shop.url().trim_start_matches("http://").to_owned();
    let token = client.csrf_token().await;
    let request = client
        .request(Method::POST, &format!("{server}/api/v1/session"))
        .header("host", host)
        .header("origin", shop.url())
        .header("cookie", client.cookies())
        .header("x-csrf-token", token)
        .header("x-forwarded-for", ip)
        .json(&json!({"email": email, "password": WRONG}));
    client.send(request).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_parallel_guesses_five_are_made() {
    let shop = proxied().await;
    shop.user("ada").await;
    let thief = shop.visitor();
    let token = thief.csrf_token().await;

    let guesses = (0..200).map(|nth| {
        let request = thief
            .request(Method::POST, "/api/v1/session")
            .header("origin", shop.url())
            .header("x-csrf-token", &token)
            .header("x-forwarded-for", format!("10.0.{}.{}", nth / 16, nth % 16))
            .json(&json!({"email": email("ada"), "password": format!("{WRONG} {nth}")}));
        thief.send(request)
    });
    let answers = futures_util::future::join_all(guesses).await;

    let with = |status: u16| answers.iter().filter(|a| a.status == status).count();
    assert_eq!((with(401), with(429)), (5, 195));
    assert_eq!(events(&shop, "authn_login_fail").await.len(), 5);
    shop.end().await;
}

/// The step that counts, without the hash: 100 times 200 guesses at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_often_two_hundred_guess_at_once_no_limit_is_exceeded() {
    let shop = Shop::start().await;
    let state = shop.server().state();
    for round in 0..100 {
        let one_account = round % 2 == 0;
        let guesses = (0..200).map(|nth| {
            let (key, ip) = if one_account {
                (
                    format!("{round}@example.org"),
                    format!("10.{round}.0.{nth}"),
                )
            } else {
                (
                    format!("{round}-{nth}@example.org"),
                    format!("10.{round}.0.1"),
                )
            };
            async move {
                let origin = from(&ip);
                let admitted = throttle::admit(state, &key, &origin).await;
                match admitted {
                    Ok(pass) => Some(pass),
                    Err(AppError::TooMany { .. }) => None,
                    Err(error) => panic!("{error}: {error:?}"),
                }
            }
        });
        let passes = futures_util::future::join_all(guesses).await;
        let admitted: Vec<_> = passes.into_iter().flatten().collect();
        assert_eq!(admitted.len(), if one_account { 5 } else { 20 }, "{round}");

        // Those that prove right are taken back one by one, and nobody else's with them.
        if !one_account {
            let db = state.db().await.unwrap();
            for pass in &admitted {
                pass.succeeded(&db).await.unwrap();
            }
            let left =
                "select coalesce(sum(cardinality(counted_at)), 0)::int8 from address_throttles";
            assert_eq!(count(&shop, left).await, 0, "{round}");
        }
        shop.sabotage("truncate account_throttles, address_throttles")
            .await;
    }
    shop.end().await;
}

fn from(ip: &str) -> Origin {
    Origin {
        ip: ip.to_owned(),
        country: None,
        user_agent: "a test".to_owned(),
        device: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_guesses_at_once_from_a_known_browser_five_are_made() {
    let shop = proxied().await;
    let owner = shop.user("ada").await;
    owner.api(Method::DELETE, "/session", None).await;
    let token = owner.csrf_token().await;

    let guesses = (0..50).map(|nth| {
        let request = owner
            .request(Method::POST, "/api/v1/session")
            .header("origin", shop.url())
            .header("x-csrf-token", &token)
            .header("x-forwarded-for", format!("10.0.0.{nth}"))
            .json(&json!({"email": email("ada"), "password": WRONG}));
        owner.send(request)
    });
    let answers = futures_util::future::join_all(guesses).await;

    let made = answers.iter().filter(|a| a.status == 401).count();
    assert_eq!(made, 5);
    assert_eq!(
        count(&shop, "select count(*) from account_throttles").await,
        0
    );
    shop.end().await;
}

// --- What is asked for elsewhere ---

#[tokio::test]
async fn guessing_the_current_password_counts_like_signing_in() {
    let shop = proxied().await;
    let ada = shop.user("ada").await;
    let new = "an entirely different passphrase";

    let body = json!({"current": WRONG, "new": new});
    for _ in 0..5 {
        let answer = ada
            .api(Method::PUT, "/account/password", Some(body.clone()))
            .await;
        assert_eq!(outcome(&answer), (401, "wrong_password".to_owned()));
    }
    let held = ada
        .api(
            Method::PUT,
            "/account/password",
            Some(json!({"current": PASSWORD, "new": new})),
        )
        .await;
    assert_eq!(outcome(&held), too_many());
    let fields = [("current", PASSWORD), ("new", new)];
    let page = ada.post_form("/account/password", &fields).await;
    assert_eq!(
        (page.status.as_u16(), page.header("retry-after")),
        (429, "1")
    );
    assert!(
        page.text().contains("try again in a second"),
        "{}",
        page.text()
    );
    assert_eq!(events(&shop, "authn_password_change_fail").await.len(), 5);

    shop.advance(TimeDelta::seconds(1));
    let changed = ada.post_form("/account/password", &fields).await;
    assert_eq!(changed.status, 303);
    shop.end().await;
}

#[tokio::test]
async fn the_form_says_how_long_to_wait_and_keeps_what_was_typed() {
    let shop = proxied().await;
    shop.user("ada").await;
    let ada = shop.visitor();
    fail(&shop, &ada, &email("ada"), 12).await;
    let fields = [
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("next", "/account"),
        ("remember", "1"),
    ];
    let wrong_fields = [("email", "ada@example.org"), ("password", WRONG)];
    assert_eq!(ada.post_form("/login", &wrong_fields).await.status, 422);

    let page = ada.post_form("/login", &fields).await;
    assert_eq!(
        (page.status.as_u16(), page.header("retry-after")),
        (429, "256")
    );
    let text = page.text();
    assert!(
        text.contains("try again in 5 minutes")
            && text.contains("value=\"ada@example.org\"")
            && text.contains("value=\"/account\"")
            && text.contains("checked"),
        "{text}"
    );
    shop.end().await;
}

// --- What is written down, and who is told ---

#[tokio::test]
async fn failures_limits_and_success_are_written_down_and_the_owner_is_told_once() {
    let shop = proxied().await;
    let ada = shop.user("ada").await;
    let id: uuid::Uuid = ada.user().await["id"].as_str().unwrap().parse().unwrap();
    let thief = shop.visitor();

    fail(&shop, &thief, &email("ada"), 7).await;
    fail(&shop, &thief, "nobody@example.org", 7).await;

    let failed = events(&shop, Event::LoginFail.as_str()).await;
    assert_eq!(failed.len(), 14);
    assert_eq!(
        (failed[6].0, failed[13].0),
        (Some(id), None),
        "no account, nobody's name"
    );
    let held = events(&shop, Event::LoginFailMax.as_str()).await;
    assert_eq!(held.len(), 2, "once each");
    assert_eq!(
        (held[0].0, held[0].1["failures"].as_i64()),
        (Some(id), Some(5))
    );
    assert_eq!(
        count(
            &shop,
            "select count(*) from mails where kind = 'sign_ins_fail'"
        )
        .await,
        1
    );

    assert_eq!(
        guess(&shop.visitor(), &email("ada"), PASSWORD, "10.0.0.9")
            .await
            .status,
        200
    );
    let after = events(&shop, Event::LoginSuccessAfterFail.as_str()).await;
    assert_eq!(after[0].1["failures"], 7);
    assert_eq!(
        guess(&shop.visitor(), &email("ada"), PASSWORD, "10.0.0.9")
            .await
            .status,
        200
    );
    let successes = events(&shop, Event::LoginSuccess.as_str()).await;
    assert_eq!(successes.len(), 2, "registering was one");

    fail(&shop, &thief, &email("ada"), 100).await;
    assert_eq!(events(&shop, Event::LoginLock.as_str()).await.len(), 1);
    assert_eq!(
        count(
            &shop,
            "select count(*) from mails where kind = 'sign_ins_fail'"
        )
        .await,
        3,
        "of this run once that it is held up, once that it is locked"
    );
    let rows = count(
        &shop,
        "select count(*) from audit_events where details::text like '%@%'",
    )
    .await;
    assert_eq!(rows, 0, "no address is written down");
    shop.end().await;
}

#[tokio::test]
async fn counters_go_when_they_count_nothing_any_more() {
    let shop = proxied().await;
    let ada = shop.user("ada").await;
    let thief = shop.visitor();
    guess(&thief, &email("ada"), WRONG, "10.0.0.1").await;
    guess(&thief, "nobody@example.org", WRONG, "10.0.0.1").await;
    let state = shop.server().state();
    let rows = "select (select count(*) from account_throttles)
                     + (select count(*) from address_throttles) + (select count(*) from devices)";

    let mut left = Vec::new();
    for days in [0, 1, 28, 1, 334, 1] {
        shop.advance(TimeDelta::days(days));
        purge::purge_once(&state.database, &state.clock)
            .await
            .unwrap();
        left.push(count(&shop, rows).await);
    }

    // One of registering, one of guessing; two accounts; a browser.
    assert_eq!(left, [5, 3, 3, 1, 1, 0]);
    drop(ada);
    shop.end().await;
}
