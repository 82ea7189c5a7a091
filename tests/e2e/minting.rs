//! Who gets a token, and who does not.

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder};
use tests::{client::Client, world::World};

const FONT: &[u8] = b"not really a font";

async fn sale() -> (World, Client, String) {
    let world = World::start().await;
    world.publish("grotesk", 0, &[("grotesk.otf", FONT)]).await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "grotesk").await;
    (world, ada, file)
}

async fn n_minted(world: &World) -> i64 {
    let db = world.database.client().await;
    db.query_one("select count(*) from mints", &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn only_the_owner_is_sent_to_a_download_server() {
    let (world, ada, file) = sale().await;
    let eve = world.user("eve").await;
    let path = format!("/library/files/{file}/download");

    let owner = ada.get(&path).await;
    assert_eq!(owner.status, 303);
    assert!(
        owner
            .location()
            .starts_with(&format!("{}/d/", world.node().url))
    );
    assert_eq!(owner.header("cache-control"), "no-store");
    assert_eq!(eve.get(&path).await.status, 404);
    assert_eq!(world.visitor().get(&path).await.status, 401);
    for nonsense in [
        "00000000-0000-4000-8000-000000000000",
        "1",
        "..%2f..%2fetc%2fpasswd",
    ] {
        assert_eq!(
            ada.get(&format!("/library/files/{nonsense}/download"))
                .await
                .status,
            404,
            "{nonsense}"
        );
    }
    assert_eq!(n_minted(&world).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_link_on_another_site_mints_nothing() {
    let (world, ada, file) = sale().await;
    let path = format!("/library/files/{file}/download");
    let from = |site: &str| -> RequestBuilder {
        ada.request(Method::GET, &path)
            .header("sec-fetch-site", site)
    };

    for site in ["cross-site", "same-site", "anything-new"] {
        let answer = ada.send(from(site)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (303, format!("/library?file={file}").as_str()),
            "{site}"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(n_minted(&world).await, 0);
    for site in ["same-origin", "none"] {
        assert!(
            ada.send(from(site)).await.location().contains("/d/"),
            "{site}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn looking_ahead_mints_nothing() {
    let (world, ada, file) = sale().await;
    let path = format!("/library/files/{file}/download");

    let head = ada.send(ada.request(Method::HEAD, &path)).await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-length")),
        (200, FONT.len().to_string().as_str())
    );
    assert!(head.header("etag").starts_with('"'));
    let prefetch = ada
        .send(
            ada.request(Method::GET, &path)
                .header("sec-purpose", "prefetch;prerender"),
        )
        .await;
    assert_eq!(prefetch.status, 503);
    assert_eq!(prefetch.header("cache-control"), "no-store");
    assert_eq!(n_minted(&world).await, 0);
    world.end().await;
}

#[tokio::test]
async fn sixty_tokens_a_minute_are_enough_for_anybody_on_whichever_server() {
    let (world, ada, file) = sale().await;
    let (second, base) = world.second_server();
    let elsewhere = ada.at(&base);
    let path = format!("/library/files/{file}/download");

    let mut answers = Vec::new();
    for _ in 0..8 {
        let mints = (0..10).map(|n| {
            let (ada, elsewhere, path, url) = (&ada, &elsewhere, &path, world.url());
            async move {
                if n % 2 == 0 {
                    ada.get(path).await
                } else {
                    elsewhere.get_as(&url, path).await
                }
            }
        });
        answers.extend(futures_util::future::join_all(mints).await);
    }
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 303).count(),
        60
    );
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    assert_eq!(refused.len(), 20);
    assert!(refused.iter().all(|answer| {
        answer
            .header("retry-after")
            .parse::<u64>()
            .is_ok_and(|secs| (1..=60).contains(&secs))
    }));

    world.advance(TimeDelta::seconds(60));
    assert_eq!(ada.get(&path).await.status, 303);
    second.kill().await;
    world.end().await;
}

#[tokio::test]
async fn without_a_download_server_nothing_is_promised() {
    let (mut world, ada, file) = sale().await;
    world.nodes_mut()[0].kill().await;
    world.server().state().nodes.probe_all().await;

    let page = ada.get(&format!("/library/files/{file}/download")).await;
    assert_eq!(page.status, 503);
    let api = ada
        .api(
            Method::POST,
            &format!("/library/files/{file}/downloads"),
            None,
        )
        .await;
    assert_eq!(
        (api.status.as_u16(), api.code().as_str()),
        (503, "unavailable")
    );
    assert_eq!(n_minted(&world).await, 0);
    world.end().await;
}

#[tokio::test]
async fn a_token_tells_nothing_about_a_person() {
    let (world, ada, file) = sale().await;
    let minted = world.mint(&ada, &file).await;
    let token = minted["token"].as_str().unwrap();
    let payload = token.split('.').nth(1).unwrap();
    let payload =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    let payload = String::from_utf8(payload).unwrap();

    // In quotes: three letters of a name may well be three digits of a hash.
    for personal in ["\"ada", "ada@", "example.org", "EUR", "price"] {
        assert!(!payload.contains(personal), "{payload}");
    }
    assert!(token.len() <= 1_000);
    world.end().await;
}

#[tokio::test]
async fn a_download_is_followed_through_both_logs_by_its_jti() {
    let (world, ada, file) = sale().await;
    let minted = world.mint(&ada, &file).await;
    world.anyone().get(minted["url"].as_str().unwrap()).await;
    let db = world.database.client().await;
    let jti: String = db
        .query_one("select jti::text from mints", &[])
        .await
        .unwrap()
        .get(0);

    let log = world.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains(&jti)).collect();
    assert!(
        lines.iter().any(|line| line.contains("app_server")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("download_server")),
        "{lines:?}"
    );
    world.end().await;
}
