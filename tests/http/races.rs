//! What happens at the same moment, a hundred times each.

use app_server::actions::{
    purge::purge_once,
    sessions::{Activity, Found, Origin, Refreshed},
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use shared::clock::Clock;
use tests::{
    client::{Answer, Client},
    shop::Shop,
};

const ROUNDS: usize = 100;

/// Longer than all rounds take together.
const YEAR: &[(&str, &str)] = &[
    ("SESSION_IDLE_SECS", "31536000"),
    ("SESSION_ABSOLUTE_SECS", "31536000"),
    ("ANONYMOUS_PER_ADDRESS", "1000"),
];

/// A shop with one client that sends whichever cookies it is told to, as any tab of any browser.
struct Tabs {
    shop: Shop,
    courier: Client,
}

impl Tabs {
    async fn open() -> Self {
        let shop = Shop::with(YEAR).await;
        let courier = shop.visitor();
        Self { shop, courier }
    }

    async fn ask(&self, base: &str, path: &str, cookies: &str) -> Answer {
        let host = self.shop.url();
        let request = self
            .courier
            .request(Method::GET, &format!("{base}{path}"))
            .header("host", host.trim_start_matches("http://"))
            .header("cookie", cookies)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        self.courier.send(request).await
    }

    /// Goes to a page at the server of this address.
    async fn navigate(&self, base: &str, cookies: &str) -> Answer {
        self.ask(base, "/account", cookies).await
    }

    /// Who one is with these cookies, without using the session.
    async fn is_in(&self, base: &str, cookies: &str) -> bool {
        let host = self.shop.url();
        let request = self
            .courier
            .request(Method::HEAD, &format!("{base}/account"))
            .header("host", host.trim_start_matches("http://"))
            .header("cookie", cookies);
        match self.courier.send(request).await.status.as_u16() {
            200 => true,
            401 => false,
            status => panic!("{status}"),
        }
    }
}

/// The secret that an answer brings the browser, as the cookie it will send.
fn brought(answer: &Answer) -> Option<String> {
    let cookies = answer.set_cookies();
    let ours = cookies
        .iter()
        .find(|cookie| cookie.starts_with("claimcheck-session="))?;
    let pair = ours.split(';').next().unwrap_or_default();
    (!ours.contains("Max-Age=0")).then(|| pair.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_tabs_across_a_rotation_are_all_served_and_one_brings_the_secret() {
    let tabs = Tabs::open().await;
    let here = tabs.shop.url();
    let mut cookies = tabs.shop.user("ada").await.cookies();
    for round in 0..ROUNDS {
        tabs.shop.advance(TimeDelta::minutes(16));

        let answers = join_all((0..20).map(|_| tabs.navigate(&here, &cookies))).await;

        assert!(answers.iter().all(|answer| answer.status == 200), "{round}");
        let mut secrets: Vec<_> = answers.iter().filter_map(brought).collect();
        assert_eq!(secrets.len(), 1, "round {round}");
        cookies = secrets.remove(0);
        assert!(tabs.is_in(&here, &cookies).await, "round {round}");
    }
    tabs.shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_app_servers_rotate_a_session_once() {
    let tabs = Tabs::open().await;
    let here = tabs.shop.url();
    let (second, there) = tabs.shop.second_server();
    let mut cookies = tabs.shop.user("ada").await.cookies();
    for round in 0..ROUNDS {
        tabs.shop.advance(TimeDelta::minutes(16));

        let answers = tokio::join!(
            tabs.navigate(&here, &cookies),
            tabs.navigate(&there, &cookies),
            tabs.navigate(&here, &cookies),
            tabs.navigate(&there, &cookies)
        );

        let answers: [Answer; 4] = answers.into();
        assert!(answers.iter().all(|answer| answer.status == 200), "{round}");
        let mut secrets: Vec<_> = answers.iter().filter_map(brought).collect();
        assert_eq!(secrets.len(), 1, "round {round}");
        cookies = secrets.remove(0);
        for base in [&here, &there] {
            assert!(tabs.is_in(base, &cookies).await, "both know at once");
        }
    }
    second.kill().await;
    tabs.shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_beats_every_write_of_the_same_moment() {
    let tabs = Tabs::open().await;
    let here = tabs.shop.url();
    let (second, there) = tabs.shop.second_server();
    let ada = tabs.shop.user("ada").await;
    for round in 0..ROUNDS {
        ada.sign_in("ada").await;
        let cookies = ada.cookies();
        let token = ada.csrf_token().await;
        // In even rounds the others write `last_seen_at`, in odd ones a new secret.
        let minutes = if round % 2 == 0 { 2 } else { 16 };
        tabs.shop.advance(TimeDelta::minutes(minutes));
        let sign_out = tabs
            .courier
            .request(Method::DELETE, "/api/v1/session")
            .header("origin", &here)
            .header("cookie", &cookies)
            .header("x-csrf-token", token);

        let (out, answers) = tokio::join!(
            tabs.courier.send(sign_out),
            join_all([&here, &there, &here, &there].map(|base| tabs.navigate(base, &cookies)))
        );

        assert_eq!(out.status, 204, "{}", out.text());
        let secrets = answers.iter().filter_map(brought).chain([cookies]);
        for secret in secrets {
            for base in [&here, &there] {
                assert!(!tabs.is_in(base, &secret).await, "round {round}: revived");
            }
        }
    }
    ada.sign_in("ada").await;
    let listed = ada.get("/api/v1/sessions").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    second.kill().await;
    tabs.shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_all_others_leaves_nobody_in_who_is_not_in_the_list() {
    let tabs = Tabs::open().await;
    let ada = tabs.shop.user("ada").await;
    let other = tabs.shop.visitor();
    let (mut refused, mut ended) = (0, 0);
    for round in 0..ROUNDS {
        other.csrf_token().await;

        let (done, signed_in) = tokio::join!(
            ada.api(Method::DELETE, "/sessions", None),
            other.sign_in("ada")
        );

        assert_eq!(done.status, 204, "round {round}: {}", done.text());
        let is_in = other.user().await != Value::Null;
        // What was under way is over, refused before or ended after; a later one is in the list.
        refused += usize::from(signed_in.status == 401);
        ended += usize::from(signed_in.status == 200 && !is_in);
        let listed = ada.get("/api/v1/sessions").await.json();
        let listed = listed["items"].as_array().unwrap().len();
        assert_eq!(listed, 1 + usize::from(is_in), "round {round}");
        assert_eq!(ada.user().await["name"], "ada", "round {round}");
    }
    assert!(refused + ended > 0, "never at the same moment");
    tabs.shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_purge_takes_nothing_that_is_being_used() {
    let shop = Shop::with(YEAR).await;
    let state = shop.server().state();
    for round in 0..ROUNDS {
        let begun = state
            .sessions
            .begin_anonymous("a token", &Origin::command_line())
            .await
            .unwrap();
        let Found::Live(live) = state.sessions.find(&begun.secret).await.unwrap() else {
            panic!("just begun");
        };
        // The last moment: this look has found it alive, and the purge, by a clock a moment ahead,
        // finds it over.
        shop.advance(TimeDelta::days(7) - TimeDelta::microseconds(1));
        let ahead = Clock::manual(shop.clock.now() + TimeDelta::seconds(1));

        let (refreshed, purged) = tokio::join!(
            state
                .sessions
                .refresh(&live, Activity::Use, Origin::command_line),
            purge_once(&state.database, &ahead)
        );

        let kept = matches!(refreshed.unwrap(), Refreshed::Kept);
        let purged = purged.unwrap();
        match state.sessions.find(&begun.secret).await.unwrap() {
            Found::Live(_) => assert!(kept && purged == 0, "round {round}: kept, and told so"),
            Found::Nothing => assert!(!kept && purged == 1, "round {round}: gone, and told so"),
            _ => panic!("round {round}: neither kept nor gone"),
        }
        shop.advance(TimeDelta::days(8));
        purge_once(&state.database, &shop.clock).await.unwrap();
    }
    shop.end().await;
}
