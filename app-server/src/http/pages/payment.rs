//! Paying an order.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use serde::Deserialize;

use super::orders;
use crate::{
    actions::pay::pay,
    domain::ids::OrderId,
    error::AppError,
    http::{
        form::PageForm,
        layout::see_other,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

/// No fields but the token.
#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /orders/{id}/payment` → 303 to the order; 401; 404; 409 with the order and the reason.
pub async fn create(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
    order: Path<OrderId>,
    form: PageForm<Nothing>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    match pay(&state, signed_in.user.id, *order).await {
        Ok(order) => Ok(see_other(&format!("/orders/{}", order.id))),
        Err(AppError::Conflict(conflict)) => {
            let (_, sentence) = conflict.public();
            orders::draw(
                &state,
                &visitor,
                *order,
                StatusCode::CONFLICT,
                Some(sentence),
            )
            .await
        }
        Err(error) => Err(error),
    }
}
