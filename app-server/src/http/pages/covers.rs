//! Pictures of products, from the shop's own origin.

use std::io::Read;

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, Path},
};
use shared::file_store::StorageKey;

use crate::{db::products, error::AppError, state::AppState};

/// `GET /covers/{key}` → 200, to be kept for a year: another picture has another key. 404 for what
/// is in the store and no product's picture.
pub async fn show(state: Data<AppState>, key: Path<String>) -> Result<HttpResponse, AppError> {
    let key = StorageKey::parse(&key).ok_or(AppError::NotFound("picture"))?;
    let found = products::find_cover_type(&state.db().await?, key).await?;
    let media_type = found.ok_or(AppError::NotFound("picture"))?;
    let files = state.files.clone();
    let read = web::block(move || {
        let mut bytes = Vec::new();
        files.read(key)?.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    });
    let bytes = match read.await.map_err(AppError::internal)? {
        Ok(bytes) => bytes,
        // The page is as good without it; whoever runs the shop wants to know.
        Err(error) => {
            tracing::error!(%key, %error, "a picture cannot be read");
            return Err(AppError::NotFound("picture"));
        }
    };
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::ETAG, format!("\"{key}\"")))
        .insert_header((header::CONTENT_DISPOSITION, "inline"))
        .body(bytes))
}
