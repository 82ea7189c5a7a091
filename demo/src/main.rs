//! The whole shop on one machine: `cargo run`.
//!
//! A private PostgreSQL, migrations, keys, a sample catalogue, two accounts, and both servers as
//! separate listeners in this one process. Everything it writes is in DEMO_DIR and still there at
//! the next start; everything it started ends with it.
#![expect(clippy::disallowed_methods, reason = "nothing is served yet")]

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use app_server::{actions::secrets_key, db::Database};
use demo::{
    accounts, catalogue,
    doors::Doors,
    postgres::{cluster::Cluster, programs::find_programs},
    say, secrets,
    servers::{self, Stop},
    settings::{Settings, app_config},
};
use secrecy::ExposeSecret;
use shared::{clock::Clock, file_store::FileStore, settings::Refused, telemetry};
use url::Url;

/// The shop's database in the private cluster.
const DATABASE: &str = "shop";

fn main() -> ExitCode {
    let environment: Vec<(String, String)> = env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into(),
                value.to_string_lossy().into(),
            )
        })
        .collect();
    let settings = match Settings::read(env::args_os(), &environment) {
        Ok(settings) => settings,
        Err(Refused::Display(help)) => help.exit(),
        Err(Refused::Mistakes(mistakes)) => {
            eprint!("demo: {mistakes}");
            return ExitCode::from(2);
        }
    };
    // Requests would hide the addresses: RUST_LOG=info shows them. That the downloads are not
    // ready yet is no news here.
    let filter = env::var("RUST_LOG").unwrap_or_else(|_| "warn,app_server::nodes=error".to_owned());
    let _logging = telemetry::init(Some(&filter));
    match run(&settings, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings, environment: &[(String, String)]) -> Result<()> {
    let doors = Doors::open(settings)?;
    let directory = &settings.directory;
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let directory = fs::canonicalize(directory)?;

    let programs = find_programs()?;
    let wanted = directory.join("db");
    let cluster = Cluster::durable(&programs, &wanted)?;
    if cluster.location() != wanted {
        let location = cluster.location().display();
        say(&format!(
            "database  {location}, since its account cannot enter {}",
            wanted.display()
        ));
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(shop(&cluster, doors, &directory, environment));
    runtime.shutdown_background();
    cluster.stop().context("stopping PostgreSQL")?;
    served
}

async fn shop(
    cluster: &Cluster,
    doors: Doors,
    directory: &Path,
    environment: &[(String, String)],
) -> Result<()> {
    let mut stop = Stop::watch()?;
    let files = Url::from_file_path(directory.join("files"));
    let files = files.map_err(|()| anyhow::anyhow!("DEMO_DIR has no address"))?;
    let key_file = directory.join("secrets-key");
    let secrets_key = secrets::key(&key_file)?;
    let own = [
        ("DATABASE_URL", cluster.url(DATABASE)),
        ("APP_LISTEN", doors.app.local_addr()?.to_string()),
        ("APP_URL", doors.app_url.to_string()),
        ("DOWNLOAD_URLS", doors.download_url.to_string()),
        ("KEYS_DIR", directory.join("keys").display().to_string()),
        ("FILES_URL", files.to_string()),
        ("SECRETS_KEY", secrets_key.expose_secret().to_owned()),
        ("PAYMENTS", "test".to_owned()),
    ];
    let config = app_config(environment, &own)?;

    tokio::select! {
        prepared = prepare(cluster, &config, directory) => prepared?,
        () = stop.asked() => return Ok(()),
    }
    let (app_url, download_url) = (doors.app_url.clone(), doors.download_url.clone());
    let open = || {
        say(&format!(
            "shop {app_url}\ndownloads {download_url}\nmail {app_url}/dev/mail\nCtrl-C stops everything."
        ));
    };
    servers::serve(doors, config, directory, &mut stop, open).await
}

/// Everything the servers expect to find.
async fn prepare(
    cluster: &Cluster,
    config: &app_server::config::Config,
    directory: &Path,
) -> Result<()> {
    cluster.create_database(DATABASE).await?;
    let url = config.database_url.expose_secret();
    app_server::db::migrate::run(url).await?;
    let database = Database::open(url)?;
    let store = FileStore::open(&config.files_url, &config.bucket)?;
    let clock = Clock::system();

    let keys = config.secrets.as_ref();
    let checked = secrets_key::check(&database, keys).await;
    checked.context("the file secrets-key in DEMO_DIR is not the one this shop began with")?;

    let report = catalogue::import(&database, &store, &clock, &directory.join("catalogue")).await?;
    if report.n_added + report.n_updated > 0 {
        say(&format!("catalogue  {report}"));
    }
    let file = directory.join("accounts.txt");
    match accounts::open(&database, &clock, keys, &file).await? {
        Some(text) => say(&format!("accounts, kept in {}:\n{text}", file.display())),
        None => say(&format!("accounts  {}", file.display())),
    }
    Ok(())
}
