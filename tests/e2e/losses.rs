//! A download server that is lost, draining, full or there twice, and buyers who notice little.

use std::{net::TcpListener, time::Duration};

use chrono::TimeDelta;
use download_server::config::Config;
use reqwest::{Method, Response};
use serde_json::Value;
use tests::{
    client::Client,
    cut::Relay,
    world::{Node, World},
};

/// More than the kernel's buffers between two sockets hold.
const LARGE_BYTES: usize = 32 * 1024 * 1024;

/// Two download servers, and Ada's files: sixteen small ones on both, a large one on one of them.
struct Fleet {
    world: World,
    ada: Client,
    small: Vec<String>,
    large: String,
    /// The server of the large one.
    home: usize,
}

impl Fleet {
    async fn start() -> Self {
        let world = World::with(2, &[]).await;
        let mut content: Vec<(String, Vec<u8>)> = (0..16)
            .map(|n| (format!("part-{n}.txt"), format!("part {n}").into_bytes()))
            .collect();
        content.push(("large.bin".to_owned(), vec![7; LARGE_BYTES]));
        let content: Vec<(&str, &[u8])> = content
            .iter()
            .map(|(name, content)| (name.as_str(), content.as_slice()))
            .collect();
        world.publish("course", 0, &content).await;
        let ada = world.user("ada").await;
        world.buy(&ada, "course").await;
        let library = ada.get("/api/v1/library").await.json();
        let files = library["items"][0]["files"].as_array().unwrap();
        let id = |file: &Value| file["id"].as_str().unwrap().to_owned();
        let (large, small): (Vec<_>, Vec<_>) =
            files.iter().partition(|file| file["name"] == "large.bin");
        let mut fleet = Self {
            world,
            ada,
            small: small.into_iter().map(id).collect(),
            large: id(large[0]),
            home: 0,
        };
        let link = fleet.link(&fleet.large).await;
        fleet.home = usize::from(link.starts_with(fleet.other()));
        fleet
    }

    async fn probe(&self) {
        self.world.server().state().nodes.probe_all().await;
    }

    async fn link(&self, file: &str) -> String {
        let answer = self
            .ada
            .get(&format!("/library/files/{file}/download"))
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.location().to_owned()
    }

    fn url(&self, node: usize) -> &str {
        self.world.nodes()[node].url.as_str()
    }

    /// The address of the other server.
    fn other(&self) -> &str {
        self.url(1 - self.home)
    }

    fn home(&self) -> &Node {
        &self.world.nodes()[self.home]
    }

    fn home_mut(&mut self) -> &mut Node {
        &mut self.world.nodes_mut()[self.home]
    }

    /// Starts the large file's server anew, with its configuration changed.
    async fn restart_home(&mut self, change: impl FnOnce(&mut Config)) {
        let clock = self.world.clock.clone();
        let home = self.home_mut();
        change(&mut home.config);
        home.restart(clock).await;
        self.world.warm_up().await;
    }

    /// Links to all small files; a minute passes, since a buyer gets sixty in each.
    async fn links(&self) -> Vec<String> {
        self.world.advance(TimeDelta::seconds(60));
        let mut links = Vec::new();
        for file in &self.small {
            links.push(self.link(file).await);
        }
        links
    }

    /// Whether anybody is sent to the large file's server.
    async fn uses_home(&self) -> bool {
        let links = self.links().await;
        links
            .iter()
            .any(|link| link.starts_with(self.url(self.home)))
    }

    /// Whether the large file comes from its own server; no time passes.
    async fn serves_large_at_home(&self) -> bool {
        let link = self.link(&self.large).await;
        link.starts_with(self.url(self.home))
    }

    /// A link of that server to a small file.
    async fn small_link(&self) -> String {
        let links = self.links().await;
        let mut links = links.into_iter();
        let link = links.find(|link| link.starts_with(self.url(self.home)));
        link.expect("one of sixteen")
    }
}

/// A delivery that has begun and waits for its reader.
async fn begin(client: &Client, link: &str) -> Response {
    let answer = client.request(Method::GET, link).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer
}

#[tokio::test]
async fn a_lost_servers_buyers_go_to_the_other_and_come_back_with_it() {
    let mut fleet = Fleet::start().await;
    let browser = fleet.world.anyone();
    let (used, unused) = (fleet.small_link().await, fleet.small_link().await);
    assert_eq!(browser.get(&used).await.status, 200);

    fleet.home_mut().kill().await;
    fleet.probe().await;
    for link in fleet.links().await {
        assert!(link.starts_with(fleet.other()));
        assert_eq!(fleet.world.anyone().get(&link).await.status, 200);
    }

    let clock = fleet.world.clock.clone();
    fleet.home_mut().restart(clock).await;
    fleet.probe().await;
    assert!(!fleet.serves_large_at_home().await, "it has just started");
    fleet.world.warm_up().await;
    for link in fleet.links().await {
        assert_eq!(fleet.world.anyone().get(&link).await.status, 200);
    }
    assert!(fleet.uses_home().await, "its files are its own again");
    assert_eq!(browser.get(&used).await.status, 200, "the lease goes on");
    for link in [used, unused] {
        assert_eq!(fleet.world.anyone().get(&link).await.status, 410);
    }
    fleet.world.end().await;
}

#[tokio::test]
async fn a_draining_server_gets_no_buyers_while_its_deliveries_finish() {
    let mut fleet = Fleet::start().await;
    fleet
        .restart_home(|config| {
            (config.quiet, config.drain) = (Duration::ZERO, Duration::from_mins(1))
        })
        .await;
    let (running, late) = (fleet.link(&fleet.large).await, fleet.small_link().await);
    let delivery = begin(&fleet.world.anyone(), &running).await;

    let drain = fleet.home().server().drain();
    let meanwhile = async {
        tokio::task::yield_now().await;
        fleet.probe().await;
        assert!(!fleet.uses_home().await, "after one question");
        let refused = fleet.world.anyone().get(&late).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (503, "draining")
        );
        delivery.bytes().await.unwrap()
    };
    let ((), received) = tokio::join!(drain, meanwhile);

    assert_eq!(received.len(), LARGE_BYTES, "what ran was finished");
    let elsewhere = fleet.links().await;
    assert!(elsewhere.iter().all(|link| link.starts_with(fleet.other())));
    assert_eq!(fleet.world.anyone().get(&elsewhere[0]).await.status, 200);
    fleet.world.end().await;
}

#[tokio::test]
async fn a_server_at_a_limit_is_passed_over_until_there_is_room() {
    let mut fleet = Fleet::start().await;
    fleet.restart_home(|config| config.max_streams = 1).await;
    let delivery = begin(&fleet.world.anyone(), &fleet.link(&fleet.large).await).await;
    fleet.probe().await;
    assert!(!fleet.serves_large_at_home().await, "at its cap of streams");
    delivery.bytes().await.unwrap();
    while fleet.home().server().n_streams() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fleet.probe().await;
    assert!(fleet.serves_large_at_home().await);

    fleet
        .restart_home(|config| config.ledger_capacity = 1)
        .await;
    let (first, second) = (fleet.small_link().await, fleet.small_link().await);
    assert_eq!(fleet.world.anyone().get(&second).await.status, 200);
    let full = fleet.world.anyone().get(&first).await;
    assert_eq!(
        (full.status.as_u16(), full.code().as_str()),
        (503, "ledger_full")
    );
    fleet.probe().await;
    assert!(!fleet.serves_large_at_home().await, "its ledger is full");

    // When all are at a limit the first choice is used anyway: full is not down.
    let other = 1 - fleet.home;
    fleet.world.nodes_mut()[other].kill().await;
    fleet.probe().await;
    assert!(fleet.serves_large_at_home().await);
    fleet.world.advance(TimeDelta::seconds(120));
    let link = fleet.small_link().await;
    assert_eq!(fleet.world.anyone().get(&link).await.status, 200);
    fleet.world.end().await;
}

#[tokio::test]
async fn two_servers_at_one_address_are_left_out_until_one_is_alone() {
    let line = Relay::start();
    let mut world = World::behind(&line).await;
    world.publish("song", 0, &[("song.txt", b"la la la")]).await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "song").await;
    let path = format!("/library/files/{file}/download");
    let first = world.node().server().address;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = world.node().config.clone();
    let second = download_server::start(config, world.clock.clone(), listener)
        .await
        .unwrap();
    world.warm_up().await;
    let nodes = world.server().state().nodes.clone();

    for address in [second.address, first] {
        line.lead_to(address);
        nodes.probe_all().await;
    }
    assert_eq!(ada.get(&path).await.status, 503);
    assert!(world.log().contains("two processes answer at this address"));

    second.kill().await;
    for _ in 0..30 {
        nodes.probe_all().await;
    }
    let link = ada.get(&path).await.location().to_owned();
    assert_eq!(world.anyone().get(&link).await.status, 200);
    world.nodes_mut()[0].kill().await;
    world.end().await;
}

#[tokio::test]
async fn a_server_that_hangs_is_left_out_until_it_answers() {
    let line = Relay::start();
    let world = World::behind(&line).await;
    world.publish("song", 0, &[("song.txt", b"la la la")]).await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "song").await;
    let path = format!("/library/files/{file}/download");
    let nodes = world.server().state().nodes.clone();
    let early = ada.get(&path).await.location().to_owned();

    line.hold();
    nodes.probe_all().await;
    assert_eq!(ada.get(&path).await.status, 503);
    assert!(world.log().contains("does not answer"));

    line.release();
    nodes.probe_all().await;
    let late = ada.get(&path).await.location().to_owned();
    for link in [early, late] {
        assert_eq!(world.anyone().get(&link).await.status, 200);
        assert_eq!(world.anyone().get(&link).await.status, 410);
    }
    world.end().await;
}

#[tokio::test]
async fn without_the_shop_what_it_gave_out_is_delivered() {
    let mut world = World::start().await;
    world.publish("song", 0, &[("song.txt", b"la la la")]).await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "song").await;
    let path = format!("/library/files/{file}/download");
    let link = ada.get(&path).await.location().to_owned();

    world.shop_mut().stop().await;
    assert!(!world.node().server().refresh_keys().await);
    let browser = world.anyone();
    for _ in 0..2 {
        assert_eq!(browser.get(&link).await.status, 200, "also by its lease");
    }
    assert_eq!(world.anyone().get(&link).await.status, 410);

    world.shop_mut().restart().await;
    assert!(world.node().server().refresh_keys().await);
    world.server().state().nodes.probe_all().await;
    let link = ada.get(&path).await.location().to_owned();
    assert_eq!(world.anyone().get(&link).await.status, 200);
    world.end().await;
}
