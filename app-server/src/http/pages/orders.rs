//! Orders, each page also its receipt.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use askama::Template;

use crate::{
    config::Payments,
    db::orders,
    domain::{
        ids::{OrderId, UserId},
        order::{Order, OrderItem, OrderStatus},
        paging::{DEFAULT_LIMIT, Page},
    },
    error::AppError,
    http::{
        layout::{self, Layout},
        list_query::PageQuery,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "orders/index.html")]
struct OrdersPage {
    layout: Layout,
    orders: Vec<(Order, Vec<OrderItem>)>,
    next: Option<String>,
}

/// `GET /orders` → 200; 401 signed out.
pub async fn index(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    let db = state.db().await?;
    let limit = DEFAULT_LIMIT;
    let found =
        orders::list_orders(&db, signed_in.user.id, query.after()?, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |last| (last.created_at, last.id));
    let page = OrdersPage {
        layout: Layout::new(&state, &visitor),
        orders: orders::with_items(&db, page.items).await?,
        next: page.next,
    };
    layout::page(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "orders/show.html")]
struct OrderPage {
    layout: Layout,
    order: Order,
    items: Vec<OrderItem>,
    buyer: String,
    email: String,
    /// It waits for a payment, and the shop takes them.
    payable: bool,
    error: Option<&'static str>,
}

/// `GET /orders/{id}` → 200; 401 signed out; 404 somebody else's.
pub async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    _: SignedIn,
    order: Path<OrderId>,
) -> Result<HttpResponse, AppError> {
    draw(&state, &visitor, *order, StatusCode::OK, None).await
}

/// The order's page, perhaps with what did not work.
pub async fn draw(
    state: &AppState,
    visitor: &Visitor,
    order: OrderId,
    status: StatusCode,
    error: Option<&'static str>,
) -> Result<HttpResponse, AppError> {
    let user = visitor.user().ok_or(AppError::SignInRequired)?;
    let (order, items) = find(state, user.id, order).await?;
    let page = OrderPage {
        layout: Layout::new(state, visitor),
        payable: order.status == OrderStatus::Pending && state.config.payments == Payments::Test,
        order,
        items,
        buyer: user.name.clone(),
        email: user.email.clone(),
        error,
    };
    layout::page(status, &page)
}

async fn find(
    state: &AppState,
    user: UserId,
    order: OrderId,
) -> Result<(Order, Vec<OrderItem>), AppError> {
    let db = state.db().await?;
    let order = orders::find_order(&db, user, order)
        .await?
        .ok_or(AppError::NotFound("order"))?;
    orders::with_items(&db, vec![order])
        .await?
        .pop()
        .ok_or(AppError::NotFound("order"))
}
