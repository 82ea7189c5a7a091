#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use actix_web::rt::net::TcpListener;
use tokio::io::AsyncWriteExt;

use super::*;

/// A place for a client that has sent `bytes`, which nobody reads here.
async fn admitted(connections: &Arc<Connections>, bytes: &[u8]) -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    client.write_all(bytes).await.unwrap();
    if !bytes.is_empty() {
        stream.readable().await.unwrap();
    }
    (connections.admit(stream, false).unwrap(), client)
}

fn with_room_for(max_connections: usize) -> Arc<Connections> {
    let limits = Limits {
        max_connections,
        ..Limits::default()
    };
    let metrics = Metrics::new();
    Arc::new(Connections::new(
        limits,
        Vec::new(),
        Clock::system(),
        metrics,
    ))
}

#[actix_web::test]
async fn a_request_that_was_not_read_yet_keeps_its_place_before_the_silent() {
    let connections = with_room_for(2);
    let (asking, _client) = admitted(&connections, b"GET /d").await;
    let (silent, _client) = admitted(&connections, b"").await;

    let (newcomer, _client) = admitted(&connections, b"").await;

    assert!(silent.has_ended());
    assert!(!asking.has_ended() && !newcomer.has_ended());
}

#[actix_web::test]
async fn when_everybody_asks_the_first_to_come_makes_room() {
    let connections = with_room_for(2);
    let (first, _client) = admitted(&connections, b"GET /d").await;
    let (second, _client) = admitted(&connections, b"GET /d").await;

    let (newcomer, _client) = admitted(&connections, b"").await;

    assert!(first.has_ended());
    assert!(!second.has_ended() && !newcomer.has_ended());
}
