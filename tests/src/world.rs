//! The whole shop: app-server, download servers, and a catalogue, in this process.

use std::{net::TcpListener, ops::Deref, path::Path, time::Duration};

use chrono::TimeDelta;
use download_server::config::{Config, Jwks, LeaseKey};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{base_url::BaseUrl, clock::Clock};

use crate::{client::Client, cut::Relay, shop::Shop};

/// A shop with download servers. Everything a [`Shop`] can do, it can.
pub struct World {
    shop: Shop,
    nodes: Vec<Node>,
}

/// A download server.
pub struct Node {
    /// Its audience.
    pub url: BaseUrl,
    /// Its own handle on the time: the shop's, unless it was given another.
    pub clock: Clock,
    /// What it was started with, and will be again.
    pub config: Config,
    listen: std::net::SocketAddr,
    server: Option<download_server::Running>,
}

/// More than MAX_CLOCK_SKEW_SECS: until then a new download server takes no claims.
pub const WARM_UP: TimeDelta = TimeDelta::seconds(4);

impl World {
    /// One app-server, one download server.
    pub async fn start() -> Self {
        Self::with(1, &[]).await
    }

    /// One app-server with these variables, and `n_nodes` download servers.
    pub async fn with(n_nodes: usize, variables: &[(&str, &str)]) -> Self {
        let listeners: Vec<_> = (0..n_nodes)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
            .collect();
        let urls: Vec<_> = listeners
            .iter()
            .map(|listener| format!("http://{}", listener.local_addr().expect("bound")))
            .collect();
        Self::assemble(listeners, &urls, variables).await
    }

    /// One app-server, and one download server that calls itself what `relay` is reached at.
    pub async fn behind(relay: &Relay) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        relay.lead_to(listener.local_addr().expect("bound"));
        Self::assemble(vec![listener], &[relay.url()], &[]).await
    }

    async fn assemble(
        listeners: Vec<TcpListener>,
        urls: &[String],
        variables: &[(&str, &str)],
    ) -> Self {
        let all = urls.join(",");
        let mut variables = variables.to_vec();
        variables.push(("DOWNLOAD_URLS", &all));
        let shop = Shop::with(&variables).await;
        let mut world = Self {
            shop,
            nodes: Vec::new(),
        };
        for (listener, url) in listeners.into_iter().zip(urls) {
            let node = Node::start(&world.shop, url, listener, world.shop.clock.clone()).await;
            world.nodes.push(node);
        }
        world.warm_up().await;
        world
    }

    /// Lets the clock pass a new download server's first seconds, and the shop notice.
    pub async fn warm_up(&self) {
        self.shop.advance(WARM_UP);
        for node in &self.nodes {
            let readiness = node.url.join("/readyz");
            while self.shop.visitor().get(&readiness).await.status != 200 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        self.shop.server().state().nodes.probe_all().await;
    }

    /// The only, or the first, download server.
    pub fn node(&self) -> &Node {
        &self.nodes[0]
    }

    /// All download servers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All download servers, to stop and start them.
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// The app-server's half, to stop and start it.
    pub fn shop_mut(&mut self) -> &mut Shop {
        &mut self.shop
    }

    /// Publishes a product, as `app-server catalogue import` would; again, to replace its files.
    pub async fn publish(&self, slug: &str, price_cents: u32, files: &[(&str, &[u8])]) {
        let folder = self.shop.folder.path().join("catalogue");
        write_product(&folder.join(slug), slug, price_cents, files);
        let state = self.shop.server().state();
        let imported = app_server::actions::import_catalogue::run(
            &state.database,
            &state.files,
            &state.clock,
            &folder,
        )
        .await;
        imported.expect("an import");
    }

    /// Orders a product and pays for it; the file's identifier.
    pub async fn buy(&self, buyer: &Client, slug: &str) -> String {
        let product = buyer.get(&format!("/api/v1/products/{slug}")).await.json();
        let body = json!({"product_ids": [product["id"]]});
        let key = format!("buy-{slug}");
        let order = buyer
            .api_with(
                Method::POST,
                "/orders",
                Some(body),
                &[("idempotency-key", &key)],
            )
            .await;
        assert_eq!(order.status, 201, "{}", order.text());
        let order = order.json();
        if order["status"] == "pending" {
            let path = format!("/orders/{}/payment", order["id"].as_str().expect("an id"));
            let paid = buyer.api(Method::POST, &path, None).await;
            assert_eq!(paid.status, 200, "{}", paid.text());
        }
        product["files"][0]["id"]
            .as_str()
            .expect("a file")
            .to_owned()
    }

    /// Mints a token for a file by the API: `url`, `token`, `bearer_url`, `expires_at`.
    pub async fn mint(&self, buyer: &Client, file: &str) -> Value {
        let answer = buyer
            .api(
                Method::POST,
                &format!("/library/files/{file}/downloads"),
                None,
            )
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let minted = answer.json();
        let token = minted["token"].as_str().expect("a token").to_owned();
        self.shop
            .secrets
            .lock()
            .expect("no panic while noting")
            .push(token);
        minted
    }

    /// Somebody with nothing but an address: no cookie of the shop.
    pub fn anyone(&self) -> Client {
        Client::new(
            self.node().url.as_str(),
            &self.shop.url(),
            self.shop.secrets.clone(),
        )
    }

    /// Ends it, with the search for secrets.
    pub async fn end(self) {
        for node in self.nodes {
            if let Some(server) = node.server {
                server.kill().await;
            }
        }
        self.shop.end().await;
    }
}

impl Deref for World {
    type Target = Shop;

    fn deref(&self) -> &Shop {
        &self.shop
    }
}

impl Node {
    async fn start(shop: &Shop, url: &str, listener: TcpListener, clock: Clock) -> Self {
        let url: BaseUrl = url.parse().expect("an address");
        let listen = listener.local_addr().expect("bound");
        let issuer = shop.config().app_url.clone();
        let mut config = Config::new(url.clone(), issuer, Jwks::Issuer, &shop.config().files_url);
        config.bucket = shop.config().bucket.clone();
        config.workers = 1;
        // How often the shop may be asked for its keys is no matter of these tests.
        config.jwks_pause = Duration::from_millis(50);
        config.lease_key = LeaseKey::parse(&"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into());
        let server = download_server::start(config.clone(), clock.clone(), listener)
            .await
            .expect("a download server");
        Self {
            url,
            clock,
            config,
            listen,
            server: Some(server),
        }
    }

    /// The running server.
    pub fn server(&self) -> &download_server::Running {
        self.server.as_ref().expect("running until it is stopped")
    }

    /// Stops it at once; connections break.
    pub async fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill().await;
        }
    }

    /// Stops it and starts it again at the same address, by `clock`.
    pub async fn restart(&mut self, clock: Clock) {
        self.kill().await;
        let listener = TcpListener::bind(self.listen).expect("the port just left");
        let server = download_server::start(self.config.clone(), clock.clone(), listener)
            .await
            .expect("a download server");
        self.clock = clock;
        self.server = Some(server);
    }
}

fn write_product(folder: &Path, slug: &str, price_cents: u32, files: &[(&str, &[u8])]) {
    let product = format!(
        "slug = \"{slug}\"\ntitle = \"Title of {slug}\"\nsummary = \"Summary of {slug}\"\nprice = {price_cents}\ncurrency = \"EUR\"\ntags = [\"test\"]\n"
    );
    std::fs::create_dir_all(folder.join("files")).expect("a folder");
    std::fs::write(folder.join("product.toml"), product).expect("a file");
    std::fs::write(folder.join("description.md"), "A *description*.").expect("a file");
    for (name, content) in files {
        std::fs::write(folder.join("files").join(name), content).expect("a file");
    }
}
