//! Requests in a row on one connection: each is answered in its turn, with its own body.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    node::{Node, claims},
    slow::{kept, small_client, until_closed},
    wire::{Answer, answers_in, request},
};

/// What is asked for next.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// One of the files, by a token of its own.
    File(usize),
    /// The first ten bytes of one.
    Part(usize),
    Nothing,
    /// No request at all; nothing is answered after it.
    Nonsense,
}

/// Requests, and how they are sent.
#[derive(Clone, Debug)]
struct Row {
    asked: Vec<Asked>,
    /// Lines end with LF alone, but for the last request's.
    bare: bool,
    /// Where the text is cut into writes of their own, by its length.
    cuts: Vec<prop::sample::Index>,
}

fn row() -> impl Strategy<Value = Row> {
    let asked = prop_oneof![
        4 => (0..3_usize).prop_map(Asked::File),
        2 => (0..3_usize).prop_map(Asked::Part),
        2 => Just(Asked::Nothing),
        1 => Just(Asked::Nonsense),
    ];
    let cuts = vec(any::<prop::sample::Index>(), 0..4);
    (vec(asked, 1..6), any::<bool>(), cuts).prop_map(|(asked, bare, cuts)| Row {
        asked,
        bare,
        cuts,
    })
}

#[actix_web::test]
async fn requests_in_a_row_are_answered_in_order_each_with_its_own_body() {
    let node = Node::start().await;
    let files = [
        node.content().to_vec(),
        vec![b'2'; 10_240],
        vec![b'3'; 40_000],
    ];
    let mut runner = TestRunner::deterministic();
    for _ in 0..150 {
        let row = row().new_tree(&mut runner).unwrap().current();
        let answers = ask(&node, &files, &row).await;
        check(&row, &files, &answers);
    }
    node.until_idle().await;
}

/// Sends all requests of `row`, the last one's connection closed behind it.
async fn ask(node: &Node, files: &[Vec<u8>], row: &Row) -> Vec<Answer> {
    let link = |n: usize| node.link_of(&node.claims_for(&files[n]));
    let texts = row.asked.iter().map(|asked| match *asked {
        Asked::File(n) => kept(&link(n)),
        Asked::Part(n) => kept(&link(n)).replace("\r\n\r\n", "\r\nRange: bytes=0-9\r\n\r\n"),
        Asked::Nothing => kept("/nothing"),
        Asked::Nonsense => "nonsense\r\n\r\n".to_owned(),
    });
    let mut text: String = texts.collect();
    if row.bare {
        text = text.replace("\r\n", "\n");
    }
    text += &request("GET", "/healthz", &[]);
    let mut cuts: Vec<usize> = row.cuts.iter().map(|cut| cut.index(text.len())).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();

    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for cut in cuts.windows(2) {
        // The server may have had enough.
        let _ = stream.write_all(&text.as_bytes()[cut[0]..cut[1]]).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    answers_in(&until_closed(&mut stream).await)
}

fn check(row: &Row, files: &[Vec<u8>], answers: &[Answer]) {
    let mut answers = answers.iter();
    for asked in &row.asked {
        let answer = answers.next().unwrap_or_else(|| panic!("{row:?}"));
        let (status, body) = match *asked {
            Asked::File(n) => (200, Some(&files[n][..])),
            Asked::Part(n) => (206, Some(&files[n][..10])),
            Asked::Nothing => (404, None),
            Asked::Nonsense => (400, None),
        };
        assert_eq!(answer.status, status, "{row:?}");
        assert!(body.is_none_or(|body| body == answer.body), "{row:?}");
        if matches!(asked, Asked::Nonsense) {
            return;
        }
    }
    assert_eq!(answers.next().unwrap().status, 200, "{row:?}");
}

#[actix_web::test]
async fn small_files_reach_a_reader_that_begins_late_and_takes_little_at_a_time() {
    const N_ASKED: usize = 25;
    let node = Node::start().await;
    let file: Vec<u8> = (0..16_384_u32).flat_map(u32::to_be_bytes).collect();
    let key = node.store.put(&file);
    let link = || node.link_of(&claims(&node.url, node.clock.unix_secs(), key, 65_536));
    let mut stream = small_client(node.address()).await;
    // More than all buffers on the way hold, so the server comes to wait within an answer.
    for _ in 1..N_ASKED {
        stream.write_all(kept(&link()).as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let last = request("GET", &link(), &[]);
    stream.write_all(last.as_bytes()).await.unwrap();

    let mut came = Vec::new();
    let mut some = [0; 7_000];
    loop {
        let n_bytes = stream.read(&mut some).await.unwrap();
        if n_bytes == 0 {
            break;
        }
        came.extend_from_slice(&some[..n_bytes]);
        tokio::task::yield_now().await;
    }

    let answers = answers_in(&came);
    assert_eq!(answers.len(), N_ASKED);
    assert!(answers.iter().all(|it| it.status == 200 && it.body == file));
}
