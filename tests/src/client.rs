//! A client as a person's browser is one: cookies of its own, forms with their token.

use std::sync::{Arc, Mutex};

use reqwest::{
    Method, RequestBuilder, StatusCode,
    cookie::{CookieStore, Jar},
    header::HeaderMap,
    redirect::Policy,
};
use serde_json::Value;

/// What clients have been given that must appear in no log and no database.
pub type Secrets = Arc<Mutex<Vec<String>>>;

/// Somebody at a browser, or a program with a cookie jar. Follows no redirect by itself.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    jar: Arc<Jar>,
    base: String,
    origin: String,
    secrets: Secrets,
}

impl Client {
    /// A client with an empty jar, of the shop that calls itself `origin` and is reached at `base`.
    pub fn new(base: &str, origin: &str, secrets: Secrets) -> Self {
        let jar = Arc::new(Jar::default());
        let http = reqwest::Client::builder()
            .cookie_provider(Arc::clone(&jar))
            .redirect(Policy::none())
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client");
        Self {
            http,
            jar,
            base: base.to_owned(),
            origin: origin.to_owned(),
            secrets,
        }
    }

    /// The same cookies, at another server of the same shop.
    pub fn at(&self, base: &str) -> Self {
        let other = Self::new(base, &self.origin, self.secrets.clone());
        for cookie in self.cookies().split("; ") {
            other.set_cookie(cookie);
        }
        other
    }

    /// A request as it stands, to a path of the shop or a whole address.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        self.http.request(method, url)
    }

    /// A request to the shop that brings no cookie of the jar.
    pub fn request_without_cookies(&self, method: Method, path: &str) -> RequestBuilder {
        let bare = reqwest::Client::builder()
            .redirect(Policy::none())
            .build()
            .expect("a client");
        bare.request(method, format!("{}{path}", self.base))
    }

    /// A GET under the shop's public name, at whichever server this client was pointed to.
    pub async fn get_as(&self, public_url: &str, path: &str) -> Answer {
        let host = public_url.trim_start_matches("http://");
        self.send(self.request(Method::GET, path).header("host", host))
            .await
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends, and remembers the secrets that came back.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let headers = response.headers().clone();
        self.note_secrets(&headers);
        let body = response.bytes().await.expect("the whole body").to_vec();
        Answer {
            status,
            headers,
            body,
        }
    }

    /// This visitor's CSRF token.
    pub async fn csrf_token(&self) -> String {
        let answer = self.get("/api/v1/session").await;
        answer.json()["csrf_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Posts a form as a page of the shop would, with this visitor's token.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.csrf_token().await;
        let mut fields = fields.to_vec();
        fields.push(("csrf_token", &token));
        self.note_password(
            fields
                .iter()
                .filter(|(name, _)| ["password", "current", "new"].contains(name))
                .map(|(_, value)| *value),
        );
        let request = self
            .request(Method::POST, path)
            .header("origin", &self.origin)
            .form(&fields);
        self.send(request).await
    }

    /// Calls the API with this visitor's token.
    pub async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.api_with(method, path, body, &[]).await
    }

    /// Calls the API with this visitor's token and further headers.
    pub async fn api_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let token = self.csrf_token().await;
        let mut request = self
            .request(method, &format!("/api/v1{path}"))
            .header("origin", &self.origin)
            .header("x-csrf-token", token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            let fields = ["password", "current", "new"]
                .iter()
                .filter_map(|name| body[*name].as_str());
            self.note_password(fields);
            request = request.json(&body);
        }
        self.send(request).await
    }

    /// Opens an account by the API and is signed in.
    pub async fn register(&self, name: &str) -> Answer {
        let body = serde_json::json!({"email": email(name), "name": name, "password": PASSWORD});
        self.api(Method::POST, "/users", Some(body)).await
    }

    /// Signs in by the API.
    pub async fn sign_in(&self, name: &str) -> Answer {
        let body = serde_json::json!({"email": email(name), "password": PASSWORD});
        self.api(Method::POST, "/session", Some(body)).await
    }

    /// The user the shop takes this client for.
    pub async fn user(&self) -> Value {
        self.get("/api/v1/session").await.json()["user"].clone()
    }

    /// The cookies this client would send to the shop.
    pub fn cookies(&self) -> String {
        let url = self.base.parse().expect("an address");
        self.jar
            .cookies(&url)
            .map(|value| value.to_str().unwrap_or_default().to_owned())
            .unwrap_or_default()
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&self, cookie: &str) {
        self.jar
            .add_cookie_str(cookie, &self.base.parse().expect("an address"));
    }

    /// Remembers a secret that must appear in no log and no database.
    pub fn note(&self, secret: &str) {
        let mut secrets = self.secrets.lock().expect("no panic while noting");
        secrets.push(secret.to_owned());
    }

    fn note_secrets(&self, headers: &HeaderMap) {
        let mut secrets = self.secrets.lock().expect("no panic while noting");
        for cookie in headers.get_all("set-cookie") {
            let pair = cookie
                .to_str()
                .unwrap_or_default()
                .split(';')
                .next()
                .unwrap_or_default();
            let value = pair.split_once('=').map_or("", |(_, value)| value);
            // The signature of actix-session stands before the secret: 44 characters of base64.
            let secret = value.get(value.len().saturating_sub(43)..).unwrap_or(value);
            if secret.len() >= 40 {
                secrets.push(secret.to_owned());
            }
        }
        if let Some((_, token)) = headers
            .get("location")
            .and_then(|location| location.to_str().ok())
            .and_then(|location| location.split_once("/d/"))
        {
            secrets.push(token.to_owned());
        }
    }

    fn note_password<'a>(&self, passwords: impl Iterator<Item = &'a str>) {
        let long = passwords
            .filter(|password| password.len() >= 15)
            .map(str::to_owned);
        self.secrets
            .lock()
            .expect("no panic while noting")
            .extend(long);
    }
}

/// Every test account's password.
pub const PASSWORD: &str = "a perfectly fine passphrase";

/// The address of the test account of this name.
pub fn email(name: &str) -> String {
    format!("{name}@example.org")
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem's code.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header's value, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Where the answer sends a browser.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// All `Set-Cookie` values.
    pub fn set_cookies(&self) -> Vec<String> {
        let all = self.headers.get_all("set-cookie").iter();
        all.map(|value| value.to_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The token in the form that posts to this address.
    pub fn form_token_of(&self, action: &str) -> String {
        let text = self.text();
        let after = text
            .split(&format!("action=\"{action}\""))
            .nth(1)
            .unwrap_or_else(|| panic!("no form to {action}: {text}"));
        let after = after.split("name=\"csrf_token\" value=\"").nth(1);
        let after = after.expect("a token in it");
        after.split('"').next().unwrap_or_default().to_owned()
    }

    /// The value of the hidden field `csrf_token` of the first form.
    pub fn form_token(&self) -> String {
        let text = self.text();
        let after = text
            .split("name=\"csrf_token\" value=\"")
            .nth(1)
            .expect("a form with a token");
        after.split('"').next().unwrap_or_default().to_owned()
    }
}
