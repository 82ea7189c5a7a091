//! Style and pictures of the shop itself: built in, and cached for ever under their content's name.

use std::{collections::HashMap, fmt::Write, sync::LazyLock};

use actix_web::{HttpRequest, HttpResponse, http::header, web::Path};
use rust_embed::RustEmbed;

use crate::error::AppError;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Embedded;

struct Asset {
    content: std::borrow::Cow<'static, [u8]>,
    media_type: &'static str,
}

struct Assets {
    /// By the name in the address, `style.<8 hex>.css`.
    by_address: HashMap<String, Asset>,
    stylesheet: String,
    icon: String,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(load);

/// The address of the style sheet.
pub fn stylesheet() -> &'static str {
    &ASSETS.stylesheet
}

/// The address of the picture in a browser's tab.
pub fn icon() -> &'static str {
    &ASSETS.icon
}

fn load() -> Assets {
    let mut by_address = HashMap::new();
    let (mut stylesheet, mut icon) = (String::new(), String::new());
    for name in Embedded::iter() {
        let Some(file) = Embedded::get(&name) else {
            continue;
        };
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        let hash = file.metadata.sha256_hash();
        let mut address = format!("{stem}.");
        for byte in hash.iter().take(4) {
            write!(address, "{byte:02x}").unwrap_or_default(); // a String takes everything
        }
        address.push('.');
        address.push_str(extension);
        match name.as_ref() {
            "style.css" => stylesheet = format!("/static/{address}"),
            "icon.svg" => icon = format!("/static/{address}"),
            _ => {}
        }
        let asset = Asset {
            content: file.data,
            media_type: media_type(extension),
        };
        by_address.insert(address, asset);
    }
    Assets {
        by_address,
        stylesheet,
        icon,
    }
}

fn media_type(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// `GET /static/{name}` → 200, to be kept for a year; 404 for another name or hash.
pub async fn show(name: Path<String>, _: HttpRequest) -> Result<HttpResponse, AppError> {
    let asset = ASSETS
        .by_address
        .get(name.as_str())
        .ok_or(AppError::NotFound("file"))?;
    Ok(HttpResponse::Ok()
        .content_type(asset.media_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content.clone()))
}
