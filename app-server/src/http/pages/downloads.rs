//! From the library to the file.

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{
        Method,
        header::{ACCEPT_RANGES, ETAG, HeaderMap, HttpDate, LastModified},
    },
    web::{Bytes, Data, Path},
};
use futures_util::stream;

use crate::{
    actions::mint_download::{Asking, find, mint_download},
    db::downloads::OwnedFile,
    domain::ids::FileId,
    error::AppError,
    http::{
        layout::see_other,
        session::origin,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

/// Sends the owner of a file to a download server; a GET that acts, so it looks closely at who asks.
///
/// `GET /library/files/{file_id}/download` → 303 to the download server; 303 to the library when a
/// page elsewhere led here; 401 signed out; 404 unknown or not owned; 429 over 60 in any 60 s;
/// 503 for a prefetch, or without a download server. `HEAD` → 200 with size, type and ETag.
pub async fn show(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    file: Path<FileId>,
) -> Result<HttpResponse, AppError> {
    let headers = request.headers();
    if is_prefetch(headers) {
        return Err(AppError::Prefetch);
    }
    // Before anything is asked about who this is: a page elsewhere learns nothing.
    if is_from_elsewhere(headers) {
        return Ok(see_other(&format!("/library?file={}", *file)));
    }
    let Visitor::User(signed_in) = visitor else {
        return Err(AppError::SignInRequired);
    };
    let SignedIn { user, session } = signed_in;
    if request.method() == Method::HEAD {
        return Ok(described(&find(&state, user.id, *file).await?));
    }
    let asking = Asking {
        user: user.id,
        session: session.id,
        origin: origin(&state, &request),
    };
    Ok(see_other(&mint_download(&state, asking, *file).await?.url))
}

/// A browser guesses that the person may click; nothing is given out for a guess.
fn is_prefetch(headers: &HeaderMap) -> bool {
    headers
        .get("sec-purpose")
        .is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"))
}

/// A link or a script of another site; typed addresses and download tools are not.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
}

/// What a download tool asks before it begins.
fn described(file: &OwnedFile) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(file.media_type.as_str())
        .insert_header((ETAG, format!("\"{}\"", file.key)))
        .insert_header(LastModified(HttpDate::from(std::time::SystemTime::from(
            file.published_at,
        ))))
        .insert_header((ACCEPT_RANGES, "bytes"))
        // Never read: it only says how long the answer to a GET would be.
        .body(SizedStream::new(
            file.size_bytes,
            stream::empty::<Result<Bytes, std::io::Error>>(),
        ))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        headers
    }

    #[test]
    fn only_this_shop_the_address_bar_and_tools_lead_straight_to_the_file() {
        assert!(!is_from_elsewhere(&HeaderMap::new()));
        for (site, elsewhere) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("Same-Origin", true),
            ("", true),
        ] {
            assert_eq!(
                is_from_elsewhere(&headers("sec-fetch-site", site)),
                elsewhere,
                "{site:?}"
            );
        }
    }

    #[test]
    fn every_kind_of_prefetch_is_one() {
        for (purpose, prefetch) in [
            ("prefetch", true),
            ("prefetch;prerender", true),
            ("prefetch;anonymous-client-ip", true),
            ("", false),
            ("other", false),
        ] {
            assert_eq!(
                is_prefetch(&headers("sec-purpose", purpose)),
                prefetch,
                "{purpose:?}"
            );
        }
    }
}
