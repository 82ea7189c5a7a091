//! Several parts of a file in one answer.

use std::{collections::BTreeSet, ops::Range};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use crate::{node::Node, wire::Answer};

/// A part as it came: its type, where in how much it belongs, and its bytes.
struct Part {
    media_type: String,
    place: Range<usize>,
    size: usize,
    bytes: Vec<u8>,
}

/// Takes a `multipart/byteranges` apart, as RFC 2046 says, by the boundary of its header alone.
fn parts_of(answer: &Answer) -> Vec<Part> {
    let media_type = answer.header("content-type").unwrap();
    let boundary = media_type
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap_or_else(|| panic!("{media_type}"));
    let body = [b"\r\n", answer.body.as_slice()].concat();
    let delimiter = format!("\r\n--{boundary}");
    let mut pieces = split(&body, delimiter.as_bytes());
    assert_eq!(pieces.pop(), Some(&b"--\r\n"[..]), "the closing delimiter");
    assert_eq!(pieces.remove(0), b"", "nothing before the first");
    pieces.into_iter().map(part).collect()
}

fn part(piece: &[u8]) -> Part {
    let end = piece
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&piece[..end]).unwrap();
    let header = |name: &str| {
        let value = head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value
            .unwrap_or_else(|| panic!("{name} in {head}"))
            .to_owned()
    };
    let (place, size) = place_and_size(&header("Content-Range"));
    Part {
        media_type: header("Content-Type"),
        place,
        size,
        bytes: piece[end + 4..].to_vec(),
    }
}

fn place_and_size(content_range: &str) -> (Range<usize>, usize) {
    let numbers: Vec<usize> = content_range
        .strip_prefix("bytes ")
        .unwrap()
        .split(['-', '/'])
        .map(|number| number.parse().unwrap())
        .collect();
    (numbers[0]..numbers[1] + 1, numbers[2])
}

fn split<'a>(mut bytes: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = bytes
        .windows(delimiter.len())
        .position(|window| window == delimiter)
    {
        pieces.push(&bytes[..at]);
        bytes = &bytes[at + delimiter.len()..];
    }
    pieces.push(bytes);
    pieces
}

/// 400 KB in which no two places are alike.
fn content() -> Vec<u8> {
    (0..100_000_u32).flat_map(u32::to_be_bytes).collect()
}

#[actix_web::test]
async fn several_parts_are_the_bytes_of_the_file_in_the_order_asked_for() {
    let node = Node::start().await;
    let content = content();
    let claims = node.claims_for(&content);
    let link = node.link_of(&claims);

    let answer = node
        .get_with(
            &link,
            &[("Range", "bytes=-5, 0-0,300000-,7-150000, 400000-")],
        )
        .await;

    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-range"), None, "the parts have it");
    assert_eq!(
        answer.header("etag"),
        Some(format!("\"{}\"", claims.key).as_str())
    );
    assert!(
        answer.header("repr-digest").is_some() && answer.header("content-disposition").is_some()
    );
    let parts = parts_of(&answer);
    let places: Vec<_> = parts.iter().map(|part| part.place.clone()).collect();
    assert_eq!(
        places,
        [300_000..400_000, 0..150_001],
        "joined at the place of the first"
    );
    for part in parts {
        assert_eq!(
            (part.media_type.as_str(), part.size),
            ("application/pdf", 400_000)
        );
        assert!(part.bytes == content[part.place]);
    }
    assert_eq!(
        node.get(&link).await.status,
        410,
        "parts claim like anything else"
    );
}

#[actix_web::test]
async fn a_download_in_several_parts_goes_on_by_its_lease() {
    let node = Node::start().await;
    let content = content();
    let link = node.link_of(&node.claims_for(&content));
    let lease = node
        .get_with(&link, &[("Range", "bytes=0-9")])
        .await
        .cookie();

    let range = ("Range", "bytes=200000-299999,10-109999,110100-110109");
    let answer = node.get_with(&link, &[("Cookie", &lease), range]).await;

    let parts = parts_of(&answer);
    let places: Vec<_> = parts.iter().map(|part| part.place.clone()).collect();
    assert_eq!(places, [200_000..300_000, 10..110_000, 110_100..110_110]);
    for part in parts {
        assert!(part.bytes == content[part.place]);
    }
}

#[actix_web::test]
async fn asking_in_pieces_never_makes_an_answer_longer_than_the_file() {
    let node = Node::start().await;
    let lease = node.link();
    let cookie = node.get(&lease).await.cookie();
    let every_hundredth: Vec<_> = (0..10).map(|n| format!("{0}-{0}", n * 100)).collect();
    let bytes_1_to_40: Vec<_> = (0..40).map(|n| format!("{n}-{n}")).collect();
    let all_again_and_again = vec!["0-"; 32];
    for (set, status, len) in [
        (every_hundredth.join(","), 200, 1_000),
        (bytes_1_to_40.join(","), 200, 1_000),
        (bytes_1_to_40[..32].join(","), 206, 32),
        (all_again_and_again.join(","), 206, 1_000),
        ("0-99,900-".to_owned(), 206, 447),
    ] {
        let range = format!("bytes={set}");
        let answer = node
            .get_with(&lease, &[("Cookie", &cookie), ("Range", &range)])
            .await;
        assert_eq!((answer.status, answer.body.len()), (status, len), "{range}");
    }
}

/// The places of an answer's parts, once each was found to be what the file has there.
fn places_of(answer: &Answer, content: &[u8]) -> Vec<Range<usize>> {
    let one = |place: Range<usize>, bytes: &[u8]| {
        assert!(content[place.clone()] == *bytes, "{place:?}");
        place
    };
    match (answer.status, answer.header("content-range")) {
        (200, None) => vec![one(0..content.len(), &answer.body)],
        (206, Some(place)) => vec![one(place_and_size(place).0, &answer.body)],
        (206, None) => {
            let parts = parts_of(answer).into_iter();
            parts.map(|part| one(part.place, &part.bytes)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn whatever_is_asked_for_arrives_once_and_in_place() {
    let node = Node::start().await;
    let content: Vec<u8> = (0..1_500_u32).flat_map(u32::to_be_bytes).collect();
    let link = node.link_of(&node.claims_for(&content));
    let lease = node.get(&link).await.cookie();
    let ranges = prop::collection::vec((0..content.len(), 0..300_usize), 1..12);
    let mut runner = TestRunner::default();
    for _ in 0..100 {
        let ranges = ranges.new_tree(&mut runner).unwrap().current();
        let set: Vec<_> = ranges
            .iter()
            .map(|(first, more)| format!("{first}-{}", first + more))
            .collect();
        let range = format!("bytes={}", set.join(","));

        let answer = node
            .get_with(&link, &[("Cookie", &lease), ("Range", &range)])
            .await;

        let places = places_of(&answer, &content);
        let n_sent: usize = places.iter().map(Range::len).sum();
        let sent: BTreeSet<usize> = places.into_iter().flatten().collect();
        assert_eq!(sent.len(), n_sent, "{range}: a byte came twice");
        let asked = ranges
            .iter()
            .flat_map(|(first, more)| *first..=first + more);
        let mut asked = asked.filter(|byte| *byte < content.len());
        assert!(
            asked.all(|byte| sent.contains(&byte)),
            "{range}: a byte is missing"
        );
        assert!(answer.body.len() <= content.len(), "{range}");
    }
}
