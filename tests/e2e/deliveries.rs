//! One token, one delivery, with tokens that the shop minted.

use chrono::TimeDelta;
use reqwest::Method;
use tests::{client::Client, world::World};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const BOOK: &[u8] = b"It was a dark and stormy night; the rain fell in torrents.";

struct Sale {
    world: World,
    ada: Client,
    file: String,
}

async fn sale() -> Sale {
    let world = World::start().await;
    world
        .publish("field-guide", 1_200, &[("guide.txt", BOOK)])
        .await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "field-guide").await;
    Sale { world, ada, file }
}

impl Sale {
    async fn link(&self) -> String {
        let answer = self
            .ada
            .get(&format!("/library/files/{}/download", self.file))
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.location().to_owned()
    }
}

#[tokio::test]
async fn the_buyer_gets_the_file_once_and_with_its_lease_again() {
    let sale = sale().await;
    let link = sale.link().await;
    let browser = sale.world.anyone();

    let first = browser.get(&link).await;
    assert_eq!((first.status.as_u16(), first.body.as_slice()), (200, BOOK));
    assert!(first.header("content-disposition").contains("guide.txt"));

    let copied = sale.world.anyone();
    assert_eq!(
        copied.get(&link).await.status,
        410,
        "without the lease the address is dead"
    );
    let rest = browser
        .send(
            browser
                .request(Method::GET, &link)
                .header("range", "bytes=10-"),
        )
        .await;
    assert_eq!(
        (rest.status.as_u16(), rest.body.as_slice()),
        (206, &BOOK[10..])
    );
    sale.world.end().await;
}

#[tokio::test]
async fn a_spent_link_opened_in_a_browser_leads_to_the_library_where_nothing_is_minted() {
    let sale = sale().await;
    let link = sale.link().await;
    sale.world.anyone().get(&link).await;
    let minted_before = n_minted(&sale.world).await;

    let person = sale.world.anyone();
    let opened = person
        .send(
            person
                .request(Method::GET, &link)
                .header("accept", "text/html,*/*;q=0.8"),
        )
        .await;
    assert_eq!(opened.status, 303);
    assert_eq!(
        opened.location(),
        format!("{}/library?file={}", sale.world.url(), sale.file)
    );
    let page = sale.ada.get(opened.location()).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text()
            .contains(&format!("/library/files/{}/download", sale.file))
    );
    assert_eq!(n_minted(&sale.world).await, minted_before);
    sale.world.end().await;
}

async fn n_minted(world: &World) -> i64 {
    let db = world.database.client().await;
    db.query_one("select count(*) from mints", &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn of_a_thousand_parallel_claims_exactly_one_wins() {
    let sale = sale().await;
    let link = sale.link().await;

    let address = sale.world.node().url.authority();
    let path = link.split_once(&address).unwrap().1;
    let claims = (0..1_000).map(|_| status_of(&address, path));
    let statuses = futures_util::future::join_all(claims).await;

    assert_eq!(statuses.iter().filter(|status| *status == "200").count(), 1);
    assert_eq!(
        statuses.iter().filter(|status| *status == "410").count(),
        999
    );
    sale.world.end().await;
}

/// The status of a bare GET on a connection of its own.
async fn status_of(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer)
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_download_link_dies_after_its_lifetime_and_its_lease_a_day_later() {
    let sale = sale().await;
    let unused = sale.link().await;
    let used = sale.link().await;
    let browser = sale.world.anyone();
    browser.get(&used).await;

    sale.world.advance(TimeDelta::seconds(120));
    let late = sale.world.anyone().get(&unused).await;
    assert_eq!(
        (late.status.as_u16(), late.code().as_str()),
        (410, "expired")
    );
    assert_eq!(
        browser.get(&used).await.status,
        200,
        "the lease outlives the token"
    );

    sale.world.advance(TimeDelta::hours(24));
    assert!(sale.world.node().server().refresh_keys().await);
    assert_eq!(browser.get(&used).await.status, 410, "and ends itself");
    sale.world.end().await;
}

#[tokio::test]
async fn a_file_missing_in_the_store_is_503_and_costs_no_token() {
    let sale = sale().await;
    let link = sale.link().await;
    let key = sale.ada.get("/api/v1/library").await.json()["items"][0]["files"][0]["sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = sale
        .world
        .folder
        .path()
        .join("files/sha256")
        .join(&key[..2])
        .join(&key[2..4])
        .join(&key);
    let hidden = path.with_extension("hidden");
    std::fs::rename(&path, &hidden).unwrap();

    let missing = sale.world.anyone().get(&link).await;
    assert_eq!(missing.status, 503);
    assert!(!missing.header("retry-after").is_empty());
    assert!(sale.world.log().contains(&key), "the log names the key");

    std::fs::rename(&hidden, &path).unwrap();
    assert_eq!(sale.world.anyone().get(&link).await.status, 200);
    sale.world.end().await;
}

#[tokio::test]
async fn a_program_sends_the_token_as_a_header() {
    let sale = sale().await;
    let minted = sale.world.mint(&sale.ada, &sale.file).await;
    let program = sale.world.anyone();
    let ask = |client: &Client| {
        client
            .request(Method::GET, minted["bearer_url"].as_str().unwrap())
            .bearer_auth(minted["token"].as_str().unwrap())
    };

    let answer = program.send(ask(&program)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_slice()),
        (200, BOOK)
    );
    let again = sale.world.anyone();
    assert_eq!(again.send(ask(&again)).await.status, 410);
    assert_eq!(
        program.send(ask(&program)).await.status,
        200,
        "its lease counts here too"
    );
    sale.world.end().await;
}

#[tokio::test]
async fn no_restart_of_the_download_server_makes_a_used_token_usable() {
    for apart in [-2, -1, 0, 1, 2] {
        let mut sale = sale().await;
        let link = sale.link().await;
        let lessee = sale.world.anyone();
        assert_eq!(lessee.get(&link).await.status, 200);

        let theirs =
            shared::clock::Clock::manual(sale.world.clock.now() + TimeDelta::seconds(apart));
        sale.world.nodes_mut()[0].restart(theirs.clone()).await;
        // Second by second while the server warms up, and around the end of the token's life.
        let steps = [vec![1; 8], vec![100], vec![1; 25]].concat();
        for step in steps {
            let status = sale.world.anyone().get(&link).await.status;
            assert!(
                [410, 503].contains(&status.as_u16()),
                "{status} with clocks {apart} s apart"
            );
            sale.world.advance(TimeDelta::seconds(step));
            theirs.advance(TimeDelta::seconds(step));
        }
        assert_eq!(
            lessee.get(&link).await.status,
            200,
            "the lease survives the restart"
        );
        sale.world.end().await;
    }
}

#[tokio::test]
async fn a_retired_key_ends_its_tokens_and_leases_within_one_refresh() {
    let sale = sale().await;
    let unused = sale.link().await;
    let used = sale.link().await;
    let browser = sale.world.anyone();
    browser.get(&used).await;

    let keys = sale.world.config().keys_dir.clone();
    let state = sale.world.server().state();
    let old = state
        .signer
        .key_set()
        .iter()
        .next()
        .unwrap()
        .kid()
        .to_owned();
    let folder = app_server::keys::folder::Folder::new(keys);
    folder.generate(sale.world.clock.now()).unwrap();
    folder.retire(&old, sale.world.clock.now()).unwrap();
    state.signer.reload().unwrap();
    let fresh = sale.link().await;
    assert!(sale.world.node().server().refresh_keys().await);

    assert_eq!(
        sale.world.anyone().get(&fresh).await.status,
        200,
        "the successor signs at once"
    );
    assert_eq!(sale.world.anyone().get(&unused).await.status, 403);
    assert_eq!(browser.get(&used).await.status, 403, "the lease too");
    sale.world.end().await;
}

#[tokio::test]
async fn what_ends_an_account_ends_its_new_tokens_at_once() {
    let sale = sale().await;
    sale.ada.api(Method::DELETE, "/session", None).await;
    let signed_out = sale
        .ada
        .get(&format!("/library/files/{}/download", sale.file))
        .await;
    assert_eq!(signed_out.status, 401);

    sale.ada.sign_in("ada").await;
    sale.world
        .sabotage("update purchases set refunded_at = purchased_at")
        .await;
    let refunded = sale
        .ada
        .get(&format!("/library/files/{}/download", sale.file))
        .await;
    assert_eq!(refunded.status, 404);
    sale.world.end().await;
}
