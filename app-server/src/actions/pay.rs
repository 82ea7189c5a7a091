//! Paying an order: what turns it into purchases.

use chrono::{DateTime, Utc};

use super::payments::{self, Settlement};
use crate::{
    db::{Tx, carts, library, orders},
    domain::{
        cart::CartOwner,
        ids::{OrderId, ProductId, UserId},
        order::{Order, OrderStatus},
    },
    error::{AppError, Conflict},
    state::AppState,
};

/// Pays an order of the user's; one that is paid already stays as it is.
///
/// # Errors
/// [`Conflict::AlreadyOwned`] when something in it was bought meanwhile: no money is taken and the
/// order is cancelled. [`Conflict::Refunded`], [`Conflict::Cancelled`], [`Conflict::PaymentsOff`].
pub async fn pay(state: &AppState, user: UserId, order: OrderId) -> Result<Order, AppError> {
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    if !carts::lock_owner(&tx, CartOwner::User(user)).await? {
        return Err(AppError::SignInRequired);
    }
    let mut order = orders::find_order(&tx, user, order)
        .await?
        .ok_or(AppError::NotFound("order"))?;
    match order.status {
        OrderStatus::Pending | OrderStatus::Cancelled => {}
        OrderStatus::Paid => return Ok(order),
        OrderStatus::Refunded => return Err(AppError::Conflict(Conflict::Refunded)),
    }
    let now = state.clock.now();
    let items = orders::list_items(&tx, &[order.id]).await?;
    let products: Vec<ProductId> = items.iter().map(|(_, item)| item.product.id).collect();
    if !library::list_owned_ids(&tx, user, &products)
        .await?
        .is_empty()
    {
        orders::update_cancelled(&tx, order.id, now).await?;
        tx.commit().await?;
        return Err(AppError::Conflict(Conflict::AlreadyOwned));
    }
    if order.status == OrderStatus::Cancelled {
        return Err(AppError::Conflict(Conflict::Cancelled));
    }
    match payments::provider(state.config.payments).settle(order.id, order.total)? {
        Settlement::Settled => complete(&tx, user, &mut order, &products, now).await?,
    }
    tx.commit().await?;
    Ok(order)
}

/// Marks a pending order as paid and gives the user what is in it.
///
/// The caller holds the user's lock; the constraint `purchases_active_key` stands behind it.
pub(super) async fn complete(
    tx: &Tx<'_>,
    user: UserId,
    order: &mut Order,
    products: &[ProductId],
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let n_given = library::insert_purchases(tx, user, order.id, products, now).await?;
    if usize::try_from(n_given).ok() != Some(products.len()) {
        return Err(AppError::Conflict(Conflict::AlreadyOwned));
    }
    orders::update_paid(tx, order.id, now).await?;
    carts::delete_items(tx, CartOwner::User(user), products).await?;
    order.status = OrderStatus::Paid;
    order.paid_at = Some(now);
    Ok(())
}
