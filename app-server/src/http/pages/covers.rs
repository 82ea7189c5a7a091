//! Pictures of products, from the shop's own origin.

use std::{
    fs::File,
    io::{self, Read},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::header,
    rt::time::timeout,
    web::{self, Bytes, Data, Path},
};
use futures_util::{StreamExt, stream};
use shared::file_store::{Opened, StorageKey};

use crate::{db::products, error::AppError, state::AppState};

/// A store that takes longer than this to answer is away.
const STORE_DEADLINE: Duration = Duration::from_secs(4);

/// Read at a time, so that a picture nobody takes costs this much and not its size.
const CHUNK_BYTES: usize = 64 * 1_024;

/// `GET /covers/{key}` → 200, to be kept for a year: another picture has another key. 304 for who
/// has it. 404 for what is in the store and no product's picture.
pub async fn show(
    state: Data<AppState>,
    request: HttpRequest,
    key: Path<String>,
) -> Result<HttpResponse, AppError> {
    let key = StorageKey::parse(&key).ok_or(AppError::NotFound("picture"))?;
    let found = products::find_cover_type(&state.db().await?, key).await?;
    let media_type = found.ok_or(AppError::NotFound("picture"))?;
    let etag = format!("\"{key}\"");
    let known = request.headers().get(header::IF_NONE_MATCH);
    let known = known.and_then(|tags| tags.to_str().ok());
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::ETAG, etag.as_str()));
    if known.is_some_and(|tags| tags.contains(&etag)) {
        return Ok(answer
            .status(actix_web::http::StatusCode::NOT_MODIFIED)
            .finish());
    }
    let opened = timeout(STORE_DEADLINE, state.files.open_file(key, None, None)).await;
    let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let (file, size) = match opened.and_then(|file| file.size_bytes().map(|size| (file, size))) {
        Ok(opened) => opened,
        // The page is as good without it; whoever runs the shop wants to know.
        Err(error) => {
            tracing::error!(%key, %error, "a picture cannot be read");
            return Err(AppError::NotFound("picture"));
        }
    };
    let chunks = match file {
        Opened::Local(file) => stream::try_unfold(file, next_chunk).boxed(),
        Opened::Remote(mut file) => file.stream(0..size),
    };
    Ok(answer
        .content_type(media_type)
        .insert_header((header::CONTENT_DISPOSITION, "inline"))
        .body(SizedStream::new(size, chunks)))
}

async fn next_chunk(mut file: File) -> io::Result<Option<(Bytes, File)>> {
    let read = web::block(move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        let n_bytes = file.read(&mut chunk)?;
        chunk.truncate(n_bytes);
        Ok::<_, io::Error>((Bytes::from(chunk), file))
    });
    let (chunk, file) = read.await.map_err(io::Error::other)??;
    Ok((!chunk.is_empty()).then_some((chunk, file)))
}
