//! A store's bucket, read without a server in front of it.

use std::io::ErrorKind;

use futures_util::TryStreamExt;
use shared::file_store::{FileStore, Opened};

use crate::store::Store;

fn open(store: &Store) -> FileStore {
    FileStore::open(&store.url(), &store.access()).unwrap()
}

#[tokio::test]
async fn every_part_of_a_file_can_be_read_from_one_opening() {
    let store = Store::start(std::path::Path::new(""));
    let content: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
    let key = store.put(&content);

    let opened = open(&store)
        .open_file(key, Some(100_000), Some(10..20))
        .await;
    let Ok(Opened::Remote(mut file)) = opened else {
        panic!("{opened:?}")
    };

    for range in [10..20, 0..100_000, 99_999..100_000, 5..5, 10..20] {
        let read: Vec<_> = file.stream(range.clone()).try_collect().await.unwrap();
        let range = range.start as usize..range.end as usize;
        assert!(read.concat() == content[range.clone()], "{range:?}");
    }
}

#[tokio::test]
async fn what_is_missing_or_has_another_size_is_not_opened() {
    let store = Store::start(std::path::Path::new(""));
    let key = store.put(b"abc");
    let files = open(&store);
    for wanted in [None, Some(0..3)] {
        let other = files.open_file(key, Some(4), wanted.clone()).await;
        assert_eq!(other.unwrap_err().kind(), ErrorKind::InvalidData);
        store.remove(key);
        let missing = files.open_file(key, Some(3), wanted).await;
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
        store.write(key, b"abc");
    }
}
