//! Putting something into a cart.

use crate::{
    db::{carts, library, products},
    domain::{cart::CartOwner, ids::ProductId},
    error::{AppError, Conflict},
    state::AppState,
};

/// The most products of a cart, and of an order.
pub const MAX_ITEMS: usize = 100;

/// Puts a published product into a cart; once, however often it is asked for.
///
/// # Errors
/// [`Conflict::AlreadyOwned`], [`Conflict::MixedCurrency`], or no such product.
pub async fn add(state: &AppState, owner: CartOwner, product: ProductId) -> Result<(), AppError> {
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    if !carts::lock_owner(&tx, owner).await? {
        return Err(AppError::SignInRequired);
    }
    let added = products::list_published(&tx, &[product])
        .await?
        .pop()
        .ok_or(AppError::NotFound("product"))?;
    if let CartOwner::User(user) = owner
        && !library::list_owned_ids(&tx, user, &[product])
            .await?
            .is_empty()
    {
        return Err(AppError::Conflict(Conflict::AlreadyOwned));
    }
    let cart = carts::find_cart(&tx, owner).await?;
    if cart.items.iter().any(|item| item.id == product) {
        return Ok(());
    }
    if cart
        .items
        .iter()
        .any(|item| item.price.mixes_with(added.price))
    {
        return Err(AppError::Conflict(Conflict::MixedCurrency));
    }
    if cart.items.len() >= MAX_ITEMS {
        return Err(AppError::invalid(
            "product_id",
            format!("A cart holds at most {MAX_ITEMS} products."),
        ));
    }
    carts::insert_item(&tx, owner, product, state.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}
