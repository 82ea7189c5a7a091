//! Paying an order.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};

use super::orders::answer_order;
use crate::{
    actions::pay::pay, domain::ids::OrderId, error::AppError, http::visitor::SignedIn,
    state::AppState,
};

/// `POST /orders/{id}/payment` → 200 with the order, also when it was paid; 401; 404; 409
/// `already_owned`, `refunded`, `cancelled`, `payments_off`.
pub async fn create(
    state: Data<AppState>,
    signed_in: SignedIn,
    order: Path<OrderId>,
) -> Result<HttpResponse, AppError> {
    let order = pay(&state, signed_in.user.id, *order).await?;
    answer_order(&state, StatusCode::OK, order).await
}
