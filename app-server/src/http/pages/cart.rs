//! The cart.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    db::carts,
    domain::{cart::Cart, ids::ProductId},
    error::AppError,
    http::{
        carts::{add, owner},
        form::PageForm,
        layout::{self, Layout, see_other},
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "cart/show.html")]
struct CartPage {
    layout: Layout,
    cart: Cart,
}

/// `GET /cart` → 200, also when it is empty.
pub async fn show(state: Data<AppState>, visitor: Visitor) -> Result<HttpResponse, AppError> {
    let cart = match owner(&visitor) {
        Some(owner) => carts::find_cart(&state.db().await?, owner).await?,
        None => Cart::default(),
    };
    let layout = Layout::new(&state, &visitor);
    layout::page(StatusCode::OK, &CartPage { layout, cart })
}

/// The form beside a product.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    product_id: String,
}

/// `POST /cart` → 303 to the cart; 404 no such product; 409 owned already, or another currency.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let product = Uuid::parse_str(&form.genuine()?.product_id);
    let product = product.map_err(|_| AppError::NotFound("product"))?;
    add(&state, &request, &visitor, ProductId(product)).await?;
    Ok(see_other("/cart"))
}

/// No fields but the token.
#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /cart/{product_id}/delete` → 303 to the cart, also when it was not in it.
pub async fn destroy(
    state: Data<AppState>,
    visitor: Visitor,
    product: Path<ProductId>,
    form: PageForm<Nothing>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    if let Some(owner) = owner(&visitor) {
        carts::delete_items(&state.db().await?, owner, &[*product]).await?;
    }
    Ok(see_other("/cart"))
}
