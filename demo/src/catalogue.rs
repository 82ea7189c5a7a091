//! The sample catalogue: part of the program, but for its heaviest file, which is computed.
#![expect(
    clippy::disallowed_methods,
    reason = "read and written before the servers start"
)]

use std::{fs, io, path::Path};

use anyhow::{Context, Result};
use app_server::{
    actions::import_catalogue::{self, Report},
    db::{Database, files, products},
    domain::slug::Slug,
};
use rust_embed::Embed;
use shared::{clock::Clock, file_store::FileStore};

use crate::{rain, say};

/// Everything in `demo/catalogue`.
#[derive(Embed)]
#[folder = "catalogue"]
struct Sample;

const RAIN: &str = "rain-uncut";
const RAIN_FILE: &str = "rain-uncut.wav";

/// Brings the sample into the shop; what is there already stays as it is.
///
/// `staging` is laid out as `app-server catalogue import` takes it, and removed again.
pub async fn import(
    database: &Database,
    store: &FileStore,
    clock: &Clock,
    staging: &Path,
) -> Result<Report> {
    let rain_is_there = has_rain(database, store).await?;
    let to = staging.to_owned();
    tokio::task::spawn_blocking(move || unpack(&to, !rain_is_there)).await??;
    let report = import_catalogue::run(database, store, clock, staging).await?;
    fs::remove_dir_all(staging).with_context(|| format!("removing {}", staging.display()))?;
    Ok(report)
}

/// True when the shop sells the computed file and the store holds it.
async fn has_rain(database: &Database, store: &FileStore) -> Result<bool> {
    let Some(slug) = Slug::parse(RAIN) else {
        return Ok(false);
    };
    let db = database.client().await?;
    let Some(found) = products::find_published(&db, &slug).await? else {
        return Ok(false);
    };
    let files = files::list_files(&db, &[found.product.id]).await?;
    let size_bytes = i64::from(rain::SIZE_BYTES);
    for file in files.iter().filter(|file| file.size_bytes == size_bytes) {
        let kept = store.open_file(file.key, Some(rain::SIZE_BYTES.into()), None);
        if kept.await.is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unpack(staging: &Path, with_rain: bool) -> Result<()> {
    let doing = || format!("writing {}", staging.display());
    match fs::remove_dir_all(staging) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(doing);
        }
        _ => {}
    }
    for name in Sample::iter() {
        if !with_rain && name.starts_with(RAIN) {
            continue;
        }
        let Some(folder) = Path::new(&*name)
            .parent()
            .filter(|folder| *folder != Path::new(""))
        else {
            continue; // about the whole catalogue
        };
        fs::create_dir_all(staging.join(folder)).with_context(doing)?;
        let Some(file) = Sample::get(&name) else {
            continue;
        };
        fs::write(staging.join(&*name), file.data).with_context(doing)?;
    }
    if with_rain {
        say("making rain-uncut.wav, 256 MiB, once …");
        let folder = staging.join(RAIN).join("files");
        fs::create_dir_all(&folder).with_context(doing)?;
        rain::write(&folder.join(RAIN_FILE)).with_context(doing)?;
    }
    Ok(())
}
