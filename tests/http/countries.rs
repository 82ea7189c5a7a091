//! The country an address is in, by databases of both shapes.

use std::path::Path;

use app_server::countries::Countries;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    client::{Client, PASSWORD},
    countries,
    shop::{Folder, Shop},
};

async fn shop(database: &Path) -> Shop {
    Shop::with(&[
        ("GEOIP_DB", database.to_str().expect("a name")),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ])
    .await
}

/// Registers `name` from an address, as a proxy tells it.
async fn register_from(shop: &Shop, name: &str, ip: &str) -> Client {
    let visitor = shop.visitor();
    let body = json!({"email": format!("{name}@example.org"), "name": name, "password": PASSWORD});
    let from = [("x-forwarded-for", ip)];
    let answer = visitor
        .api_with(Method::POST, "/users", Some(body), &from)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    visitor
}

async fn country(client: &Client) -> Value {
    let sessions = client.get("/api/v1/sessions").await.json();
    sessions["items"][0]["country"].clone()
}

#[tokio::test]
async fn a_flat_database_tells_the_country_a_session_was_begun_in() {
    let Some(database) = countries::flat() else {
        return;
    };
    let shop = shop(&database).await;
    for (name, ip, expected) in [
        ("ada", "130.216.1.1", json!("NZ")),
        ("bob", "2001:638::1", json!("DE")),
        ("cyd", "10.1.2.3", Value::Null),
    ] {
        let client = register_from(&shop, name, ip).await;
        assert_eq!(country(&client).await, expected, "{ip}");
    }
    shop.end().await;
}

#[tokio::test]
async fn a_database_in_geolites_shape_is_read_too_and_none_knows_nothing() {
    let folder = Folder::new();
    let database = folder.path().join("nested.mmdb");
    countries::write_nested(&database, "NZ");
    let with = shop(&database).await;
    let without = Shop::start().await;

    let ada = register_from(&with, "ada", "130.216.1.1").await;
    assert_eq!(country(&ada).await, "NZ");
    assert!(ada.get("/account/sessions").await.text().contains("(NZ)"));
    assert_eq!(country(&without.user("ada").await).await, Value::Null);
    with.end().await;
    without.end().await;
}

#[test]
fn what_is_no_database_stops_the_start_and_is_named() {
    let folder = Folder::new();
    for (name, content) in [("missing.mmdb", None), ("text.mmdb", Some("no database"))] {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = Countries::open(Some(&path)).err().expect("a refusal");
        let error = format!("{error:#}");
        assert!(
            error.contains("GEOIP_DB") && error.contains(name),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_code_of_a_country_is_not_shown() {
    let folder = Folder::new();
    let path = folder.path().join("odd.mmdb");
    for (stored, told) in [("NZ", Some("NZ")), ("nz", None), ("<b>", None), ("", None)] {
        countries::write_nested(&path, stored);
        let countries = Countries::open(Some(&path)).unwrap();
        assert_eq!(countries.of("130.216.1.1").as_deref(), told, "{stored}");
        assert_eq!(countries.of("unknown"), None);
    }
}
