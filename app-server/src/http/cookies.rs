//! Names and attributes of our cookies.
//!
//! | cookie | | holds |
//! | --- | --- | --- |
//! | `__Host-session` | HttpOnly, Strict | a session's secret |
//! | `__Host-hint` | HttpOnly, Lax | `1`: this browser holds a session cookie. No authority |
//! | `__Host-pending` | HttpOnly, Strict, 5 min | that the password was right: the code is still to come |
//! | `__Host-landed` | HttpOnly, Lax, 5 s | `1`: this browser has just been on a landing page |
//! | `__Host-device` | HttpOnly, Strict, a year | a known browser's secret. Proves nothing about who is there |
//!
//! On plain http, which is served on loopback only, the names begin with `claimcheck-` instead
//! and the cookies are not `Secure`.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    http::header::{self, HeaderMap, HeaderValue},
};
use shared::base_url::BaseUrl;

use crate::domain::{
    device::{DeviceSecret, KEPT},
    secret::SessionSecret,
};

/// The names, as APP_URL decides them.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// A session's secret.
    pub session: &'static str,
    /// "This browser holds a session cookie."
    pub hint: &'static str,
    /// "This browser has just been on a landing page."
    pub landed: &'static str,
    /// A sign-in that waits for its code.
    pub pending: &'static str,
    /// A known browser's secret.
    pub device: &'static str,
    /// Sent over https only.
    pub secure: bool,
}

impl Names {
    /// The names for a shop at `app_url`.
    pub fn of(app_url: &BaseUrl) -> Self {
        if app_url.is_https() {
            Self {
                session: "__Host-session",
                hint: "__Host-hint",
                landed: "__Host-landed",
                pending: "__Host-pending",
                device: "__Host-device",
                secure: true,
            }
        } else {
            Self {
                session: "claimcheck-session",
                hint: "claimcheck-hint",
                landed: "claimcheck-landed",
                pending: "claimcheck-pending",
                device: "claimcheck-device",
                secure: false,
            }
        }
    }

    /// The hint, kept as long as the session cookie: until the browser closes, or `max_age` seconds.
    pub fn hint_cookie(self, max_age: Option<i64>) -> Cookie<'static> {
        self.marker(self.hint, max_age)
    }

    /// The mark a landing page leaves, for five seconds.
    pub fn landed_cookie(self) -> Cookie<'static> {
        self.marker(self.landed, Some(5))
    }

    /// The known browser's own, kept as long as it is known.
    pub fn device_cookie(self, secret: &DeviceSecret) -> Cookie<'static> {
        Cookie::build(self.device, secret.expose().to_owned())
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Strict)
            .max_age(Duration::seconds(KEPT.num_seconds()))
            .finish()
    }

    /// What removes the hint.
    pub fn hint_removal(self) -> Cookie<'static> {
        self.marker(self.hint, Some(0))
    }

    /// What stands for a password that was right, while the code is still to come.
    pub fn pending_cookie(self, secret: &SessionSecret, max_age: i64) -> Cookie<'static> {
        self.pending(secret.expose(), max_age)
    }

    /// What removes it.
    pub fn pending_removal(self) -> Cookie<'static> {
        self.pending("", 0)
    }

    fn pending(self, value: &str, max_age: i64) -> Cookie<'static> {
        Cookie::build(self.pending, value.to_owned())
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Strict)
            .max_age(Duration::seconds(max_age))
            .finish()
    }

    fn marker(self, name: &'static str, max_age: Option<i64>) -> Cookie<'static> {
        let value = if max_age == Some(0) { "" } else { "1" };
        let mut cookie = Cookie::build(name, value)
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .finish();
        cookie.set_max_age(max_age.map(Duration::seconds));
        cookie
    }
}

/// True when the request carries a cookie of this name, whatever its value.
pub fn is_sent(request: &HttpRequest, name: &str) -> bool {
    let cookies = request.cookies();
    cookies.is_ok_and(|cookies| cookies.iter().any(|cookie| cookie.name() == name))
}

/// True when the answer sets, or removes, a cookie of this name.
pub fn is_set(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(header::SET_COOKIE).any(|value| {
        let pair = value.to_str().unwrap_or_default();
        pair.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('='))
    })
}

/// Adds a cookie to an answer.
pub fn add(headers: &mut HeaderMap, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.encoded().to_string()) {
        headers.append(header::SET_COOKIE, value);
    }
}
