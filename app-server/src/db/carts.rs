//! Carts.
use super::{Queries, Result};
use crate::domain::ids::{SessionId, UserId};

/// Merges.
pub async fn merge_cart(_tx: &impl Queries, _from: SessionId, _to: UserId) -> Result<()> {
    Ok(())
}
