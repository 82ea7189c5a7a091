//! Firefox, driven by its own protocol, Marionette, which reaches the list of downloads too.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::Mutex,
};

use crate::{
    chromium::PATIENCE,
    downloads::Downloads,
    programs::{FIREFOX, Running},
    shop::Folder,
};

/// A browser with a profile of its own.
pub struct Firefox {
    /// What it has downloaded.
    pub downloads: Downloads,
    line: Mutex<Line>,
    // In this order: the profile can go once nobody writes to it.
    _program: Running,
    _folder: Folder,
}

/// The connection: a number of bytes, a colon, a list in JSON, in both directions.
struct Line {
    stream: BufReader<TcpStream>,
    n_commands: u64,
}

/// A download as the browser's own list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// It says it is complete.
    pub succeeded: bool,
    /// It is not running.
    pub stopped: bool,
    /// Why it failed.
    pub error: Option<String>,
    /// Bytes it has.
    pub n_bytes: u64,
    /// It could go on from there.
    pub has_partial_data: bool,
}

const PREFERENCES: &[(&str, &str)] = &[
    ("marionette.port", "0"),
    ("browser.download.folderList", "2"),
    ("browser.download.useDownloadDir", "true"),
    (
        "browser.download.always_ask_before_handling_new_types",
        "false",
    ),
    ("browser.download.alwaysOpenPanel", "false"),
    ("browser.download.manager.addToRecentDocs", "false"),
    // Nothing of this goes anywhere: no start page, no updates, no reports, no lists.
    ("app.normandy.enabled", "false"),
    ("app.update.disabledForTesting", "true"),
    ("browser.aboutwelcome.enabled", "false"),
    (
        "browser.newtabpage.activity-stream.feeds.system.topstories",
        "false",
    ),
    ("browser.safebrowsing.blockedURIs.enabled", "false"),
    ("browser.safebrowsing.downloads.enabled", "false"),
    ("browser.safebrowsing.malware.enabled", "false"),
    ("browser.safebrowsing.phishing.enabled", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("browser.startup.page", "0"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("extensions.update.enabled", "false"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("services.settings.server", "\"data:,none\""),
    ("signon.rememberSignons", "false"),
    ("toolkit.telemetry.enabled", "false"),
];

impl Firefox {
    /// A browser as it comes; `None` when this machine has none.
    pub async fn start() -> Option<Self> {
        let program = FIREFOX.find()?;
        let folder = Folder::new();
        let downloads = Downloads::inside(folder.path());
        let profile = folder.path().join("profile");
        std::fs::create_dir_all(&profile).expect("a folder");
        let target = json!(downloads.folder()).to_string();
        let place = ("browser.download.dir", target.as_str());
        let preferences = PREFERENCES
            .iter()
            .chain([&place])
            .map(|(name, value)| format!("user_pref(\"{name}\", {value});\n"));
        std::fs::write(profile.join("user.js"), preferences.collect::<String>()).expect("a file");
        let arguments = [
            "--headless",
            "--no-remote",
            "--marionette",
            "--remote-allow-system-access",
            "--profile",
            &profile.display().to_string(),
        ];
        let arguments = arguments.map(str::to_owned);
        let running = Running::start(&program, &arguments, Stdio::null());
        let port_file = profile.join("MarionetteActivePort");
        let connecting = async {
            loop {
                let port = std::fs::read_to_string(&port_file).unwrap_or_default();
                if let Ok(port) = port.trim().parse::<u16>()
                    && let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await
                {
                    return stream;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let stream = tokio::time::timeout(PATIENCE, connecting).await;
        let mut line = Line {
            stream: BufReader::new(stream.expect("Firefox listens")),
            n_commands: 0,
        };
        let greeting = line.read().await;
        assert_eq!(greeting["marionetteProtocol"], 3, "{greeting}");
        line.command("WebDriver:NewSession", json!({})).await;
        Some(Self {
            downloads,
            line: Mutex::new(line),
            _program: running,
            _folder: folder,
        })
    }

    /// Opens an address, as if typed.
    pub async fn open(&self, url: &str) {
        self.command("WebDriver:Navigate", json!({"url": url}))
            .await;
    }

    /// Types into the first field of a CSS selector.
    pub async fn type_into(&self, css: &str, text: &str) {
        let id = self.find("css selector", css).await;
        let keys = json!({"id": id, "text": text});
        self.command("WebDriver:ElementSendKeys", keys).await;
    }

    /// Clicks the first element of an XPath.
    pub async fn click(&self, xpath: &str) {
        let id = self.find("xpath", xpath).await;
        self.command("WebDriver:ElementClick", json!({"id": id}))
            .await;
    }

    /// Forgets all cookies, as the user may at any time.
    pub async fn forget_cookies(&self) {
        self.in_the_browser("Services.cookies.removeAll(); return null;")
            .await;
    }

    /// The only download of the list.
    pub async fn download(&self) -> Option<Download> {
        let script = "
            const list = await Downloads.getList(Downloads.ALL);
            return (await list.getAll()).map(it => ({
                succeeded: it.succeeded, stopped: it.stopped, error: it.error && String(it.error),
                n_bytes: it.currentBytes, has_partial_data: it.hasPartialData,
            }));";
        let all = self.in_the_browser(script).await;
        let all = all.as_array().expect("a list");
        assert!(all.len() < 2, "one at a time: {all:?}");
        all.first().map(|download| Download {
            succeeded: download["succeeded"] == true,
            stopped: download["stopped"] == true,
            error: download["error"].as_str().map(str::to_owned),
            n_bytes: download["n_bytes"].as_u64().unwrap_or_default(),
            has_partial_data: download["has_partial_data"] == true,
        })
    }

    /// Waits until the only download has begun and runs no more.
    pub async fn until_stopped(&self) -> Download {
        let wait = async {
            loop {
                match self.download().await {
                    Some(download) if download.stopped => return download,
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        let stopped = tokio::time::timeout(PATIENCE, wait).await;
        stopped.expect("an end of the download")
    }

    /// Presses Retry, which is this call, and waits for the end of it.
    pub async fn retry(&self) -> Download {
        let script = "
            const list = await Downloads.getList(Downloads.ALL);
            const [download] = await list.getAll();
            await download.start().catch(() => {});
            return null;";
        self.in_the_browser(script).await;
        self.until_stopped().await
    }

    /// Takes all downloads off the list; their files stay.
    pub async fn clear_list(&self) {
        let script = "
            const list = await Downloads.getList(Downloads.ALL);
            for (const download of await list.getAll()) {
                await list.remove(download);
                await download.finalize(true);
            }
            return null;";
        self.in_the_browser(script).await;
    }

    /// Runs a script with the browser's own rights.
    async fn in_the_browser(&self, script: &str) -> Value {
        let script = format!(
            "const [done] = arguments;
            const {{Downloads}} = ChromeUtils.importESModule('resource://gre/modules/Downloads.sys.mjs');
            (async () => {{ {script} }})().then(value => done({{value}}), error => done({{error: String(error)}}));"
        );
        let mut line = self.line.lock().await;
        line.command("Marionette:SetContext", json!({"value": "chrome"}))
            .await;
        let script = json!({"script": script, "args": [], "scriptTimeout": PATIENCE.as_millis()});
        let answer = line.command("WebDriver:ExecuteAsyncScript", script).await;
        line.command("Marionette:SetContext", json!({"value": "content"}))
            .await;
        let answer = &answer["value"];
        assert!(answer["error"].is_null(), "{answer}");
        answer["value"].clone()
    }

    async fn find(&self, using: &str, value: &str) -> String {
        let found = self
            .command(
                "WebDriver:FindElement",
                json!({"using": using, "value": value}),
            )
            .await;
        let element = found["value"].as_object().expect("an element").values();
        element
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .concat()
    }

    async fn command(&self, name: &str, parameters: Value) -> Value {
        self.line.lock().await.command(name, parameters).await
    }
}

impl Line {
    async fn command(&mut self, name: &str, parameters: Value) -> Value {
        self.n_commands += 1;
        let command = json!([0, self.n_commands, name, parameters]).to_string();
        let framed = format!("{}:{command}", command.len());
        let written = self.stream.write_all(framed.as_bytes()).await;
        written.expect("a browser that listens");
        let answer = tokio::time::timeout(PATIENCE, self.read()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to {name} {parameters}"));
        assert_eq!(answer[1], self.n_commands, "{answer}");
        assert!(answer[2].is_null(), "{name} {parameters}: {answer}");
        answer[3].clone()
    }

    async fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            match self.stream.read_u8().await.expect("a browser that answers") {
                b':' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut message = vec![0; length];
        let read = self.stream.read_exact(&mut message).await;
        read.expect("a whole message");
        serde_json::from_slice(&message).expect("JSON")
    }
}
