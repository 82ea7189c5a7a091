//! Files as their owners fetch them.

use chrono::{DateTime, Utc};
use shared::{file_name::FileName, file_store::StorageKey};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::ids::{FileId, PurchaseId, UserId};

/// A file, and the purchase by which somebody owns it.
#[derive(Clone, Debug)]
pub struct OwnedFile {
    /// The file's version.
    pub id: FileId,
    /// The right to it.
    pub purchase: PurchaseId,
    /// What it is saved as.
    pub name: FileName,
    /// SHA-256 of its bytes, and where they are.
    pub key: StorageKey,
    /// Bytes.
    pub size_bytes: u64,
    /// Media type.
    pub media_type: String,
    /// When this version was published.
    pub published_at: DateTime<Utc>,
}

/// The file `user` may fetch, in any version, if it belongs to a product they own.
///
/// Right and existence are one question, so no caller can forget the check, and "not yours" looks
/// exactly like "not there". Whether the product is still sold does not matter.
/// Cost: one round trip once prepared; indexes `files_pkey`, `purchases_active_key`.
pub async fn owned_file(
    db: &impl Queries,
    user: UserId,
    file: FileId,
) -> Result<Option<OwnedFile>> {
    let row = db.query_opt(OWNED_FILE, &[&user, &file]).await?;
    row.map(OwnedFile::try_from).transpose()
}

const OWNED_FILE: &str = "
    select file_id, purchase_id, file_name, storage_key, size_bytes, media_type, published_at
      from files
      join purchases using (product_id)
     where purchases.user_id = $1
       and file_id = $2
       and purchases.refunded_at is null";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[OWNED_FILE];

impl TryFrom<Row> for OwnedFile {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |column| DbError::Inconsistent {
            table: "files",
            column,
        };
        let size_bytes: i64 = row.try_get("size_bytes")?;
        Ok(Self {
            id: row.try_get("file_id")?,
            purchase: row.try_get("purchase_id")?,
            name: FileName::parse(row.try_get("file_name")?).ok_or_else(|| corrupt("file_name"))?,
            key: StorageKey::parse(row.try_get("storage_key")?)
                .ok_or_else(|| corrupt("storage_key"))?,
            size_bytes: u64::try_from(size_bytes).map_err(|_| corrupt("size_bytes"))?,
            media_type: row.try_get("media_type")?,
            published_at: row.try_get("published_at")?,
        })
    }
}
