//! Whether SECRETS_KEY opens what is there, and moving all of it to the newest key.

use anyhow::bail;

use super::second_factor::{open, seal};
use crate::{
    db::{Database, second_factors},
    domain::sealing::Keyring,
};

/// Rows that are sealed again between two looks at the database.
const BATCH: i64 = 100;

/// Refuses to go on without the keys that second factors are sealed under.
///
/// # Errors
/// Names each missing key, and how many people could not sign in.
pub async fn check(database: &Database, keys: Option<&Keyring>) -> anyhow::Result<()> {
    let db = database.client().await?;
    let used = second_factors::list_keys(&db).await?;
    let missing: Vec<String> = used
        .iter()
        .filter(|(id, _)| !keys.is_some_and(|keys| keys.holds(id)))
        .map(|(id, n_factors)| format!("{id:?} ({n_factors})"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "SECRETS_KEY: {}; there are second factors sealed under {}, and nobody could sign in with them",
        if keys.is_some() {
            "a key is missing"
        } else {
            "required"
        },
        missing.join(", ")
    )
}

/// Seals all second factors under the first key that are not yet; how many there were.
///
/// # Errors
/// One that does not open, and the database's; what was sealed before stays so.
pub async fn reseal(database: &Database, keys: &Keyring) -> anyhow::Result<u64> {
    check(database, Some(keys)).await?;
    let mut n_sealed = 0;
    let mut after = None;
    loop {
        let db = database.client().await?;
        let outdated = second_factors::list_outdated(&db, keys.newest(), after, BATCH).await?;
        let Some((last, _)) = outdated.last() else {
            return Ok(n_sealed);
        };
        after = Some(*last);
        for (user, sealed) in &outdated {
            let newer = seal(keys, *user, &open(keys, *user, sealed)?)?;
            // Unchanged: used or replaced meanwhile, and so sealed by a server with newer keys.
            if second_factors::update_sealed(&db, *user, sealed, &newer).await? {
                n_sealed += 1;
            }
        }
    }
}
