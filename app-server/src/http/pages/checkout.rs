//! From a cart to an order.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    actions::check_out::order_cart,
    config::Payments,
    db::carts,
    domain::{
        cart::{Cart, CartOwner},
        order::IdempotencyKey,
    },
    error::AppError,
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "checkout/new.html")]
struct CheckoutPage {
    layout: Layout,
    cart: Cart,
    /// PAYMENTS=none, and something has a price.
    payments_off: bool,
    /// One for each time the page is drawn: its button orders once, however often it is pressed.
    idempotency_key: Uuid,
}

/// `GET /checkout` → 200; 401 signed out.
pub async fn new(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    let cart = carts::find_cart(&state.db().await?, CartOwner::User(signed_in.user.id)).await?;
    let priced = cart.items.iter().any(|product| !product.price.is_free());
    let page = CheckoutPage {
        layout: Layout::new(&state, &visitor),
        payments_off: priced && state.config.payments == Payments::None,
        cart,
        idempotency_key: Uuid::new_v4(),
    };
    layout::page(StatusCode::OK, &page)
}

/// The checkout page's form.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    idempotency_key: String,
}

/// `POST /checkout` → 303 to the order, the same one for the same page; 401; 409.
///
/// A cart that another tab has ordered already is empty: the way leads to the orders.
pub async fn create(
    state: Data<AppState>,
    signed_in: SignedIn,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let fields = form.genuine()?;
    let key = IdempotencyKey::parse(&fields.idempotency_key).ok_or_else(|| {
        AppError::invalid("idempotency_key", "Please open the checkout page again.")
    })?;
    let placed = order_cart(&state, signed_in.user.id, &key).await?;
    Ok(match placed {
        Some(placed) => see_other(&format!("/orders/{}", placed.order.id)),
        None => see_other("/orders"),
    })
}
