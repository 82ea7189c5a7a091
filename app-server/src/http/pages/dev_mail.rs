//! The letters that would have left: for the demo, where nothing leaves.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use crate::{
    error::AppError,
    http::{
        client_address,
        layout::{self, Layout},
        visitor::Visitor,
    },
    mail::{message::Message, words::moment},
    state::AppState,
};

#[derive(Template)]
#[template(path = "dev_mail/index.html")]
struct DevMailPage {
    layout: Layout,
    letters: Vec<Letter>,
}

struct Letter {
    message: Message,
    when: String,
    /// The text in pieces: a word that is an address becomes a link.
    pieces: Vec<Piece>,
}

enum Piece {
    Text(String),
    Link(String),
}

impl From<Message> for Letter {
    fn from(message: Message) -> Self {
        let mut pieces = Vec::new();
        for word in message.text.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            if bare.starts_with("http://") || bare.starts_with("https://") {
                let link = bare.trim_end_matches(['.', ',', ':', ')']);
                pieces.push(Piece::Link(link.to_owned()));
                pieces.push(Piece::Text(word.replacen(link, "", 1)));
            } else {
                pieces.push(Piece::Text(word.to_owned()));
            }
        }
        Self {
            when: moment(message.at),
            message,
            pieces,
        }
    }
}

/// `GET /dev/mail` → 200, the newest first; 404 in every shop but the demo, and from any other
/// machine: the links open accounts.
pub async fn index(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
) -> Result<HttpResponse, AppError> {
    let from = client_address::of(&request, &state.config.trusted_proxies);
    let is_here = from
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback());
    let kept = state.post.kept().filter(|_| is_here);
    let kept = kept.ok_or(AppError::NotFound("address"))?;
    let page = DevMailPage {
        layout: Layout::new(&state, &visitor),
        letters: kept.all().into_iter().rev().map(Letter::from).collect(),
    };
    layout::page(StatusCode::OK, &page)
}
