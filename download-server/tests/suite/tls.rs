//! TLS and HTTP/2 by the server itself, as a real client speaks them.

use std::{fs, path::PathBuf, time::Duration};

use download_server::config::CertificateFiles;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client, ClientBuilder, Response, Version, tls::TlsInfo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

use crate::node::Node;

/// A node that speaks TLS, and the files of its certificate.
struct TlsNode {
    node: Node,
    files: CertificateFiles,
    /// In PEM: what a client has to trust.
    trusted: String,
}

impl TlsNode {
    async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("claimcheck-tls-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let files = CertificateFiles {
            certificates: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        let trusted = new_certificate(&files);
        let node = Node::with(|config| {
            let port = config
                .download_url
                .authority()
                .split(':')
                .nth(1)
                .unwrap()
                .to_owned();
            config.download_url = format!("https://localhost:{port}").parse().unwrap();
            config.tls = Some(files.clone());
            config.limits.head_timeout = Duration::from_secs(5);
        })
        .await;
        Self {
            node,
            files,
            trusted,
        }
    }

    fn client(&self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let trusted = Certificate::from_pem(self.trusted.as_bytes()).unwrap();
        let client = Client::builder()
            .tls_certs_only([trusted])
            .tls_info(true)
            .no_proxy();
        change(client).build().unwrap()
    }

    /// A link to `content`, with its host.
    fn link(&self, content: &[u8]) -> String {
        let link = self.node.link_of(&self.node.claims_for(content));
        format!("{}{link}", self.node.url)
    }
}

impl Drop for TlsNode {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.files.key.parent().unwrap());
    }
}

/// Writes a new certificate for localhost and its key; the certificate in PEM.
fn new_certificate(files: &CertificateFiles) -> String {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    fs::write(&files.certificates, cert.pem()).unwrap();
    fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    cert.pem()
}

fn content(n_bytes: usize) -> Vec<u8> {
    (0..=250_u8).cycle().take(n_bytes).collect()
}

fn shown_certificate(answer: &Response) -> Vec<u8> {
    let info = answer.extensions().get::<TlsInfo>().unwrap();
    info.peer_certificate().unwrap().to_vec()
}

#[actix_web::test]
async fn a_delivery_by_http_2_arrives_whole_and_once() {
    let server = TlsNode::start().await;
    let client = server.client(|client| client);
    for n_bytes in [0, 10_000, 5_000_000] {
        let content = content(n_bytes);
        let link = server.link(&content);

        let answer = client.get(&link).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.version()),
            (200, Version::HTTP_2)
        );
        assert_eq!(
            answer.headers()["content-length"],
            content.len().to_string()
        );
        let lease = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(
            lease.starts_with("__Secure-lease=") && lease.ends_with("; Secure"),
            "{lease}"
        );
        assert_eq!(
            answer.headers()["strict-transport-security"],
            "max-age=31536000"
        );
        assert!(answer.bytes().await.unwrap() == content);

        assert_eq!(client.get(&link).send().await.unwrap().status(), 410);
    }
}

#[actix_web::test]
async fn both_versions_of_tls_carry_both_versions_of_http() {
    use reqwest::tls::Version as Tls;
    let server = TlsNode::start().await;
    let content = content(3_000_000);
    for tls in [Tls::TLS_1_2, Tls::TLS_1_3] {
        for http1 in [true, false] {
            let client = server.client(|client| {
                let client = client.tls_version_min(tls).tls_version_max(tls);
                if http1 { client.http1_only() } else { client }
            });

            let answer = client.get(server.link(&content)).send().await.unwrap();

            let expected = if http1 {
                Version::HTTP_11
            } else {
                Version::HTTP_2
            };
            assert_eq!(
                (answer.status().as_u16(), answer.version()),
                (200, expected)
            );
            assert!(answer.bytes().await.unwrap() == content);
        }
    }
}

#[actix_web::test]
async fn parts_go_side_by_side_on_one_connection() {
    let server = TlsNode::start().await;
    let content = content(4_000_000);
    let link = server.link(&content);
    let client = server.client(|client| client);
    let claim = client.get(&link).send().await.unwrap();
    let lease = claim.headers()["set-cookie"].to_str().unwrap().to_owned();
    let lease = lease.split(';').next().unwrap().to_owned();
    assert!(claim.bytes().await.unwrap() == content);

    let part = async |range: &str| {
        let request = client
            .get(&link)
            .header("cookie", &lease)
            .header("range", range);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 206);
        answer.bytes().await.unwrap()
    };
    let (first, second) = tokio::join!(part("bytes=0-1999999"), part("bytes=2000000-"));

    assert!([first, second].concat() == content);
}

#[actix_web::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_never() {
    let server = TlsNode::start().await;
    let before = shown_certificate(
        &server
            .client(|client| client)
            .get(server.link(b"a"))
            .send()
            .await
            .unwrap(),
    );

    fs::write(&server.files.certificates, "no certificate").unwrap();
    assert!(server.node.running.reload_certificate().is_err());
    let kept = server
        .client(|client| client)
        .get(server.link(b"b"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (kept.status().as_u16(), shown_certificate(&kept)),
        (200, before.clone())
    );

    let trusted = new_certificate(&server.files);
    server.node.running.reload_certificate().unwrap();
    let client = Client::builder()
        .tls_certs_only([Certificate::from_pem(trusted.as_bytes()).unwrap()])
        .tls_info(true)
        .no_proxy()
        .build()
        .unwrap();
    let after = client.get(server.link(b"c")).send().await.unwrap();
    assert_eq!(after.status(), 200);
    assert_ne!(shown_certificate(&after), before);
}

#[actix_web::test]
async fn a_client_that_never_greets_is_let_go() {
    let mut server = TlsNode::start().await;
    server.node = Node::with(|config| {
        config.tls = Some(server.files.clone());
        config.limits.head_timeout = Duration::from_millis(80);
    })
    .await;
    for said in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.node.address()).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
        assert!(!heard.starts_with(b"HTTP"), "nothing is said in the clear");
    }
}

#[actix_web::test]
async fn a_certificate_and_another_ones_key_are_refused_at_the_start() {
    let server = TlsNode::start().await;
    let other = CertificateFiles {
        certificates: PathBuf::from(&server.files.certificates),
        key: server.files.key.with_file_name("other.pem"),
    };
    new_certificate(&CertificateFiles {
        certificates: other.key.with_file_name("other-certificate.pem"),
        key: other.key.clone(),
    });
    let mut config = server.node.config.clone();
    config.tls = Some(other);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();

    let started = download_server::start(config, server.node.clock.clone(), listener).await;

    let error = format!("{:#}", started.err().unwrap());
    assert!(
        error.contains("the key is not the certificate's"),
        "{error}"
    );
}

#[actix_web::test]
async fn tokens_used_side_by_side_are_all_used() {
    let server = TlsNode::start().await;
    let client = server.client(|client| client);
    // So that the file is open, and the connection there.
    client.get(server.link(b"small")).send().await.unwrap();
    let links: Vec<_> = (0..20).map(|_| server.link(b"small")).collect();

    let answers = links.iter().map(|link| client.get(link).send());
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.unwrap().status(), 200);
    }

    for link in &links {
        assert_eq!(client.get(link).send().await.unwrap().status(), 410);
    }
}

#[actix_web::test]
async fn a_drain_waits_for_the_last_byte_of_an_encrypted_delivery() {
    let server = TlsNode::start().await;
    let content = content(2_000_000);
    for http1 in [true, false] {
        let client = server.client(|client| if http1 { client.http1_only() } else { client });
        let mut answer = client.get(server.link(&content)).send().await.unwrap();
        let mut received = answer.chunk().await.unwrap().unwrap().to_vec();
        // The server has sent, or buffered, all that it could before this client goes on.
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while let Some(chunk) = answer.chunk().await.unwrap() {
            received.extend_from_slice(&chunk);
            tokio::task::yield_now().await;
        }
        assert!(received == content);
    }
    let client = server.client(|client| client);
    let answer = client.get(server.link(&content)).send().await.unwrap();

    let (received, ()) = tokio::join!(answer.bytes(), server.node.running.drain());

    assert!(received.unwrap() == content);
}
