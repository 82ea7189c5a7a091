//! The command line: what is asked for, and how it ends.
//!
//! Exit codes: 0 done, 1 failed, 2 asked for wrongly.

mod accounts;
mod arguments;
mod serve;
mod signing_keys;

use std::{
    collections::HashMap,
    ffi::OsString,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::ArgMatches;
use secrecy::{ExposeSecret, SecretString};
use shared::{
    clock::Clock,
    file_store::{
        FileStore,
        access::{self, BucketAccess},
    },
    settings::{self, Mistakes, Refused},
    telemetry,
};

use crate::{
    actions::{import_catalogue, secrets_key},
    config::{self, Config},
    db::{Database, migrate},
    domain::sealing::Keyring,
    keys::folder::Folder,
};
use arguments::{argument, command, text};

/// Why a command did not do what was asked.
enum Failure {
    /// It was asked for wrongly.
    Mistakes(Mistakes),
    /// It was tried.
    Failed(anyhow::Error),
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::Mistakes(mistakes)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// What was given beside the command itself.
struct Given<'a> {
    matches: &'a ArgMatches,
    environment: HashMap<String, String>,
    mistakes: Mistakes,
}

impl Given<'_> {
    /// All that a server reads.
    fn config(self) -> Result<Config, Mistakes> {
        Config::read(self.matches, self.environment, self.mistakes)
    }

    fn database_url(self) -> Result<SecretString, Mistakes> {
        let part = config::database_url;
        config::read_part(self.matches, self.environment, self.mistakes, part)
    }

    fn keys(self) -> Result<Folder, Mistakes> {
        let part = config::keys_dir;
        let path = config::read_part(self.matches, self.environment, self.mistakes, part)?;
        Ok(Folder::new(path))
    }

    fn database_and_secrets(self) -> Result<(SecretString, Keyring), Mistakes> {
        config::read_part(self.matches, self.environment, self.mistakes, |settings| {
            let database_url = config::database_url(settings);
            let secrets = config::required_secrets_key(settings);
            Some((database_url?, secrets?))
        })
    }

    fn database_and_files(self) -> Result<(SecretString, String, BucketAccess), Mistakes> {
        config::read_part(self.matches, self.environment, self.mistakes, |settings| {
            let (database_url, files) = (config::database_url(settings), access::read(settings));
            let (files_url, bucket) = files?;
            Some((database_url?, files_url, bucket))
        })
    }
}

/// Does what `arguments` ask for; the first of them is the program's name.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> ExitCode {
    let (matches, mistakes) = match settings::parse(&command(), arguments) {
        Ok(parsed) => parsed,
        Err(Refused::Display(help)) => {
            return if help.print().is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        Err(Refused::Mistakes(mistakes)) => return ended(Err(mistakes.into())),
    };
    let (path, leaf) = arguments::asked_for(&matches);
    let environment: HashMap<String, String> = environment.into_iter().collect();
    let log_filter = environment.get("RUST_LOG").cloned();
    // Only a server talks about what it does; a command says what it did.
    let quiet = if path == "serve" || path == "migrate" {
        "info"
    } else {
        "warn"
    };
    let _logging = telemetry::init(Some(log_filter.as_deref().unwrap_or(quiet)));
    ended(dispatch(
        &path,
        Given {
            matches: leaf,
            environment,
            mistakes,
        },
    ))
}

fn dispatch(path: &str, given: Given<'_>) -> Result<(), Failure> {
    let matches = given.matches;
    let clock = Clock::system();
    match path {
        "serve" => serve::serve(given.config()?, clock)?,
        "migrate" => {
            let url = given.database_url()?;
            wait_for(migrate::run(url.expose_secret()))?;
            say("the database is up to date")?;
        }
        "catalogue import" => {
            let (database_url, files_url, bucket) = given.database_and_files()?;
            let files = FileStore::open(&files_url, &bucket).context("FILES_URL")?;
            let dir: &Path = Path::new(argument(matches, "DIR"));
            let report = wait_for(async {
                let database = current_database(&database_url).await?;
                import_catalogue::run(&database, &files, &clock, dir).await
            })?;
            say(&report.to_string())?;
        }
        "keys generate" => signing_keys::generate(&given.keys()?, &clock)?,
        "keys list" => signing_keys::list(&given.keys()?, &clock)?,
        "keys retire" => signing_keys::retire(&given.keys()?, argument(matches, "KID"), &clock)?,
        "secrets reseal" => {
            let (database_url, secrets) = given.database_and_secrets()?;
            let n_sealed = wait_for(async {
                let database = current_database(&database_url).await?;
                secrets_key::reseal(&database, &secrets).await
            })?;
            say(&format!(
                "{n_sealed} sealed anew; everything is under the key {:?}",
                secrets.newest()
            ))?;
        }
        _ => {
            let database_url = given.database_url()?;
            let (email, name) = (argument(matches, "EMAIL"), text(matches, "NAME"));
            let request = accounts::request(path, email, name)?;
            wait_for(async {
                let database = current_database(&database_url).await?;
                accounts::carry_out(&database, &clock, request).await
            })?;
        }
    }
    Ok(())
}

/// Runs `work` to its end.
fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// The database, reached and migrated.
async fn current_database(url: &SecretString) -> anyhow::Result<Database> {
    let database = Database::open(url.expose_secret())?;
    let is_current = async { migrate::is_current(&database.client().await?).await };
    if !is_current.await.context("the database cannot be used")? {
        bail!("the database lacks migrations: run `app-server migrate`");
    }
    Ok(database)
}

/// Writes a line of what a command answers.
fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("standard output")
}

fn ended(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Mistakes(mistakes)) => {
            eprint!("app-server: {mistakes}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            eprintln!("app-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
