//! The user's orders.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path, Query},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::products::ProductBody;
use crate::{
    actions::check_out::order_products,
    db::orders,
    domain::{
        ids::{OrderId, ProductId},
        money::Money,
        order::{IdempotencyKey, Order, OrderItem, OrderStatus},
        paging::Page,
    },
    error::AppError,
    http::{
        json::{Json, answer},
        list_query::PageQuery,
        visitor::SignedIn,
    },
    state::AppState,
};

#[derive(Serialize)]
struct OrderBody {
    id: OrderId,
    status: OrderStatus,
    total: Money,
    items: Vec<ItemBody>,
    created_at: DateTime<Utc>,
    paid_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct ItemBody {
    product: ProductBody,
    price: Money,
}

impl From<(Order, Vec<OrderItem>)> for OrderBody {
    fn from((order, items): (Order, Vec<OrderItem>)) -> Self {
        let item = |item: OrderItem| ItemBody {
            product: item.product.into(),
            price: item.price,
        };
        Self {
            id: order.id,
            status: order.status,
            total: order.total,
            items: items.into_iter().map(item).collect(),
            created_at: order.created_at,
            paid_at: order.paid_at,
        }
    }
}

/// An order, answered with what is in it.
pub async fn answer_order(
    state: &AppState,
    status: StatusCode,
    order: Order,
) -> Result<HttpResponse, AppError> {
    let orders = orders::with_items(&state.db().await?, vec![order]).await?;
    let body = orders.into_iter().next().map(OrderBody::from);
    Ok(answer(status, &body.ok_or(AppError::NotFound("order"))?))
}

/// What is ordered; no price and no user, which are not the client's to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrderBody {
    product_ids: Vec<ProductId>,
}

/// `POST /orders` → 201; 200 for a replay of its Idempotency-Key; 401; 409; 422.
pub async fn create(
    state: Data<AppState>,
    signed_in: SignedIn,
    request: HttpRequest,
    Json(body): Json<NewOrderBody>,
) -> Result<HttpResponse, AppError> {
    let key = request
        .headers()
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok());
    let key = key.and_then(IdempotencyKey::parse).ok_or_else(|| {
        AppError::invalid(
            "Idempotency-Key",
            "This header needs 1 to 200 visible ASCII characters, new for each order.",
        )
    })?;
    let placed = order_products(&state, signed_in.user.id, &body.product_ids, &key).await?;
    let status = if placed.replayed {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let address = format!("/api/v1/orders/{}", placed.order.id);
    let mut answer = answer_order(&state, status, placed.order).await?;
    let address = address
        .parse()
        .map_err(|_| AppError::internal("an address that is no header"))?;
    answer.headers_mut().insert(header::LOCATION, address);
    Ok(answer)
}

/// `GET /orders` → 200, the newest first; 401; 422.
pub async fn index(
    state: Data<AppState>,
    signed_in: SignedIn,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    let limit = query.limit()?;
    let db = state.db().await?;
    let found =
        orders::list_orders(&db, signed_in.user.id, query.after()?, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |last| (last.created_at, last.id));
    let items = orders::with_items(&db, page.items).await?;
    let page = Page {
        items: items.into_iter().map(OrderBody::from).collect(),
        next: page.next,
    };
    Ok(answer(StatusCode::OK, &page))
}

/// `GET /orders/{id}` → 200; 401; 404 somebody else's.
pub async fn show(
    state: Data<AppState>,
    signed_in: SignedIn,
    order: Path<OrderId>,
) -> Result<HttpResponse, AppError> {
    let found = orders::find_order(&state.db().await?, signed_in.user.id, *order).await?;
    answer_order(
        &state,
        StatusCode::OK,
        found.ok_or(AppError::NotFound("order"))?,
    )
    .await
}
