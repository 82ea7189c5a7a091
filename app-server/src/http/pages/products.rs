//! One product: what it is, what is in it, and the way to own it.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use crate::{
    db::{carts as store, files, library, products},
    domain::{
        cart::Cart,
        markdown,
        product::{Product, ProductFile},
        slug::Slug,
    },
    error::AppError,
    http::{
        carts,
        layout::{self, Layout},
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "products/show.html")]
struct ProductPage {
    layout: Layout,
    product: Product,
    /// Sanitised.
    description_html: String,
    files: Vec<ProductFile>,
    owned: bool,
    in_cart: bool,
}

/// `GET /products/{slug}` → 200; 404 unknown or not published.
pub async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    slug: Path<String>,
) -> Result<HttpResponse, AppError> {
    let slug = Slug::parse(&slug).ok_or(AppError::NotFound("product"))?;
    let db = state.db().await?;
    let found = products::find_published(&db, &slug)
        .await?
        .ok_or(AppError::NotFound("product"))?;
    let product = found.product;
    let mut files = files::list_files(&db, &[product.id]).await?;
    files.retain(|file| file.current);
    let owned = match visitor.user() {
        Some(user) => !library::list_owned_ids(&db, user.id, &[product.id])
            .await?
            .is_empty(),
        None => false,
    };
    let cart = match carts::owner(&visitor) {
        Some(whose) if !owned => store::find_cart(&db, whose).await?,
        _ => Cart::default(),
    };
    layout::page(
        StatusCode::OK,
        &ProductPage {
            layout: Layout::new(&state, &visitor),
            in_cart: cart.items.iter().any(|item| item.id == product.id),
            description_html: markdown::render(&found.description_markdown),
            product,
            files,
            owned,
        },
    )
}
