//! What the answers say, to the letter.

use shared::token::DownloadToken;

use crate::node::Node;

const LAST_MODIFIED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

/// What every answer carries, whatever it is.
const ALWAYS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "sandbox; default-src 'none'"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "private, no-store"),
    ("cross-origin-resource-policy", "same-site"),
];

fn etag(claims: &DownloadToken) -> String {
    format!("\"{}\"", claims.key)
}

#[actix_web::test]
async fn a_delivery_says_everything_about_the_file() {
    let node = Node::start().await;
    let mut claims = node.claims();
    claims.name = "Führer durch \"alles\".pdf".to_owned();
    let link = node.link_of(&claims);

    let head = node.head(&link).await;
    let answer = node.get(&link).await;

    let digest = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        claims.key.digest(),
    );
    for (name, value) in [
        ("content-length", "1000"),
        ("content-type", "application/pdf"),
        (
            "content-disposition",
            "attachment; filename=\"F_hrer durch _alles_.pdf\"; \
             filename*=UTF-8''F%C3%BChrer%20durch%20%22alles%22.pdf",
        ),
        ("etag", &etag(&claims)),
        ("last-modified", LAST_MODIFIED),
        ("accept-ranges", "bytes"),
        ("repr-digest", &format!("sha-256=:{digest}:")),
    ] {
        assert_eq!(answer.header(name), Some(value));
        assert_eq!(head.header(name), Some(value), "HEAD");
    }
    assert_eq!(answer.body, node.content());
    assert_eq!(head.header("set-cookie"), None);
}

#[actix_web::test]
async fn every_answer_carries_the_security_headers() {
    let node = Node::start().await;
    let claims = node.claims();
    let (link, etag) = (node.link_of(&claims), etag(&claims));
    let lease = node.get(&node.link()).await;
    let answers = [
        node.head(&link).await,
        node.get_with(&link, &[("If-None-Match", &etag)]).await,
        node.get_with(&link, &[("If-Match", "\"x\"")]).await,
        node.get_with(&link, &[("Range", "bytes=5000-")]).await,
        node.get_with(&link, &[("Range", "bytes=0-1")]).await,
        node.get(&link).await,
        node.get_with(&link, &[("Accept", "text/html")]).await,
        node.get("/d/x").await,
        node.ask("POST", &link, &[]).await,
        node.ask("DELETE", "/healthz", &[]).await,
        node.get("/").await,
        node.get("/healthz").await,
        node.get("/readyz").await,
        lease,
    ];

    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(
        statuses,
        [
            200, 304, 412, 416, 206, 410, 303, 400, 405, 405, 404, 200, 200, 200
        ]
    );
    for answer in answers {
        for (name, value) in ALWAYS {
            assert_eq!(answer.header(name), Some(*value), "{answer:?}");
        }
        let delivers = matches!(answer.status, 200 | 206) && answer.header("etag").is_some();
        assert_eq!(
            answer.header("content-disposition").is_some(),
            delivers,
            "{answer:?}"
        );
    }
}

#[actix_web::test]
async fn parts_and_conditions_are_answered_as_http_wants_them() {
    let node = Node::start().await;
    let claims = node.claims();
    let (link, etag) = (node.link_of(&claims), etag(&claims));
    let lease = node.get(&link).await.cookie();
    let ask = async |headers: &[(&str, &str)]| {
        let headers = [&[("Cookie", lease.as_str())], headers].concat();
        node.get_with(&link, &headers).await
    };

    // Firefox, then Chromium, as they resume.
    let firefox = ask(&[
        ("Range", "bytes=300-"),
        ("If-Match", &etag),
        ("If-Unmodified-Since", LAST_MODIFIED),
    ])
    .await;
    let chromium = ask(&[("Range", "bytes=300-"), ("If-Range", &etag)]).await;
    for answer in [firefox, chromium] {
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (206, &node.content()[300..])
        );
        assert_eq!(answer.header("content-range"), Some("bytes 300-999/1000"));
        assert_eq!(answer.header("content-length"), Some("700"));
    }
    let suffix = ask(&[("Range", "bytes=-1")]).await;
    assert_eq!(
        (suffix.status, suffix.body.as_slice()),
        (206, &node.content()[999..])
    );
    let changed = ask(&[("Range", "bytes=300-"), ("If-Range", "\"other\"")]).await;
    assert_eq!((changed.status, changed.body.len()), (200, 1_000));
    let close = ask(&[("Range", "bytes=5-6,0-0,5000-")]).await;
    assert_eq!(
        (close.status, close.body.as_slice()),
        (206, &node.content()[..7])
    );
    assert_eq!(close.header("content-range"), Some("bytes 0-6/1000"));

    let outside = ask(&[("Range", "bytes=1000-")]).await;
    assert_eq!(
        (outside.status, outside.code().as_str()),
        (416, "range_not_satisfiable")
    );
    assert_eq!(outside.header("content-range"), Some("bytes */1000"));
    assert_eq!(outside.header("accept-ranges"), Some("bytes"));

    let known = ask(&[("If-None-Match", &etag)]).await;
    assert_eq!(
        (known.status, known.header("etag")),
        (304, Some(etag.as_str()))
    );
    for further in [
        "last-modified",
        "content-length",
        "content-type",
        "repr-digest",
    ] {
        assert_eq!(known.header(further), None, "{further}");
    }
    let other = ask(&[("If-Unmodified-Since", "Tue, 14 Nov 2023 22:13:19 GMT")]).await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (412, "precondition_failed")
    );
}

#[actix_web::test]
async fn an_empty_file_is_delivered_once() {
    let node = Node::start().await;
    let link = node.link_of(&node.claims_for(b""));

    let answer = node.get(&link).await;

    assert_eq!(
        (answer.status, answer.header("content-length")),
        (200, Some("0"))
    );
    assert_eq!(node.get(&link).await.status, 410);
}

#[actix_web::test]
async fn a_large_file_arrives_whole_and_in_parallel_parts() {
    let node = Node::start().await;
    let content: Vec<u8> = (0..1_500_000_u32).flat_map(u32::to_be_bytes).collect();
    let link = node.link_of(&node.claims_for(&content));

    let whole = node.get(&link).await;
    assert!(whole.body == content);

    let lease = whole.cookie();
    let part = |range: &'static str| {
        let (node, link, lease) = (&node, &link, &lease);
        async move {
            node.get_with(link, &[("Cookie", lease), ("Range", range)])
                .await
                .body
        }
    };
    let (first, second, third) = tokio::join!(
        part("bytes=0-1999999"),
        part("bytes=2000000-3999999"),
        part("bytes=4000000-"),
    );
    assert!([first, second, third].concat() == content);
}

#[actix_web::test]
async fn what_a_token_says_of_a_file_cannot_break_an_answer() {
    let node = Node::start().await;
    let mut claims = node.claims();
    claims.media_type = "text/html\r\nX-Evil: 1".to_owned();
    claims.name = "a\r\nX-Evil: 1/../b".to_owned();
    claims.published_at = i64::MAX;

    let answer = node.get(&node.link_of(&claims)).await;

    assert_eq!((answer.status, answer.header("x-evil")), (200, None));
    assert_eq!(
        answer.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(answer.header("last-modified"), None);
}

#[actix_web::test]
async fn people_read_pages_and_programs_read_problems() {
    let node = Node::start().await;
    for (method, path, status) in [
        ("GET", "/d/x", 400),
        ("GET", "/nowhere", 404),
        ("POST", "/d/x", 405),
    ] {
        let page = node.ask(method, path, &[("Accept", "text/html")]).await;
        assert_eq!(page.status, status);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(
            page.text()
                .contains("href=\"http://localhost:8080/library\""),
            "{}",
            page.text()
        );

        let problem = node.ask(method, path, &[("Accept", "*/*")]).await;
        assert!(!problem.code().is_empty());
    }
    let answer = node.ask("PUT", "/d", &[]).await;
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("GET, HEAD"))
    );
}
