//! Whose cart a request is about.

use actix_web::HttpRequest;

use super::{session, visitor::Visitor};
use crate::{
    actions::carts,
    db::products,
    domain::{cart::CartOwner, ids::ProductId},
    error::AppError,
    state::AppState,
};

/// Whose cart this visitor sees; nothing for one who never put anything into a cart.
pub fn owner(visitor: &Visitor) -> Option<CartOwner> {
    match visitor {
        Visitor::Anonymous { session, .. } => session.map(CartOwner::Session),
        Visitor::User(signed_in) => Some(CartOwner::User(signed_in.user.id)),
    }
}

/// Puts a product into the visitor's cart; a first one begins the session that keeps it.
///
/// # Errors
/// As [`carts::add`]; [`AppError::TooMany`] when this address has begun too many carts.
pub async fn add(
    state: &AppState,
    request: &HttpRequest,
    visitor: &Visitor,
    product: ProductId,
) -> Result<(), AppError> {
    let owner = if let Some(owner) = owner(visitor) {
        owner
    } else {
        // No row is kept for what does not exist.
        let found = products::list_published(&state.db().await?, &[product]).await?;
        found.first().ok_or(AppError::NotFound("product"))?;
        CartOwner::Session(session::keep(state, request, visitor).await?)
    };
    carts::add(state, owner, product).await
}
