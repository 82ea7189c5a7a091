//! The demo as a person meets it: started, bought from, stopped, started again, killed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and may block"
)]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use app_server::domain::totp::TotpSecret;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

/// A directory of this test's own, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("claimcheck-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running demo.
struct Demo {
    process: Child,
    output: BufReader<ChildStdout>,
    /// All that it printed before it was ready.
    said: String,
    shop: String,
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .env("DEMO_DIR", directory)
        .env("APP_LISTEN", "127.0.0.1:0")
        .env("DOWNLOAD_LISTEN", "127.0.0.1:0")
        .env(
            "DATABASE_URL",
            "postgresql://nobody@nowhere.example/ignored",
        )
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped());
    command
}

impl Demo {
    fn start(directory: &Path) -> Self {
        let mut process = command(directory).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ctrl-C") {
            let n_bytes = output.read_line(&mut said).unwrap();
            assert!(n_bytes > 0, "the demo ended: {said}");
        }
        let shop = said
            .lines()
            .find_map(|line| line.strip_prefix("shop "))
            .unwrap()
            .to_owned();
        assert!(shop.starts_with("http://localhost:"), "{said}");
        assert!(said.contains("\ndownloads http://127.0.0.1:"), "{said}");
        assert!(said.contains(&format!("\nmail {shop}/dev/mail")), "{said}");
        Self {
            process,
            output,
            said,
            shop,
        }
    }

    /// Ctrl-C.
    fn interrupt(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let status = self.process.wait().unwrap();
        let mut rest = String::new();
        while self.output.read_line(&mut rest).unwrap() > 0 {}
        status
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Somebody signed in with the password that the demo keeps in its file.
struct Buyer {
    http: Client,
    shop: String,
    csrf: String,
}

impl Buyer {
    async fn sign_in(demo: &Demo, directory: &Path) -> Self {
        let accounts = fs::read_to_string(directory.join("accounts.txt")).unwrap();
        let line = accounts
            .lines()
            .find(|line| line.starts_with("buyer"))
            .unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut buyer = Self {
            http: Client::builder().cookie_store(true).build().unwrap(),
            shop: demo.shop.clone(),
            csrf: String::new(),
        };
        for (method, body) in [
            ("GET", Value::Null),
            (
                "POST",
                json!({"email": words[1], "password": words[2], "remember": false}),
            ),
        ] {
            let session = buyer.ask(method, "/session", &body).await;
            session["csrf_token"]
                .as_str()
                .unwrap()
                .clone_into(&mut buyer.csrf);
        }
        buyer
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_to(method, path, body).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn try_to(&self, method: &str, path: &str, body: &Value) -> Response {
        let url = format!("{}/api/v1{path}", self.shop);
        let mut request = self.http.request(method.parse().unwrap(), url);
        if method != "GET" {
            request = request
                .header("Origin", &self.shop)
                .header("X-CSRF-Token", &self.csrf)
                .header("Idempotency-Key", "the-only-order")
                .json(body);
        }
        request.send().await.unwrap()
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let hex = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap();
    digest
        .as_ref()
        .iter()
        .flat_map(|byte| [hex(byte >> 4), hex(byte & 15)])
        .collect()
}

/// True while a PostgreSQL runs on the demo's data.
fn database_runs(directory: &Path) -> bool {
    directory.join("db/data/postmaster.pid").exists()
}

#[tokio::main(flavor = "current_thread")]
async fn buy_and_download(demo: &Demo, directory: &Path) {
    let buyer = Buyer::sign_in(demo, directory).await;
    let products = buyer.ask("GET", "/products?limit=100", &Value::Null).await;
    let products = products["items"].as_array().unwrap();
    assert!(products.len() >= 8, "{} products", products.len());
    let ids: Vec<&Value> = products.iter().map(|product| &product["id"]).collect();
    for product in products {
        let cover = format!("{}{}", demo.shop, product["cover_url"].as_str().unwrap());
        assert_eq!(
            buyer.http.get(cover).send().await.unwrap().status(),
            StatusCode::OK
        );
    }

    let order = buyer
        .ask("POST", "/orders", &json!({ "product_ids": ids }))
        .await;
    let payment = format!("/orders/{}/payment", order["id"].as_str().unwrap());
    assert_eq!(
        buyer.ask("POST", &payment, &json!({})).await["status"],
        "paid"
    );

    let library = buyer.ask("GET", "/library?limit=100", &Value::Null).await;
    let mut n_bytes = 0;
    for item in library["items"].as_array().unwrap() {
        for file in item["files"].as_array().unwrap() {
            let path = format!("/library/files/{}/downloads", file["id"].as_str().unwrap());
            let link = buyer.ask("POST", &path, &json!({})).await;
            let answer = buyer
                .http
                .get(link["url"].as_str().unwrap())
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let content = answer.bytes().await.unwrap();
            assert_eq!(file["sha256"], sha256(&content), "{file}");
            n_bytes += content.len();
        }
    }
    assert!(
        n_bytes > 256 * 1024 * 1024,
        "{n_bytes} bytes, the large file is missing"
    );
}

/// Signs in as the admin, with the second factor that the file holds.
#[tokio::main(flavor = "current_thread")]
async fn sign_in_as_the_admin(demo: &Demo, directory: &Path) {
    let accounts = fs::read_to_string(directory.join("accounts.txt")).unwrap();
    let words_of = |kind: &str| -> Vec<String> {
        let line = accounts.lines().find(|line| line.starts_with(kind));
        line.unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let (admin, totp) = (words_of("admin"), words_of("totp"));
    let secret = TotpSecret::from_base32(&totp[2]).unwrap();
    assert_eq!(totp[3], *secret.link(&admin[1]));

    let mut browser = Buyer {
        http: Client::builder().cookie_store(true).build().unwrap(),
        shop: demo.shop.clone(),
        csrf: String::new(),
    };
    let session = browser.ask("GET", "/session", &Value::Null).await;
    browser.csrf = session["csrf_token"].as_str().unwrap().to_owned();
    let mut body = json!({"email": admin[1], "password": admin[2]});
    let refused = browser.try_to("POST", "/session", &body).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let refused: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(refused["code"], "second_factor");
    body["code"] = secret.code_at(shared::clock::Clock::system().now()).into();
    let session = browser.ask("POST", "/session", &body).await;
    assert_eq!(session["user"]["role"], "admin");
}

#[tokio::main(flavor = "current_thread")]
async fn owned(demo: &Demo, directory: &Path) -> usize {
    let buyer = Buyer::sign_in(demo, directory).await;
    let library = buyer.ask("GET", "/library?limit=100", &Value::Null).await;
    library["items"].as_array().unwrap().len()
}

#[test]
fn a_shop_opens_sells_stops_and_is_still_there_the_next_time() {
    let directory = Directory::new("demo");
    let first = Demo::start(&directory.0);
    let accounts = directory.0.join("accounts.txt");
    let text = fs::read_to_string(&accounts).unwrap();
    for secret in [&accounts, &directory.0.join("secrets-key")] {
        let mode = fs::metadata(secret).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", secret.display());
    }
    assert!(first.said.contains("otpauth://totp/"), "{}", first.said);
    assert!(
        first.said.contains(&text),
        "the passwords are printed: {}",
        first.said
    );

    buy_and_download(&first, &directory.0);
    assert!(database_runs(&directory.0));
    assert!(first.interrupt().success());
    assert!(!database_runs(&directory.0));

    let second = Demo::start(&directory.0);
    sign_in_as_the_admin(&second, &directory.0);
    assert!(owned(&second, &directory.0) >= 8);
    assert!(
        !second.said.contains(&text),
        "the passwords are printed once"
    );
    assert!(second.said.contains("accounts.txt"), "{}", second.said);
    assert_eq!(fs::read_to_string(&accounts).unwrap(), text);

    second.kill();
    let killed_at = Instant::now();
    while database_runs(&directory.0) {
        assert!(
            killed_at.elapsed() < Duration::from_secs(30),
            "PostgreSQL is still there"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn mistakes_end_the_start_with_2_and_a_taken_port_says_how_to_move() {
    let directory = Directory::new("demo-mistakes");
    let mistaken = command(&directory.0)
        .env("APP_LISTEN", "eighty")
        .env("DOWNLOAD_LISTNE", "x")
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(mistaken.status.code(), Some(2));
    let said = String::from_utf8(mistaken.stderr).unwrap();
    assert!(
        said.contains("APP_LISTEN") && said.contains("DOWNLOAD_LISTNE"),
        "{said}"
    );

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = command(&directory.0)
        .env("APP_LISTEN", &address)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("is in use") && said.contains("APP_LISTEN="),
        "{said}"
    );
    assert!(
        fs::read_dir(&directory.0).unwrap().next().is_none(),
        "nothing was begun"
    );
}
