//! One buyer and one admin, whose passwords are kept in `accounts.txt`.

use std::{fmt::Write, path::Path};

use anyhow::{Context, Result};
use app_server::{
    actions::{register::Registration, users},
    db::Database,
    domain::user::Role,
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

/// Opens the accounts; returns the text of `path` when it was made just now.
///
/// A password that somebody changed in the shop stays changed. When the file was lost, both
/// accounts get new passwords.
pub async fn open(database: &Database, clock: &Clock, path: &Path) -> Result<Option<String>> {
    let kept = secrets::read(path)?;
    let (text, made) = match kept {
        Some(text) => (text, false),
        None => (new_text()?, true),
    };
    if made {
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
            Err(AppError::Conflict(Conflict::EmailTaken)) if made => {
                users::set_password(database, clock, email, password).await?;
            }
            Ok(_) | Err(AppError::Conflict(Conflict::EmailTaken)) => {}
            Err(error) => return Err(error).with_context(|| format!("opening {email}")),
        }
    }
    Ok(made.then_some(text))
}

fn new_text() -> Result<String> {
    let mut text = String::new();
    for (email, _, role) in ACCOUNTS {
        let password = secrets::new_password()?;
        let _ = writeln!(text, "{:5}  {email}  {password}", role.as_str());
    }
    Ok(text)
}

/// The last word of the line that names `email`.
fn password_of(text: &str, email: &str) -> Option<SecretString> {
    let mut lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let words = lines.find(|words| words.contains(&email))?;
    let password = words.last().filter(|word| **word != email)?;
    Some(SecretString::from((*password).to_owned()))
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
}
