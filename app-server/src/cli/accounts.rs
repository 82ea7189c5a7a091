//! `user …`: accounts.

use std::io::{self, IsTerminal, Read};

use anyhow::{Context, bail};
use secrecy::{SecretString, zeroize::Zeroizing};
use shared::clock::Clock;

use super::say;
use crate::{
    actions::{register::Registration, remove_factor, users},
    db::Database,
    domain::user::Role,
    error::{AppError, Conflict},
};

/// No password comes near this many bytes.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

/// What is to be done to which account.
pub(super) struct Request {
    email: String,
    change: Change,
}

enum Change {
    Create {
        name: String,
        password: SecretString,
    },
    Promote,
    Disable,
    Enable,
    Password(SecretString),
    ResetSecondFactor,
}

/// What the command `path` asks for; reads the password where one is needed.
pub(super) fn request(path: &str, email: &str, name: Option<&str>) -> anyhow::Result<Request> {
    let change = match path {
        "user create" => Change::Create {
            name: name
                .or(email.split('@').next())
                .unwrap_or_default()
                .to_owned(),
            password: read_password()?,
        },
        "user promote" => Change::Promote,
        "user disable" => Change::Disable,
        "user enable" => Change::Enable,
        "user password" => Change::Password(read_password()?),
        "user second-factor-reset" => Change::ResetSecondFactor,
        other => bail!("no such command: {other}"),
    };
    Ok(Request {
        email: email.to_owned(),
        change,
    })
}

/// Does it, and says what was done.
pub(super) async fn carry_out(
    database: &Database,
    clock: &Clock,
    request: Request,
) -> anyhow::Result<()> {
    let Request { email, change } = request;
    let (outcome, done) = match change {
        Change::Create { name, password } => {
            let registration = Registration {
                email: email.clone(),
                name,
                password,
            };
            let created = users::create(database, clock, registration, Role::Buyer).await;
            (created.map(drop), "account opened")
        }
        Change::Promote => (
            users::set_role(database, clock, &email, Role::Admin).await,
            "an admin now; sessions ended",
        ),
        Change::Disable => (
            users::disable(database, clock, &email).await,
            "disabled; sessions ended",
        ),
        Change::Enable => (users::enable(database, clock, &email).await, "enabled"),
        Change::Password(new) => (
            users::set_password(database, clock, &email, new).await,
            "password set; sessions ended",
        ),
        Change::ResetSecondFactor => (
            remove_factor::reset(database, clock, &email).await,
            "signs in without a second factor now; sessions ended",
        ),
    };
    outcome.map_err(explained).with_context(|| email.clone())?;
    say(&format!("{email}: {done}"))
}

/// The error in words for an operator.
fn explained(error: AppError) -> anyhow::Error {
    match error {
        AppError::Invalid(fields) => {
            let details: Vec<String> = fields
                .into_iter()
                .map(|error| format!("{}: {}", error.field, error.detail))
                .collect();
            anyhow::anyhow!("{}", details.join(" "))
        }
        AppError::Conflict(Conflict::EmailTaken) => {
            anyhow::anyhow!("there is such an account already")
        }
        error => error.into(),
    }
}

/// The password: standard input without the end of its line. Never an argument, which every
/// user of the machine could read.
fn read_password() -> anyhow::Result<SecretString> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        eprintln!("Password, then Enter (it is shown as you type):");
        let mut line = Zeroizing::new(String::new());
        stdin.read_line(&mut line).context("standard input")?;
        return password_in(&line);
    }
    let mut text = Zeroizing::new(String::new());
    let n_bytes = stdin.lock().take(MAX_INPUT_BYTES).read_to_string(&mut text);
    n_bytes.context("standard input is not text")?;
    password_in(&text)
}

fn password_in(text: &str) -> anyhow::Result<SecretString> {
    let password = text.strip_suffix('\n').unwrap_or(text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        bail!("no password on standard input");
    }
    if password.contains('\n') {
        bail!("more than one line on standard input");
    }
    Ok(SecretString::from(password))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_password_is_one_line_and_keeps_its_spaces() {
        for (text, password) in [("a b", "a b"), (" a \n", " a "), ("a\r\n", "a")] {
            assert_eq!(password_in(text).unwrap().expose_secret(), password);
        }
        for text in ["", "\n", "\r\n", "a\nb\n", "a\n\n"] {
            assert!(password_in(text).is_err(), "{text:?}");
        }
    }
}
