//! A shop whose keys cannot be had, or asked for too often.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use serde_json::json;
use shared::{clock::Clock, token::DownloadToken};

use crate::{
    issuer::{Fault, Issuer, Manners},
    node::{Node, START, Signer},
    program::Site,
};

/// Longer than a good answer takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);

async fn node_and_shop() -> (Node, Issuer) {
    let issuer = Issuer::start(START).await;
    let node = Node::with(|config| {
        issuer.serve(config);
        config.jwks_deadline = DEADLINE;
        config.jwks_pause = PAUSE;
    })
    .await;
    issuer.publish(&[&node.signer.public]);
    issuer.change(|manners| manners.date = Some(node.clock.unix_secs()));
    assert!(node.running.refresh_keys().await);
    (node, issuer)
}

fn link(node: &Node, issuer: &Issuer, signer: &Signer) -> String {
    let claims = DownloadToken {
        iss: issuer.url(),
        ..node.claims()
    };
    format!("/d/{}", signer.sign(&claims))
}

/// Every way in which a shop may fail to say its keys, with the word that counts it.
fn faults(good: &Manners) -> Vec<(&'static str, Manners)> {
    let body = |body: &str| Manners {
        body: body.to_owned(),
        ..good.clone()
    };
    let status = |status| Manners {
        status,
        ..good.clone()
    };
    let fault = |fault| Manners {
        fault: Some(fault),
        ..good.clone()
    };
    let mut private: serde_json::Value = serde_json::from_str(&good.body).unwrap();
    private["keys"][0]["d"] = URL_SAFE_NO_PAD.encode([7; 32]).into();
    let redirect = Manners {
        location: Some("http://127.0.0.1:9/keys".to_owned()),
        ..status(302)
    };
    vec![
        ("status", status(404)),
        ("status", status(500)),
        ("status", redirect),
        ("malformed", body("<html>We are moving</html>")),
        ("malformed", body("null")),
        ("malformed", body(r#"{"keys":{}}"#)),
        (
            "malformed",
            body(&good.body.replace("\"kid\":\"", "\"kid\":\"x")),
        ),
        ("malformed", body("")),
        ("private", body(&private.to_string())),
        ("empty", body(r#"{"keys":[]}"#)),
        (
            "empty",
            body(&json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}).to_string()),
        ),
        (
            "too_large",
            body(&format!("{}{}", good.body, " ".repeat(70_000))),
        ),
        ("too_large", fault(Fault::Endless)),
        ("unreachable", fault(Fault::Gone)),
        ("unreachable", fault(Fault::Cut)),
        ("slow", fault(Fault::Silent)),
    ]
}

#[actix_web::test]
async fn whatever_is_wrong_with_the_keys_the_last_good_ones_serve_and_the_fault_is_counted() {
    let (node, issuer) = node_and_shop().await;
    let good = issuer.change(|manners| manners.clone());
    let mut age_secs = 0;

    for (word, manners) in faults(&good) {
        let before = node.running.n_failed_readings();
        issuer.change(|current| *current = manners.clone());
        node.pass(1);
        age_secs += 1;

        assert!(!node.running.refresh_keys().await, "{manners:?}");

        let mut expected = before;
        *expected.get_mut(word).unwrap() += 1;
        assert_eq!(node.running.n_failed_readings(), expected, "{manners:?}");
        let link = link(&node, &issuer, &node.signer);
        assert_eq!(node.get(&link).await.status, 200, "{manners:?}");
        let (status, body) = node.ready().await;
        assert_eq!((status, &body["keys_age_secs"]), (200, &age_secs.into()));
    }

    issuer.change(|manners| *manners = good);
    issuer.change(|manners| manners.date = Some(node.clock.unix_secs()));
    assert!(
        node.running.refresh_keys().await,
        "it is well again by itself"
    );
    assert_eq!(node.running.keys_age_secs(), Some(0));
}

#[actix_web::test]
async fn an_outage_of_the_shop_is_logged_once_and_so_is_its_end() {
    let issuer = Issuer::start(Clock::system().unix_secs()).await;
    issuer.publish(&[&Signer::new().public]);
    let site = Site::new();
    let url = issuer.url();
    let program = site
        .start(&[
            ("JWKS_FILE", ""),
            ("ISSUER", &url),
            ("JWKS_REFRESH_SECS", "1"),
            ("MAX_CLOCK_SKEW_SECS", "60"),
        ])
        .await;
    let asked_again = async |n_times: usize| {
        let enough = issuer.change(|manners| manners.n_asked) + n_times;
        while issuer.change(|manners| manners.n_asked) < enough {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };

    issuer.change(|manners| manners.status = 500);
    program.until_logged("the shop's keys cannot be read").await;
    asked_again(3).await;
    assert_eq!(program.n_logged("the shop's keys cannot be read"), 1);

    issuer.change(|manners| manners.status = 200);
    program.until_logged("the shop's keys are read again").await;
    asked_again(2).await;
    assert_eq!(program.n_logged("the shop's keys are read again"), 1);
}

#[actix_web::test]
async fn a_storm_of_unknown_keys_asks_the_shop_once_a_pause() {
    let (node, issuer) = node_and_shop().await;
    let unknown = link(&node, &issuer, &Signer::new());
    let n_asked = || issuer.change(|manners| manners.n_asked);
    let (before, begun) = (n_asked(), Instant::now());

    for _ in 0..3 {
        let answers = join_all((0..100).map(|_| node.get(&unknown))).await;
        assert!(answers.iter().all(|answer| answer.status == 403));
    }

    let n_pauses = begun.elapsed().as_millis() / PAUSE.as_millis();
    let n_asked = (n_asked() - before) as u128;
    assert!(
        (3..=n_pauses + 2).contains(&n_asked),
        "{n_asked} in {n_pauses}"
    );
}

#[actix_web::test]
async fn a_storm_of_unknown_keys_during_an_outage_stops_nobody_else() {
    let (node, issuer) = node_and_shop().await;
    let unknown = link(&node, &issuer, &Signer::new());
    issuer.change(|manners| manners.fault = Some(Fault::Silent));

    let storm = join_all((0..100).map(|_| node.get(&unknown)));
    let buyers = async {
        for _ in 0..20 {
            let good = link(&node, &issuer, &node.signer);
            assert_eq!(node.get(&good).await.status, 200);
        }
        issuer.change(|manners| manners.fault = None);
    };
    let (answers, ()) = tokio::join!(storm, buyers);

    // Those that saw the outage may come again, the others were judged by the shop's answer.
    assert!(
        answers
            .iter()
            .all(|answer| [403, 503].contains(&answer.status))
    );
    assert_eq!(node.get(&unknown).await.status, 403);
}
