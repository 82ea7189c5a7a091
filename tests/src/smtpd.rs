//! A real SMTP server: PyPI's `aiosmtpd`, which prints what arrives.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::programs::{PYTHON, Running, report_missing};

/// Where `make smtpd` puts it.
const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/smtpd");

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/smtpd.py");

/// A running SMTP server, or one that is stopped for a while.
#[derive(Debug)]
pub struct Smtpd {
    python: PathBuf,
    port: u16,
    running: Option<(Running, Receiver<Value>)>,
}

/// A letter as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived(Value);

impl Smtpd {
    /// Starts one on a free port; `words` are those of its script. `None`, said aloud, when it is
    /// not installed.
    ///
    /// # Panics
    /// When it is missing where every test must run.
    pub fn start(words: &[&str]) -> Option<Self> {
        let python = PYTHON.find()?;
        if !Path::new(PACKAGES).join("aiosmtpd").is_dir() {
            report_missing("aiosmtpd is missing: make smtpd");
            return None;
        }
        let mut server = Self {
            python,
            port: 0,
            running: None,
        };
        server.start_again(words);
        Some(server)
    }

    /// Where it listens, as SMTP_URL names it.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self, words: &[&str]) {
        let start = "import sys; sys.path.insert(0, sys.argv.pop(1)); \
            script = sys.argv.pop(1); exec(compile(open(script).read(), script, 'exec'))";
        let mut arguments: Vec<String> = ["-c", start, PACKAGES, SCRIPT].map(str::to_owned).into();
        arguments.push(self.port.to_string());
        arguments.extend(words.iter().map(|word| (*word).to_owned()));
        let mut running = Running::start(&self.python, &arguments, Stdio::piped());
        let mut lines = BufReader::new(running.output()).lines();
        let port = lines.next().expect("it says its port").expect("text");
        self.port = port.parse().expect("a port");
        let (letters, arrived) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let letter = serde_json::from_str(&line).expect("JSON of the script");
                if letters.send(letter).is_err() {
                    break;
                }
            }
        });
        self.running = Some((running, arrived));
    }

    /// The letters that have arrived since the last call, once `n` have.
    ///
    /// # Panics
    /// When fewer arrive in ten seconds.
    pub fn arrived(&self, n: usize) -> Vec<Arrived> {
        let (_, letters) = self.running.as_ref().expect("it runs");
        let mut arrived = Vec::new();
        while arrived.len() < n {
            let letter = letters.recv_timeout(Duration::from_secs(10));
            arrived.push(Arrived(letter.expect("a letter within ten seconds")));
        }
        arrived.extend(letters.try_iter().map(Arrived));
        arrived
    }
}

impl Arrived {
    /// Whom it went to: the envelope's recipient.
    pub fn recipient(&self) -> &str {
        assert_eq!(
            self.0["to"].as_array().map(Vec::len),
            Some(1),
            "one recipient"
        );
        self.0["to"][0].as_str().unwrap_or_default()
    }

    /// The envelope's sender.
    pub fn sender(&self) -> &str {
        self.0["from"].as_str().unwrap_or_default()
    }

    /// The only header of this name.
    ///
    /// # Panics
    /// When there is none, or another.
    pub fn header(&self, name: &str) -> &str {
        let headers = self.0["headers"].as_array().expect("headers");
        let mut named = headers.iter().filter(|header| header[0] == name);
        let header = named
            .next()
            .unwrap_or_else(|| panic!("no {name}: {headers:?}"));
        assert!(named.next().is_none(), "{name} twice: {headers:?}");
        header[1].as_str().unwrap_or_default()
    }

    /// The names of its headers.
    pub fn header_names(&self) -> Vec<&str> {
        let headers = self.0["headers"].as_array().expect("headers");
        headers
            .iter()
            .filter_map(|header| header[0].as_str())
            .collect()
    }

    /// Its text.
    pub fn text(&self) -> &str {
        self.0["text"].as_str().unwrap_or_default()
    }

    /// Its HTML.
    pub fn html(&self) -> &str {
        self.0["html"].as_str().unwrap_or_default()
    }

    /// True when the shop proved a password first.
    pub fn authenticated(&self) -> bool {
        self.0["authenticated"] == true
    }
}
