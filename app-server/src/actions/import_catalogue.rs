//! A folder of products, brought into the catalogue; as often as one likes.
//!
//! The whole folder is read and checked before anything is written. Contents are stored before the
//! rows that name them, so an import that breaks off leaves nothing half sold: it is run again.

mod folder;
mod store;

use std::{fmt, path::Path};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use shared::{clock::Clock, file_store::FileStore};

use self::store::StoredProduct;
use crate::{
    db::{self, Database, files, products},
    domain::ids::ProductId,
};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Products that were not there before.
    pub n_added: usize,
    /// Products of which something changed.
    pub n_updated: usize,
    /// Products that were there already, just so.
    pub n_unchanged: usize,
    /// Files that are new or whose bytes changed.
    pub n_versions: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} products added, {} updated, {} unchanged; {} new file versions",
            self.n_added, self.n_updated, self.n_unchanged, self.n_versions
        )
    }
}

/// Brings the products beneath `dir` into the catalogue.
///
/// A product is found again by its slug; a file gets a new version only where its bytes changed;
/// nothing is deleted.
///
/// # Errors
/// Every mistake in the folder at once, and then nothing was changed; or disk or database failed.
pub async fn run(
    database: &Database,
    files: &FileStore,
    clock: &Clock,
    dir: &Path,
) -> anyhow::Result<Report> {
    let from = dir.to_owned();
    let folders = tokio::task::spawn_blocking(move || folder::read(&from));
    let folders = match folders.await.context("reading the folder ended badly")? {
        Ok(folders) => folders,
        Err(mistakes) => bail!(
            "{} cannot be imported:\n- {}",
            dir.display(),
            mistakes.join("\n- ")
        ),
    };
    let mut stored = Vec::new();
    for folder in folders {
        stored.push(store::store(files, folder).await?);
    }

    let mut report = Report::default();
    for product in &stored {
        let slug = &product.product.slug;
        let change = write(database, product, clock.now()).await;
        let change = change.with_context(|| format!("writing the product {slug}"))?;
        report.n_versions += change.n_versions;
        match change {
            Change { added: true, .. } => report.n_added += 1,
            Change {
                updated: false,
                n_versions: 0,
                ..
            } => report.n_unchanged += 1,
            Change { .. } => report.n_updated += 1,
        }
    }
    Ok(report)
}

struct Change {
    added: bool,
    updated: bool,
    n_versions: usize,
}

async fn write(
    database: &Database,
    stored: &StoredProduct,
    now: DateTime<Utc>,
) -> db::Result<Change> {
    let mut db = database.client().await?;
    let tx = db.transaction().await?;
    let new = &stored.product;
    let found = products::lock_by_slug(&tx, &new.slug).await?;
    let (product, updated) = if let Some(product) = found {
        (
            product,
            products::update_product(&tx, product, new, now).await?,
        )
    } else {
        let product = ProductId::generate(now);
        products::insert_product(&tx, product, new, now).await?;
        (product, false)
    };
    let mut n_versions = 0;
    for file in &stored.files {
        let file = files::NewFile {
            name: &file.name,
            key: file.key,
            size_bytes: file.size_bytes,
            media_type: &file.media_type,
        };
        n_versions += usize::from(files::insert_version(&tx, product, &file, now).await?);
    }
    tx.commit().await?;
    Ok(Change {
        added: found.is_none(),
        updated,
        n_versions,
    })
}
