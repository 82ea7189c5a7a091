//! The catalogue.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use serde::Serialize;
use shared::{file_name::FileName, file_store::StorageKey};

use crate::{
    db::{catalogue, files, library, products},
    domain::{
        ids::{FileId, ProductId},
        markdown,
        money::Money,
        paging::Page,
        product::{Product, ProductFile},
        slug::Slug,
    },
    error::AppError,
    http::{json::answer, list_query::ProductsQuery, visitor::Visitor},
    state::AppState,
};

/// A product in a list.
#[derive(Serialize)]
pub struct ProductBody {
    id: ProductId,
    slug: Slug,
    title: String,
    summary: String,
    price: Money,
    tags: Vec<Slug>,
    cover_url: Option<String>,
}

impl From<Product> for ProductBody {
    fn from(product: Product) -> Self {
        Self {
            cover_url: product.cover_url(),
            id: product.id,
            slug: product.slug,
            title: product.title,
            summary: product.summary,
            price: product.price,
            tags: product.tags,
        }
    }
}

/// A product with all there is to know.
#[derive(Serialize)]
struct DetailBody {
    #[serde(flatten)]
    product: ProductBody,
    description_html: String,
    owned: bool,
    files: Vec<FileBody>,
}

/// A version of a file.
#[derive(Serialize)]
pub struct FileBody {
    id: FileId,
    name: FileName,
    size: i64,
    media_type: String,
    sha256: StorageKey,
    version: i32,
}

impl From<ProductFile> for FileBody {
    fn from(file: ProductFile) -> Self {
        Self {
            id: file.id,
            name: file.name,
            size: file.size_bytes,
            media_type: file.media_type,
            sha256: file.key,
            version: file.version,
        }
    }
}

/// `GET /products` → 200; 422 for a sort, a cursor or a limit that is none.
pub async fn index(
    state: Data<AppState>,
    query: Query<ProductsQuery>,
) -> Result<HttpResponse, AppError> {
    let page = match query.parse()? {
        Some(query) => {
            let listed = catalogue::list_products(&state.db().await?, &query).await?;
            Page::cut(listed, query.limit, |last| last.position.clone())
        }
        None => Page {
            items: Vec::new(),
            next: None,
        },
    };
    Ok(answer(
        StatusCode::OK,
        &page.map(|listed| ProductBody::from(listed.product)),
    ))
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
    let product = found.product.id;
    let files = files::list_files(&db, &[product]).await?;
    let owned = match visitor.user() {
        Some(user) => !library::list_owned_ids(&db, user.id, &[product])
            .await?
            .is_empty(),
        None => false,
    };
    let body = DetailBody {
        product: found.product.into(),
        description_html: markdown::render(&found.description_markdown),
        owned,
        files: files
            .into_iter()
            .filter(|file| file.current)
            .map(FileBody::from)
            .collect(),
    };
    Ok(answer(StatusCode::OK, &body))
}
