//! Chromium, driven as a person would use it: clicks, keys, and what can be seen.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions},
    elements::Element,
    error::CmdError,
    wd::WebDriverCompatibleCommand,
};
use serde_json::{Value, json};

use crate::{
    client::{PASSWORD, email},
    downloads::Downloads,
    programs::{CHROMEDRIVER, CHROMIUM, Running},
    shop::Folder,
};

/// How long anything a browser does may take before the test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with a profile of its own. What it says in its console must be asked for.
pub struct Chromium {
    /// The page.
    pub page: Client,
    /// What it has downloaded.
    pub downloads: Downloads,
    // In this order: the profile can go once nobody writes to it.
    _driver: Running,
    _folder: Folder,
}

/// How the browser is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Pages may run scripts.
    pub scripts: bool,
    /// CSS pixels of a phone's screen, instead of a desktop's.
    pub phone_width: Option<u32>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            scripts: true,
            phone_width: None,
        }
    }
}

impl Chromium {
    /// A browser as it comes; `None` when this machine has none.
    pub async fn start() -> Option<Self> {
        Self::with(Setup::default()).await
    }

    /// A browser with this setup; `None` when this machine has none.
    pub async fn with(setup: Setup) -> Option<Self> {
        let (chromium, chromedriver) = (CHROMIUM.find()?, CHROMEDRIVER.find()?);
        let folder = Folder::new();
        let downloads = Downloads::inside(folder.path());
        let (driver, port) = start_driver(chromedriver);
        let profile = folder.path().join("profile");
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "binary": chromium,
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                    "--no-first-run", "--disable-background-networking", "--disable-sync",
                    "--disable-component-update", "--disable-dev-shm-usage",
                    "--window-size=1200,900", format!("--user-data-dir={}", profile.display()),
                ],
                "prefs": {
                    "download.default_directory": downloads.folder(),
                    "download.prompt_for_download": false,
                    "profile.password_manager_enabled": false,
                    "credentials_enable_service": false,
                    "profile.managed_default_content_settings.javascript":
                        if setup.scripts { 1 } else { 2 },
                },
            },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("an object");
        };
        let page = ClientBuilder::rustls()
            .expect("a connector")
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser");
        let browser = Self {
            page,
            downloads,
            _driver: driver,
            _folder: folder,
        };
        if let Some(width) = setup.phone_width {
            let screen =
                json!({"width": width, "height": 844, "deviceScaleFactor": 2, "mobile": true});
            browser
                .devtools("Emulation.setDeviceMetricsOverride", screen)
                .await;
        }
        Some(browser)
    }

    /// Opens an address, as if typed.
    pub async fn open(&self, url: &str) {
        self.page.goto(url).await.expect(url);
    }

    /// The address shown.
    pub async fn path(&self) -> String {
        let url = self.page.current_url().await.expect("an address");
        url[url::Position::BeforePath..].to_owned()
    }

    /// Everything a person can read on the page.
    pub async fn text(&self) -> String {
        let body = self.page.find(Locator::Css("body")).await;
        body.expect("a page").text().await.expect("its text")
    }

    /// The first element, which must be there.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.page.find(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("{css}: {error}\n{}", self.text().await),
        }
    }

    /// Follows the first link in the page's content that reads so.
    pub async fn follow(&self, text: &str) {
        self.click(&format!("//main//a[normalize-space()='{text}']"))
            .await;
    }

    /// Presses the first button in the page's content that reads so.
    pub async fn press(&self, text: &str) {
        self.click(&format!("//main//button[normalize-space()='{text}']"))
            .await;
    }

    /// Clicks the first element of an XPath.
    pub async fn click(&self, xpath: &str) {
        let found = self.page.find(Locator::XPath(xpath)).await;
        let clicked = match found {
            Ok(element) => element.click().await,
            Err(error) => Err(error),
        };
        if let Err(error) = clicked {
            panic!("{xpath}: {error}\n{}", self.text().await);
        }
    }

    /// Signs in at the shop of this address, by its form.
    pub async fn sign_in(&self, shop: &str, name: &str) {
        self.open(&format!("{shop}/login")).await;
        self.type_into("email", &email(name)).await;
        self.type_into("password", PASSWORD).await;
        self.press("Sign in").await;
        self.until_at("/").await;
    }

    /// Types into the field of this name.
    pub async fn type_into(&self, name: &str, text: &str) {
        let field = self.find(&format!("main [name='{name}']")).await;
        field.send_keys(text).await.expect("a field to type into");
    }

    /// Presses and releases keys, wherever the focus is.
    pub async fn keys(&self, keys: &str) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for value in keys.chars() {
            actions = actions
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        let pressed = self.page.perform_actions(actions).await;
        pressed.expect("keys that can be pressed");
    }

    /// What a script of this browser's driver, not of the page, finds out.
    pub async fn ask(&self, script: &str) -> Value {
        let answer = self.page.execute(script, Vec::new()).await;
        answer.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Calls Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        let answer = self
            .page
            .issue_cmd(Extension("goog/cdp/execute", body))
            .await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// What has been said in the console since this was last asked.
    pub async fn console(&self) -> Vec<String> {
        let log = Extension("se/log", json!({"type": "browser"}));
        let entries = self.page.issue_cmd(log).await.expect("the console");
        let entries = entries.as_array().expect("a list").iter();
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.map(message).collect()
    }

    /// Asks until something is so.
    pub async fn until<F>(&self, what: &str, is_so: impl Fn() -> F)
    where
        F: Future<Output = Result<bool, CmdError>>,
    {
        let wait = async {
            // Between two pages there may be none to ask.
            while !is_so().await.unwrap_or(false) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("still not: {what}\n{}", self.text().await);
        }
    }

    /// Waits until these words can be read on the page.
    pub async fn until_text(&self, words: &str) {
        let script = "return document.readyState === 'complete' \
                      && document.body.innerText.includes(arguments[0]);";
        self.until(words, async || {
            let found = self.page.execute(script, vec![words.into()]);
            Ok(found.await? == true)
        })
        .await;
    }

    /// Waits for a page whose path is this, without its query.
    pub async fn until_at(&self, path: &str) {
        self.until(path, async || {
            Ok(self.page.current_url().await?.path() == path)
        })
        .await;
    }

    /// Opens the list of downloads, waits until the first has failed, and chooses Resume.
    pub async fn resume_download(&self) {
        self.open("chrome://downloads").await;
        let resume = "
            const list = document.querySelector('downloads-manager')?.shadowRoot;
            const item = list?.querySelector('downloads-item')?.shadowRoot;
            if (!item?.querySelector('#tag')?.textContent.includes('Failed')) return false;
            item.querySelector('#more-actions').click();
            const button = item.querySelector('#pause-or-resume');
            button?.click();
            return button?.textContent.trim() === 'Resume';";
        self.until("Resume", async || {
            Ok(self.page.execute(resume, Vec::new()).await? == true)
        })
        .await;
    }

    /// Ends it in peace; dropped, it ends as well.
    pub async fn close(self) {
        let _ = self.page.clone().close().await;
    }
}

/// chromedriver on a port of its own choice.
fn start_driver(chromedriver: PathBuf) -> (Running, u16) {
    let mut driver = Running::start(&chromedriver, &["--port=0".to_owned()], Stdio::piped());
    let mut lines = BufReader::new(driver.output()).lines();
    let port = lines.find_map(|line| {
        let line = line.ok()?;
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // Read on, or it ends for want of a reader.
    std::thread::spawn(move || lines.for_each(drop));
    (driver, port.expect("chromedriver says its port"))
}

/// A command of chromedriver beside the standard's.
#[derive(Debug)]
struct Extension(&'static str, Value);

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(
        &self,
        base_url: &url::Url,
        session_id: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session_id.unwrap_or_default();
        base_url.join(&format!("session/{session}/{}", self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (reqwest::Method, Option<String>) {
        (reqwest::Method::POST, Some(self.1.to_string()))
    }
}
