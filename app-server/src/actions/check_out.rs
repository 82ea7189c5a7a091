//! Placing an order.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{carts::MAX_ITEMS, pay, payments};
use crate::{
    config::Payments,
    db::{Tx, carts, library, orders, products},
    domain::{
        cart::CartOwner,
        ids::{OrderId, ProductId, UserId},
        money::Money,
        order::{IdempotencyKey, Order, OrderStatus},
        product::Product,
    },
    error::{AppError, Conflict},
    state::AppState,
};

/// An order that was asked for.
pub struct Placed {
    /// The order.
    pub order: Order,
    /// It was there already: the same request came before.
    pub replayed: bool,
}

/// Orders these products; what is free is paid at once.
///
/// The same key again gives the same order, whatever became of it.
///
/// # Errors
/// [`Conflict::KeyReused`] for other products under a used key; [`Conflict::AlreadyOwned`],
/// [`Conflict::MixedCurrency`], [`Conflict::PaymentsOff`].
pub async fn order_products(
    state: &AppState,
    user: UserId,
    wanted: &[ProductId],
    key: &IdempotencyKey,
) -> Result<Placed, AppError> {
    let wanted: BTreeSet<ProductId> = wanted.iter().copied().collect();
    if wanted.is_empty() || wanted.len() > MAX_ITEMS {
        let detail = format!("An order has 1 to {MAX_ITEMS} products.");
        return Err(AppError::invalid("product_ids", detail));
    }
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    lock(&tx, user).await?;
    if let Some(order) = orders::find_order_by_key(&tx, user, key).await? {
        let items = orders::list_items(&tx, &[order.id]).await?;
        let ordered: BTreeSet<ProductId> = items.iter().map(|(_, item)| item.product.id).collect();
        let same = ordered == wanted;
        return if same {
            Ok(Placed {
                order,
                replayed: true,
            })
        } else {
            Err(AppError::Conflict(Conflict::KeyReused))
        };
    }
    let wanted: Vec<ProductId> = wanted.into_iter().collect();
    let found = products::list_published(&tx, &wanted).await?;
    if found.len() < wanted.len() {
        return Err(AppError::invalid(
            "product_ids",
            "At least one of these products is not sold here.",
        ));
    }
    let order = place(
        &tx,
        state.config.payments,
        user,
        &found,
        key,
        state.clock.now(),
    )
    .await?;
    tx.commit().await?;
    Ok(Placed {
        order,
        replayed: false,
    })
}

/// Orders what is in the user's cart; nothing, when it is empty.
///
/// # Errors
/// As [`order_products`].
pub async fn order_cart(
    state: &AppState,
    user: UserId,
    key: &IdempotencyKey,
) -> Result<Option<Placed>, AppError> {
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    lock(&tx, user).await?;
    if let Some(order) = orders::find_order_by_key(&tx, user, key).await? {
        return Ok(Some(Placed {
            order,
            replayed: true,
        }));
    }
    let cart = carts::find_cart(&tx, CartOwner::User(user)).await?;
    if cart.is_empty() {
        return Ok(None);
    }
    let order = place(
        &tx,
        state.config.payments,
        user,
        &cart.items,
        key,
        state.clock.now(),
    )
    .await?;
    tx.commit().await?;
    Ok(Some(Placed {
        order,
        replayed: false,
    }))
}

/// Everything that touches a user's orders waits here, so that clicks in two tabs come one by one.
async fn lock(tx: &Tx<'_>, user: UserId) -> Result<(), AppError> {
    let there = carts::lock_owner(tx, CartOwner::User(user)).await?;
    if there {
        Ok(())
    } else {
        Err(AppError::SignInRequired)
    }
}

async fn place(
    tx: &Tx<'_>,
    payments: Payments,
    user: UserId,
    products: &[Product],
    key: &IdempotencyKey,
    now: DateTime<Utc>,
) -> Result<Order, AppError> {
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    if !library::list_owned_ids(tx, user, &ids).await?.is_empty() {
        return Err(AppError::Conflict(Conflict::AlreadyOwned));
    }
    let total = Money::total(products.iter().map(|product| product.price))
        .map_err(|_| AppError::Conflict(Conflict::MixedCurrency))?
        .ok_or_else(|| AppError::internal("an order of nothing"))?;
    payments::provider(payments).accept(total)?;

    let id = OrderId::generate(now);
    let mut order = Order {
        id,
        status: OrderStatus::Pending,
        total,
        created_at: now,
        paid_at: None,
    };
    if !orders::insert_order(tx, user, key, &order).await? {
        return Err(AppError::Conflict(Conflict::KeyReused));
    }
    orders::insert_items(tx, order.id, products).await?;
    if total.is_free() {
        pay::complete(tx, user, &mut order, &ids, now).await?;
    }
    carts::delete_items(tx, CartOwner::User(user), &ids).await?;
    Ok(order)
}
