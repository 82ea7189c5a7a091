//! Whether the time a refused sign-in takes tells if the address is known.
//!
//! 2 × 200 sign-ins with a wrong password, to known and unknown addresses in turns, over a real
//! socket; then a rank test of their times. `make bench-sign-in` writes the outcome into
//! docs/benchmarks.md.

mod rank;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use tests::{
    client::{Client, email},
    shop::Shop,
};

/// Samples of each kind.
const SAMPLES: usize = 200;

/// Accounts: each is guessed at four times, one less than holds it up.
const ACCOUNTS: usize = SAMPLES / 4;

const BEGIN: &str = "<!-- sign-in: written by `make bench-sign-in` -->\n";
const END: &str = "<!-- end of sign-in -->";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let shop = Shop::with(&[("TRUSTED_PROXIES", "127.0.0.0/8,::1/128")]).await;
    for nth in 0..ACCOUNTS {
        shop.user(&format!("user-{nth}")).await;
    }
    let guesser = Guesser::new(&shop).await?;
    for nth in 0..20 {
        guesser.guess(&format!("warm-up-{nth}"), nth).await?;
    }

    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for nth in 0..SAMPLES {
        let account = nth % ACCOUNTS;
        let turns = [("user", &mut known), ("nobody", &mut unknown)];
        // Who begins alternates, so that what drifts meets both alike.
        let turns: Vec<_> = if nth % 2 == 0 {
            turns.into_iter().collect()
        } else {
            turns.into_iter().rev().collect()
        };
        for (kind, times) in turns {
            let took = guesser
                .guess(&format!("{kind}-{account}"), 100 + nth)
                .await?;
            times.push(took);
        }
    }
    let figures = report(&known, &unknown);
    println!("{figures}");
    if std::env::args().any(|argument| argument == "--write") {
        write(&figures)?;
    }
    shop.end().await;
    Ok(())
}

/// A client on one connection, as close to the server as an attacker can be.
struct Guesser {
    http: reqwest::Client,
    url: String,
    origin: String,
    cookies: String,
    token: String,
}

impl Guesser {
    async fn new(shop: &Shop) -> anyhow::Result<Self> {
        let visitor: Client = shop.visitor();
        let token = visitor.csrf_token().await;
        Ok(Self {
            http: reqwest::Client::builder().tcp_nodelay(true).build()?,
            url: format!("{}/api/v1/session", shop.url()),
            origin: shop.url(),
            cookies: visitor.cookies(),
            token,
        })
    }

    /// How long it takes until a wrong password is refused, asked from an address of its own.
    async fn guess(&self, name: &str, nth: usize) -> anyhow::Result<Duration> {
        let body = json!({"email": email(name), "password": "not the right passphrase"});
        let request = self
            .http
            .request(Method::POST, &self.url)
            .header("origin", &self.origin)
            .header("cookie", &self.cookies)
            .header("x-csrf-token", &self.token)
            .header(
                "x-forwarded-for",
                format!("10.0.{}.{}", nth / 250, nth % 250),
            )
            .json(&body)
            .build()?;
        let started = Instant::now();
        let answer = self.http.execute(request).await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let took = started.elapsed();
        ensure!(status == 401, "{status}: {body:?}");
        Ok(took)
    }
}

fn report(known: &[Duration], unknown: &[Duration]) -> String {
    let millis = |times: &[Duration]| -> Vec<f64> {
        times.iter().map(|time| time.as_secs_f64() * 1e3).collect()
    };
    let (known, unknown) = (millis(known), millis(unknown));
    let test = rank::mann_whitney(&known, &unknown);
    let found = (1..=100)
        .map(|step| f64::from(step) * 0.05)
        .find(|shift| {
            let slower: Vec<f64> = known.iter().map(|time| time + shift).collect();
            rank::mann_whitney(&slower, &unknown).p < 0.01
        })
        .map_or("more than 5 ms".to_owned(), |shift| {
            format!("{shift:.2} ms")
        });
    let build = if cfg!(debug_assertions) {
        "a debug build, with argon2 optimised"
    } else {
        "a release build"
    };
    let mut text = format!(
        "{SAMPLES} samples each, in turns, over one connection on loopback; {build}.\n\n\
         | a wrong password for | median ms | 10 %–90 % |\n| --- | --- | --- |\n"
    );
    for (kind, times) in [("a known address", &known), ("an unknown one", &unknown)] {
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|share| rank::quantile(times, share));
        text += &format!("| {kind} | {middle:.2} | {low:.2}–{high:.2} |\n");
    }
    text += &format!(
        "\nMann–Whitney U = {:.0}, two-sided p = {:.3}; a known address was the slower one in {:.1} % of all pairs.\n\
         Had known addresses taken {found} longer, p would have been below 0.01.\n",
        test.u,
        test.p,
        test.share * 100.0,
    );
    text
}

fn write(figures: &str) -> anyhow::Result<()> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = tests.with_file_name("docs").join("benchmarks.md");
    let text = fs::read_to_string(&path).context("docs/benchmarks.md")?;
    let (before, rest) = text.split_once(BEGIN).context("no first mark")?;
    let (_, after) = rest.split_once(END).context("no last mark")?;
    fs::write(path, format!("{before}{BEGIN}\n{figures}\n{END}{after}"))?;
    Ok(())
}
