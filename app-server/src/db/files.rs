//! What products consist of: files in versions.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use shared::{file_name::FileName, file_store::StorageKey};
use tokio_postgres::Row;

use super::{DbError, Queries, Result, library::Owned};
use crate::domain::{
    ids::{FileId, ProductId, UserId},
    product::ProductFile,
};

/// Every version of every file of these products: by product and name, the newest version first.
pub async fn list_files(db: &impl Queries, products: &[ProductId]) -> Result<Vec<ProductFile>> {
    let rows = db.query(LIST_FILES, &[&products]).await?;
    rows.iter().map(product_file).collect()
}

const LIST_FILES: &str = "
    select file_id, product_id, file_name, version, storage_key, size_bytes, media_type, published_at,
           replaced_at
      from files
     where product_id = any($1)
     order by product_id, file_name, version desc";

/// What somebody owns, each with every version of its files.
pub async fn of_owned(
    db: &impl Queries,
    owned: Vec<Owned>,
) -> Result<Vec<(Owned, Vec<ProductFile>)>> {
    let ids: Vec<ProductId> = owned.iter().map(|owned| owned.product.id).collect();
    let mut files: HashMap<ProductId, Vec<ProductFile>> = HashMap::new();
    for file in list_files(db, &ids).await? {
        files.entry(file.product).or_default().push(file);
    }
    let with_files = |owned: Owned| {
        let files = files.remove(&owned.product.id).unwrap_or_default();
        (owned, files)
    };
    Ok(owned.into_iter().map(with_files).collect())
}

/// The file of this identifier, if `user` owns its product.
pub async fn find_owned(
    db: &impl Queries,
    user: UserId,
    file: FileId,
) -> Result<Option<ProductFile>> {
    let row = db.query_opt(FIND_OWNED, &[&user, &file]).await?;
    row.as_ref().map(product_file).transpose()
}

const FIND_OWNED: &str = "
    select file_id, product_id, file_name, version, storage_key, size_bytes, media_type, published_at,
           replaced_at
      from files
      join purchases using (product_id)
     where user_id = $1 and file_id = $2 and purchases.refunded_at is null";

/// A file's content, as it comes into the catalogue.
pub struct NewFile<'a> {
    /// Its name.
    pub name: &'a FileName,
    /// Where its bytes are already stored.
    pub key: StorageKey,
    /// How many they are.
    pub size_bytes: i64,
    /// What they are.
    pub media_type: &'a str,
}

/// Makes `new` the current version of its name; nothing, when its bytes are that already.
///
/// The caller holds the product's row locked, so that versions are counted without gaps.
pub async fn insert_version(
    db: &impl Queries,
    product: ProductId,
    new: &NewFile<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let key = new.key.to_string();
    let name = new.name.as_str();
    if db
        .query_opt(FIND_CURRENT, &[&product, &name, &key])
        .await?
        .is_some()
    {
        return Ok(false);
    }
    db.execute(REPLACE_CURRENT, &[&product, &name, &now])
        .await?;
    let file = FileId::generate(now);
    db.execute(
        INSERT_VERSION,
        &[
            &file,
            &product,
            &name,
            &key,
            &new.size_bytes,
            &new.media_type,
            &now,
        ],
    )
    .await?;
    Ok(true)
}

const FIND_CURRENT: &str = "
    select file_id from files
     where product_id = $1 and file_name = $2 and storage_key = $3 and replaced_at is null";

const REPLACE_CURRENT: &str = "
    update files set replaced_at = $3
     where product_id = $1 and file_name = $2 and replaced_at is null";

const INSERT_VERSION: &str = "
    insert into files (file_id, product_id, file_name, version, storage_key, size_bytes, media_type,
                       published_at)
    select $1, $2, $3, 1 + coalesce(max(version), 0), $4, $5, $6, $7
      from files where product_id = $2 and file_name = $3";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    LIST_FILES,
    FIND_OWNED,
    FIND_CURRENT,
    REPLACE_CURRENT,
    INSERT_VERSION,
];

fn product_file(row: &Row) -> Result<ProductFile> {
    let corrupt = |column| DbError::Inconsistent {
        table: "files",
        column,
    };
    let replaced_at: Option<DateTime<Utc>> = row.try_get("replaced_at")?;
    Ok(ProductFile {
        id: row.try_get("file_id")?,
        product: row.try_get("product_id")?,
        name: FileName::parse(row.try_get("file_name")?).ok_or_else(|| corrupt("file_name"))?,
        version: row.try_get("version")?,
        key: StorageKey::parse(row.try_get("storage_key")?)
            .ok_or_else(|| corrupt("storage_key"))?,
        size_bytes: row.try_get("size_bytes")?,
        media_type: row.try_get("media_type")?,
        published_at: row.try_get("published_at")?,
        current: replaced_at.is_none(),
    })
}
