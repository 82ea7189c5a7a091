//! What the user owns.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::products::{FileBody, ProductBody};
use crate::{
    db::{
        files,
        library::{self, Owned},
    },
    domain::{paging::Page, product::ProductFile},
    error::AppError,
    http::{json::answer, list_query::PageQuery, visitor::SignedIn},
    state::AppState,
};

#[derive(Serialize)]
struct OwnedBody {
    product: ProductBody,
    purchased_at: DateTime<Utc>,
    files: Vec<OwnedFileBody>,
}

#[derive(Serialize)]
struct OwnedFileBody {
    #[serde(flatten)]
    file: FileBody,
    current: bool,
}

impl From<(Owned, Vec<ProductFile>)> for OwnedBody {
    fn from((owned, files): (Owned, Vec<ProductFile>)) -> Self {
        let file = |file: ProductFile| OwnedFileBody {
            current: file.current,
            file: file.into(),
        };
        Self {
            product: owned.product.into(),
            purchased_at: owned.purchased_at,
            files: files.into_iter().map(file).collect(),
        }
    }
}

/// `GET /library` → 200, the latest purchase first; 401; 422.
pub async fn index(
    state: Data<AppState>,
    signed_in: SignedIn,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    let limit = query.limit()?;
    let db = state.db().await?;
    let found =
        library::list_owned(&db, signed_in.user.id, query.after()?, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |last| (last.purchased_at, last.id));
    let items = files::of_owned(&db, page.items).await?;
    let page = Page {
        items: items.into_iter().map(OwnedBody::from).collect(),
        next: page.next,
    };
    Ok(answer(StatusCode::OK, &page))
}
