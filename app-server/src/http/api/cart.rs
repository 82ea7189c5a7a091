//! The visitor's cart, signed in or not.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use serde::Serialize;

use super::products::ProductBody;
use crate::{
    db::carts,
    domain::{cart::Cart, ids::ProductId, money::Money},
    error::AppError,
    http::{
        carts::{add, owner},
        json::answer,
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Serialize)]
struct CartBody {
    items: Vec<ProductBody>,
    /// Null while there is nothing to add up.
    total: Option<Money>,
}

/// `GET /cart` → 200, also when it is empty.
pub async fn show(state: Data<AppState>, visitor: Visitor) -> Result<HttpResponse, AppError> {
    let cart = match owner(&visitor) {
        Some(owner) => carts::find_cart(&state.db().await?, owner).await?,
        None => Cart::default(),
    };
    let body = CartBody {
        total: cart.total(),
        items: cart.items.into_iter().map(ProductBody::from).collect(),
    };
    Ok(answer(StatusCode::OK, &body))
}

/// `PUT /cart/{product_id}` → 204, also when it is there already; 404; 409 `mixed_currency`,
/// `already_owned`.
pub async fn update(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    product: Path<ProductId>,
) -> Result<HttpResponse, AppError> {
    add(&state, &request, &visitor, *product).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /cart/{product_id}` → 204, also when it was not there.
pub async fn destroy(
    state: Data<AppState>,
    visitor: Visitor,
    product: Path<ProductId>,
) -> Result<HttpResponse, AppError> {
    if let Some(owner) = owner(&visitor) {
        carts::delete_items(&state.db().await?, owner, &[*product]).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
