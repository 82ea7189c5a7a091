//! An authenticator app: it scans what the shop shows, and makes codes.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::{
    client::{Answer, Client, PASSWORD, email},
    shop::Shop,
};

/// An authenticator app with one account in it.
#[derive(Clone)]
pub struct Authenticator(Totp);

impl Authenticator {
    /// Scans the link of a page, as it stands in its HTML.
    pub fn scan(page: &str) -> Self {
        let link = page.split("href=\"otpauth://").nth(1).expect("a link");
        let link = link.split('"').next().unwrap_or_default();
        let link = format!(
            "otpauth://{}",
            link.replace("&#38;", "&").replace("&amp;", "&")
        );
        Self(Totp::from_url(link).expect("an otpauth link"))
    }

    /// Takes a secret as a person types it, in whatever groups.
    pub fn typed(secret: &str) -> Self {
        let letters: String = secret.split_whitespace().collect();
        let secret = Secret::try_from_base32(letters).expect("base32");
        let builder = Builder::new().with_secret(secret);
        Self(builder.build().expect("a secret of good length"))
    }

    /// The code it shows at this moment.
    pub fn code(&self, now: DateTime<Utc>) -> String {
        let seconds = u64::try_from(now.timestamp()).expect("after 1970");
        self.0.generate(seconds).to_string()
    }

    /// The secret, as it would be typed.
    pub fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The secret's bytes in hex, as a dump of the database would show them.
    pub fn hex(&self) -> String {
        let bytes = self.0.secret().as_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Somebody's second factor: the app, and what the shop gave for when it is lost.
pub struct Enrolment {
    /// The app.
    pub app: Authenticator,
    /// Recovery codes.
    pub codes: Vec<String>,
}

/// Sets a second factor up by the pages; the present code is used up by it.
pub async fn enrol(shop: &Shop, client: &Client) -> Enrolment {
    let begun = client.post_form("/account/second-factor", &[]).await;
    assert_eq!(
        (begun.status.as_u16(), begun.location()),
        (303, "/account/second-factor/new")
    );
    let page = client.get("/account/second-factor/new").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let app = Authenticator::scan(&page.text());
    client.note(&app.secret());
    client.note(&app.hex());
    let code = app.code(shop.clock.now());
    let done = client
        .post_form("/account/second-factor/new", &[("code", &code)])
        .await;
    assert_eq!(done.status, 200, "{}", done.text());
    let codes = recovery_codes(client, &done);
    Enrolment { app, codes }
}

/// The recovery codes on a page.
pub fn recovery_codes(client: &Client, page: &Answer) -> Vec<String> {
    let text = page.text();
    let list = text.split("id=\"recovery-codes\">").nth(1).expect("codes");
    let list = list.split("</pre>").next().unwrap_or_default();
    let codes: Vec<String> = list.lines().map(str::to_owned).collect();
    for code in &codes {
        client.note(code);
        client.note(&code.replace('-', ""));
    }
    codes
}

/// Lets the app show a code that was not used yet.
pub fn wait(shop: &Shop) {
    shop.advance(TimeDelta::seconds(30));
}

/// Signs in by the API, with a code or without.
pub async fn sign_in(client: &Client, name: &str, code: Option<&str>) -> Answer {
    let mut body = json!({"email": email(name), "password": PASSWORD});
    if let Some(code) = code {
        body["code"] = Value::from(code);
    }
    client.api(Method::POST, "/session", Some(body)).await
}
