//! One buyer and one admin, whose passwords are kept in `accounts.txt`, and the admin's second
//! factor with them.

use std::{fmt::Write, path::Path};

use anyhow::{Context, Result};
use app_server::{
    actions::{enrol, register::Registration, remove_factor, users},
    db::Database,
    domain::{sealing::Keyring, totp::TotpSecret, user::Role},
    error::{AppError, Conflict},
};
use secrecy::SecretString;
use shared::clock::Clock;

use crate::secrets;

/// Who they are. `.example` is nobody's (RFC 2606 §2).
const ACCOUNTS: [(&str, &str, Role); 2] = [
    ("buyer@demo.example", "Ada Buyer", Role::Buyer),
    ("admin@demo.example", "Grace Admin", Role::Admin),
];

/// How a line about a second factor begins.
const FACTOR: &str = "totp";

/// Opens the accounts; returns the text of `path` when something in it was made just now.
///
/// A password that somebody changed in the shop stays changed, and so does a second factor. When
/// the file was lost, both accounts get new passwords, and the admin a new second factor.
pub async fn open(
    database: &Database,
    clock: &Clock,
    keys: Option<&Keyring>,
    path: &Path,
) -> Result<Option<String>> {
    let kept = secrets::read(path)?;
    let is_new = kept.is_none();
    let mut text = kept.map_or_else(new_text, Ok)?;
    // A file of before there were second factors lacks one.
    let is_changed = is_new || add_factors(&mut text)?;
    if is_changed {
        secrets::keep(path, &text)?;
    }
    for (email, name, role) in ACCOUNTS {
        let password = password_of(&text, email)
            .with_context(|| format!("{} names no password of {email}", path.display()))?;
        let registration = Registration {
            email: email.to_owned(),
            name: name.to_owned(),
            password: password.clone(),
        };
        match users::create(database, clock, registration, role).await {
            Err(AppError::Conflict(Conflict::EmailTaken)) if is_new => {
                users::set_password(database, clock, email, password).await?;
                match remove_factor::reset(database, clock, email).await {
                    Ok(()) | Err(AppError::NotFound(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(_) | Err(AppError::Conflict(Conflict::EmailTaken)) => {}
            Err(error) => return Err(error).with_context(|| format!("opening {email}")),
        }
        if let (Some(keys), Some(secret)) = (keys, factor_of(&text, email)) {
            enrol::install(database, clock, keys, email, &secret).await?;
        }
    }
    Ok(is_changed.then_some(text))
}

fn new_text() -> Result<String> {
    let mut text = String::new();
    for (email, _, role) in ACCOUNTS {
        let password = secrets::new_password()?;
        let _ = writeln!(text, "{:5}  {email}  {password}", role.as_str());
    }
    add_factors(&mut text)?;
    Ok(text)
}

/// Adds a second factor for each admin without one: the secret to type into an authenticator app,
/// and the same as the address that apps scan. True when there was something to add.
fn add_factors(text: &mut String) -> Result<bool> {
    let mut added = false;
    for (email, _, role) in ACCOUNTS {
        if role == Role::Admin && !text.lines().any(|line| line.starts_with(FACTOR)) {
            let secret = TotpSecret::generate().context("the system gives no randomness")?;
            let (base32, link) = (secret.base32(), secret.link(email));
            let _ = writeln!(text, "{FACTOR:5}  {email}  {}  {}", *base32, *link);
            added = true;
        }
    }
    Ok(added)
}

/// The words of the line that names `email` and is about its password, or its second factor.
fn line_of<'a>(text: &'a str, email: &str, of_factor: bool) -> Option<Vec<&'a str>> {
    let lines = text
        .lines()
        .filter(|line| line.starts_with(FACTOR) == of_factor);
    let mut lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find(|words| words.contains(&email))
}

/// The last word of the line that names `email`.
fn password_of(text: &str, email: &str) -> Option<SecretString> {
    let words = line_of(text, email, false)?;
    let password = words.last().filter(|word| **word != email)?;
    Some(SecretString::from((*password).to_owned()))
}

/// The secret in the line about the second factor of `email`.
fn factor_of(text: &str, email: &str) -> Option<TotpSecret> {
    TotpSecret::from_base32(line_of(text, email, true)?.get(2)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_file_names_each_password() {
        let text = new_text().unwrap();
        for (email, ..) in ACCOUNTS {
            let password = password_of(&text, email).unwrap();
            assert!(password.expose_secret().len() > 15, "{text}");
        }
        assert!(password_of(&text, "nobody@demo.example").is_none());
        assert!(password_of("buyer buyer@demo.example", "buyer@demo.example").is_none());
    }

    #[test]
    fn the_admins_second_factor_is_added_to_an_older_file_once() {
        let mut text = "admin  admin@demo.example  a-password\n".to_owned();
        assert!(factor_of(&text, "admin@demo.example").is_none());

        assert!(add_factors(&mut text).unwrap());
        assert!(!add_factors(&mut text).unwrap());

        let secret = factor_of(&text, "admin@demo.example").unwrap();
        assert!(
            text.contains(secret.link("admin@demo.example").as_str()),
            "{text}"
        );
        let password = password_of(&text, "admin@demo.example").unwrap();
        assert_eq!(password.expose_secret(), "a-password");
        assert_eq!(text.lines().count(), 2);
    }
}
