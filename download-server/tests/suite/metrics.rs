//! What the server tells Prometheus, and what it writes into its log about a delivery.

use crate::{node::Node, wire::exchange, wire::request};

/// A node that tells its numbers, and every sample it tells.
async fn measured() -> Node {
    Node::with(|config| config.metrics_listen = Some(([127, 0, 0, 1], 0).into())).await
}

/// The value of the sample called `name`, labels included.
async fn sample(node: &Node, name: &str) -> Option<f64> {
    let address = node.running.metrics_address.unwrap();
    let answer = exchange(address, &request("GET", "/metrics", &[]))
        .await
        .unwrap();
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[actix_web::test]
async fn deliveries_claims_and_refusals_are_counted() {
    let node = measured().await;
    let link = node.link();
    node.get(&link).await;
    node.get(&link).await;
    node.get("/d/x").await;
    node.until_idle().await;

    for (name, value) in [
        ("claimcheck_download_claims_total", 1.0),
        ("claimcheck_download_sent_bytes_total", 1_000.0),
        (
            "claimcheck_download_deliveries_total{ending=\"complete\"}",
            1.0,
        ),
        ("claimcheck_download_refusals_total{code=\"used\"}", 1.0),
        (
            "claimcheck_download_refusals_total{code=\"malformed\"}",
            1.0,
        ),
        ("claimcheck_download_first_byte_seconds_count", 1.0),
        ("claimcheck_download_ledger_entries", 1.0),
        ("claimcheck_download_streams", 0.0),
        ("claimcheck_download_keys", 1.0),
    ] {
        assert_eq!(sample(&node, name).await, Some(value), "{name}");
    }
}

#[actix_web::test]
async fn the_age_of_the_keys_and_failed_readings_show_an_outage() {
    let node = measured().await;
    std::fs::remove_file(node.jwks_file()).unwrap();
    let age = sample(&node, "claimcheck_download_keys_age_seconds")
        .await
        .unwrap();

    node.pass(60);
    assert!(!node.running.refresh_keys().await);

    let later = sample(&node, "claimcheck_download_keys_age_seconds")
        .await
        .unwrap();
    assert!((59.5..60.5).contains(&(later - age)), "{age}, {later}");
    let failures = node.running.n_failed_readings();
    let (reason, n_failed) = failures
        .iter()
        .find(|(_, n_failed)| **n_failed > 0)
        .unwrap();
    let name = format!("claimcheck_download_key_failures_total{{reason=\"{reason}\"}}");
    assert!(sample(&node, &name).await.unwrap() >= 1.0, "{n_failed}");
}

#[actix_web::test]
async fn nothing_but_numbers_is_told_and_only_there() {
    let node = measured().await;
    let link = node.link();
    node.get(&link).await;
    let address = node.running.metrics_address.unwrap();
    let answer = exchange(address, &request("GET", "/metrics", &[]))
        .await
        .unwrap();

    assert!(!answer.text().contains(link.trim_start_matches("/d/")));
    assert_eq!(
        exchange(address, &request("GET", "/d/x", &[]))
            .await
            .unwrap()
            .status,
        404
    );
    assert_eq!(node.get("/metrics").await.status, 404);
}
