//! RFC 9110 §13 to §15 on a file, case by case: what we answer, and what nginx does.
//!
//! Each row of [`cases`] and [`fields`] is asked of both over a socket. Where the answers differ,
//! the row says how and why; a difference that no row explains fails, and so does an explanation
//! of what is no difference any more.

mod cases;
mod fields;
mod nginx;
mod summary;

// The download-server's own harness: a node of its own, signed for by this test.
#[allow(dead_code, reason = "its own suite uses the rest")]
#[path = "../../download-server/tests/suite/node.rs"]
mod node;
#[allow(dead_code, reason = "its own suite uses the rest")]
#[path = "../../download-server/tests/suite/store.rs"]
mod store;
#[allow(dead_code, reason = "its own suite uses the rest")]
#[path = "../../download-server/tests/suite/wire.rs"]
mod wire;

use std::net::SocketAddr;

use shared::{file_store::StorageKey, token::DownloadToken};
use tests::programs::NGINX;
use uuid::Uuid;

use crate::{
    cases::{CASES, Case, Target},
    fields::{FIELDS, Field},
    nginx::Nginx,
    node::{Node, PUBLISHED_AT},
    summary::summary,
    wire::{Answer, exchange, request},
};

/// What is served: 10,000 bytes in which no two places are alike.
fn content() -> Vec<u8> {
    (0..2_500_u32).flat_map(u32::to_be_bytes).collect()
}

/// A server, ours or nginx, that has the same files as the other.
enum Server {
    Ours(Box<Node>),
    Nginx(Nginx),
}

impl Server {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(node) => node.address(),
            Self::Nginx(nginx) => nginx.address,
        }
    }

    /// Where to ask for it. A token is good for one answer, so each request gets its own.
    fn path(&self, target: Target) -> String {
        match (self, target) {
            (Self::Ours(node), Target::File) => link(node, node.claims_for(&content())),
            (Self::Ours(node), Target::Empty) => link(node, node.claims_for(b"")),
            (Self::Ours(node), Target::Missing) => {
                let mut claims = node.claims();
                claims.key = StorageKey::from_digest([0; 32]);
                link(node, claims)
            }
            (Self::Nginx(_), Target::File) => "/file".to_owned(),
            (Self::Nginx(_), Target::Empty) => "/empty".to_owned(),
            (Self::Nginx(_), Target::Missing) => "/missing".to_owned(),
        }
    }

    async fn ask(&self, method: &str, target: Target, headers: &[(&str, &str)]) -> Answer {
        let request = request(method, &self.path(target), headers);
        exchange(self.address(), &request).await.expect("an answer")
    }
}

fn link(node: &Node, mut claims: DownloadToken) -> String {
    claims.jti = Uuid::new_v4();
    node.link_of(&claims)
}

/// A server and how it names the version of its file.
struct Asked {
    server: Server,
    etag: String,
    last_modified: String,
}

impl Asked {
    async fn new(server: Server) -> Self {
        let head = server.ask("HEAD", Target::File, &[]).await;
        let said = |name| head.header(name).expect("a validator").to_owned();
        let (etag, last_modified) = (said("etag"), said("last-modified"));
        Self {
            server,
            etag,
            last_modified,
        }
    }

    /// Asks with lines like `If-Match: {etag}`.
    async fn ask(&self, method: &str, target: Target, lines: &[&str]) -> Answer {
        let fill = |line: &&str| {
            line.replace("{etag}", &self.etag)
                .replace("{last_modified}", &self.last_modified)
        };
        let lines: Vec<String> = lines.iter().map(fill).collect();
        let headers: Vec<(&str, &str)> = lines
            .iter()
            .map(|line| line.split_once(": ").expect("a header"))
            .collect();
        self.server.ask(method, target, &headers).await
    }
}

async fn ours() -> Asked {
    Asked::new(Server::Ours(Box::new(Node::start().await))).await
}

async fn nginx() -> Option<Asked> {
    let files = [("file", content()), ("empty", Vec::new())];
    let nginx = Nginx::start(&NGINX.find()?, &files, PUBLISHED_AT.unsigned_abs()).await;
    Some(Asked::new(Server::Nginx(nginx)).await)
}

#[actix_web::test]
async fn conditions_and_ranges_are_answered_as_the_rfc_says() {
    let (ours, nginx) = (ours().await, nginx().await);
    if let Some(nginx) = &nginx {
        assert_eq!(ours.last_modified, nginx.last_modified, "the same file");
    }
    let mut wrong = Vec::new();
    for case in CASES {
        let Case {
            section,
            method,
            target,
            lines,
            ..
        } = *case;
        let file = match target {
            Target::File => content(),
            Target::Empty | Target::Missing => Vec::new(),
        };
        let what = format!("§{section} {method} {target:?} {lines:?}");
        let mut compare = |who: &str, answer: &Answer, expected: &str| {
            let said = summary(method, answer, &file);
            if said != expected {
                wrong.push(format!(
                    "{what}\n    {who} says {said:?}, the table {expected:?}"
                ));
            }
        };
        compare(
            "the server",
            &ours.ask(method, target, lines).await,
            case.ours,
        );
        if let Some(nginx) = &nginx {
            compare(
                "nginx",
                &nginx.ask(method, target, lines).await,
                case.nginx(),
            );
        }
        if case.explains_nothing() {
            wrong.push(format!("{what}\n    explains a difference that is none"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[actix_web::test]
async fn every_answer_carries_the_fields_it_must() {
    let (ours, nginx) = (ours().await, nginx().await);
    let mut wrong = Vec::new();
    for field in FIELDS {
        let Field {
            section,
            status,
            name,
            ..
        } = *field;
        let (method, lines) = fields::request_for(status);
        let mut compare = |who: &str, answer: &Answer, expected: bool| {
            assert_eq!(answer.status, status, "{who}: {lines:?}");
            if answer.header(name).is_some() != expected {
                wrong.push(format!(
                    "§{section} {who}: {name} in a {status}: {}",
                    !expected
                ));
            }
        };
        let answer = ours.ask(method, Target::File, lines).await;
        compare("the server", &answer, field.is_there);
        if let Some(nginx) = &nginx {
            let answer = nginx.ask(method, Target::File, lines).await;
            compare("nginx", &answer, field.is_there == field.differs.is_none());
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
