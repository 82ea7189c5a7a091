//! Known browsers: those that a user has signed in with.

use chrono::{DateTime, Utc};

use super::sessions::Origin;
use crate::{
    db::{Queries, devices},
    domain::{device::DeviceSecret, ids::UserId},
    error::AppError,
};

/// Lets the browser at `origin` be known to `user`, under a new secret; within the caller's
/// transaction, after [`super::throttle::Pass::succeeded`].
///
/// Users it was known to before stay known to it: several people may share a computer.
///
/// # Errors
/// The database's, or the generator's.
pub async fn remember(
    tx: &impl Queries,
    user: UserId,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<DeviceSecret, AppError> {
    let secret = DeviceSecret::generate().map_err(AppError::internal)?;
    if let Some(old) = &origin.device {
        devices::update_secret(tx, &old.hash(), &secret.hash()).await?;
    }
    devices::insert_device(tx, &secret.hash(), user, now).await?;
    devices::delete_oldest(tx, user).await?;
    Ok(secret)
}
