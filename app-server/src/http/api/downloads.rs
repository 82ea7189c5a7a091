//! Download tokens for programs.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    actions::mint_download::{Asking, mint_download},
    domain::ids::FileId,
    error::AppError,
    http::{json::answer, session::origin, visitor::SignedIn},
    state::AppState,
};

/// A download that may begin.
#[derive(Serialize)]
struct DownloadBody {
    url: String,
    token: String,
    bearer_url: String,
    expires_at: DateTime<Utc>,
}

/// `POST /library/files/{file_id}/downloads` → 201; 404 not owned; 429 over 60 in any 60 s;
/// 503 no download server.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
    file: Path<FileId>,
) -> Result<HttpResponse, AppError> {
    let asking = Asking {
        user: signed_in.user.id,
        session: signed_in.session.id,
        origin: origin(&state, &request),
    };
    let minted = mint_download(&state, asking, *file).await?;
    let body = DownloadBody {
        url: minted.url,
        token: minted.token,
        bearer_url: minted.bearer_url,
        expires_at: minted.expires_at,
    };
    Ok(answer(StatusCode::CREATED, &body))
}
