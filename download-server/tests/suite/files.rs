//! Files that shrink, go, or were never any.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::Path,
    process::Command,
    time::SystemTime,
};

use rustix::fs::{Advice, fadvise};
use shared::token::DownloadToken;
use uuid::Uuid;

use crate::{
    delivery::{Delivery, LARGE_BYTES, large_file},
    node::Node,
    program::Site,
};

/// Puts something at a path.
type Put<'a> = &'a dyn Fn(&Path);

#[actix_web::test]
async fn a_file_that_shrinks_under_a_delivery_ends_it_and_restored_the_lease_goes_on() {
    let site = Site::new();
    let content = large_file();
    let program = site.start(&[("MAX_CLOCK_SKEW_SECS", "0")]).await;
    site.until_ready().await;
    let claims = site.claims(&content);
    let (link, path) = (site.link_of(&claims), site.store.path(claims.key));
    let delivery = Delivery::begin(site.address(), &link).await;
    let lease = delivery.lease();

    fs::write(&path, &content[..LARGE_BYTES / 2]).unwrap();
    let received = delivery.finish().await;

    assert!(received.len() <= LARGE_BYTES / 2);
    assert!(content.starts_with(&received), "all that came is right");
    program.until_logged("a delivery broke off").await;
    let range = format!("bytes={}-", received.len());
    let resume = [("Cookie", lease.as_str()), ("Range", &range)];
    let short = site.get_with(&link, &resume).await;
    assert_eq!((short.status, short.code().as_str()), (503, "store"));
    program
        .until_logged("a stored file has the wrong size")
        .await;
    assert_eq!(site.get(&link).await.status, 410, "it was used");

    fs::write(&path, &content).unwrap();
    let rest = site.get_with(&link, &resume).await;
    assert_eq!(rest.status, 206);
    assert!([received, rest.body].concat() == content);
    assert_eq!(site.get(&link).await.status, 410, "and stays so");
}

#[actix_web::test]
async fn a_file_deleted_under_a_delivery_still_arrives_whole() {
    let node = Node::start().await;
    let content = large_file();
    let claims = node.claims_for(&content);
    let path = node.store.path(claims.key);
    let delivery = Delivery::begin(node.address(), &node.link_of(&claims)).await;

    fs::remove_file(&path).unwrap();

    assert!(delivery.finish().await == content);
}

/// Small files are kept in memory; what a disk has damaged must not be.
#[actix_web::test]
async fn a_small_file_that_is_mended_in_place_is_read_anew() {
    let node = Node::start().await;
    let claims = node.claims();
    let path = node.store.path(claims.key);
    let link = || {
        let jti = Uuid::new_v4();
        node.link_of(&DownloadToken {
            jti,
            ..claims.clone()
        })
    };
    let damaged = vec![b'#'; node.content().len()];
    fs::write(&path, &damaged).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    for _ in 0..2 {
        assert!(node.get(&link()).await.body == damaged);
    }

    fs::write(&path, node.content()).unwrap();

    for _ in 0..2 {
        assert!(node.get(&link()).await.body == node.content());
    }
}

#[actix_web::test]
async fn parts_of_a_small_file_that_is_kept_are_those_of_the_file() {
    for range in ["bytes=0-", "bytes=2-5", "bytes=-3", "bytes=0-0"] {
        let node = Node::start().await;
        let content = node.content();
        let before = node.get_with(&node.link(), &[("Range", range)]).await;
        assert_eq!(node.get(&node.link()).await.body, content);
        let after = node.get_with(&node.link(), &[("Range", range)]).await;
        assert_eq!(
            (before.status, &before.body),
            (after.status, &after.body),
            "{range}"
        );
        assert_eq!(
            before.header("content-range"),
            after.header("content-range")
        );
    }
}

#[actix_web::test]
async fn a_file_that_is_on_the_disk_alone_arrives_whole() {
    let node = Node::start().await;
    let content = large_file();
    let claims = node.claims_for(&content);
    let file = fs::File::open(node.store.path(claims.key)).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();

    let delivery = Delivery::begin(node.address(), &node.link_of(&claims)).await;

    assert!(delivery.finish().await == content);
}

#[actix_web::test]
async fn whatever_lies_where_a_file_should_be_costs_no_token() {
    let node = Node::start().await;
    let outside = node.store.root().with_extension("outside");
    fs::write(&outside, node.content()).unwrap();
    let not_files: [(&str, Put); 6] = [
        ("a folder", &|path| fs::create_dir(path).unwrap()),
        ("a pipe", &|path| {
            let made = Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        }),
        ("a socket", &|path| {
            // Its own address may not be so long.
            let short = std::env::temp_dir().join(Uuid::new_v4().to_string());
            UnixListener::bind(&short).unwrap();
            fs::rename(short, path).unwrap();
        }),
        ("a link out", &|path| symlink(&outside, path).unwrap()),
        ("a link to itself", &|path| symlink(path, path).unwrap()),
        ("a device", &|path| symlink("/dev/zero", path).unwrap()),
    ];

    for (what, put) in not_files {
        let claims = node.claims();
        let (link, path) = (node.link_of(&claims), node.store.path(claims.key));
        fs::remove_file(&path).unwrap();
        put(&path);
        let refused = node.get(&link).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (503, "store"),
            "{what}"
        );
        assert!(refused.header("retry-after").is_some());

        let removed = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        removed.unwrap();
        fs::write(&path, node.content()).unwrap();
        assert_eq!(node.get(&link).await.status, 200, "{what}");
        assert_eq!(node.get(&link).await.status, 410, "{what}");
    }
}

#[actix_web::test]
async fn a_file_that_may_not_be_read_is_said_in_the_log_and_costs_no_token() {
    let site = Site::new();
    let program = site.start_unprivileged().await;
    site.until_ready().await;
    let claims = site.claims(b"closed");
    let (link, path) = (site.link_of(&claims), site.store.path(claims.key));

    fs::set_permissions(&path, Permissions::from_mode(0o0)).unwrap();
    let refused = site.get(&link).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "store"));
    program.until_logged("Permission denied").await;

    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    assert_eq!(site.get(&link).await.status, 200);
    assert_eq!(site.get(&link).await.status, 410);
}

#[actix_web::test]
async fn an_empty_folder_where_the_disk_was_mounted_costs_no_token() {
    let node = Node::start().await;
    let content = large_file();
    let running = node.link_of(&node.claims_for(&content));
    let delivery = Delivery::begin(node.address(), &running).await;
    let (link, moved) = (node.link(), node.store.root().with_extension("moved"));
    assert_eq!(node.ready().await.0, 200);

    fs::rename(node.store.root(), &moved).unwrap();
    fs::create_dir(node.store.root()).unwrap();
    let refused = node.get(&link).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "store"));
    assert_eq!(
        node.ready().await.0,
        503,
        "nobody is sent to an empty store"
    );
    assert!(
        delivery.finish().await == content,
        "what is open is delivered"
    );

    fs::remove_dir(node.store.root()).unwrap();
    fs::rename(&moved, node.store.root()).unwrap();
    assert_eq!(node.ready().await.0, 200);
    assert_eq!(node.get(&link).await.status, 200);
    assert_eq!(node.get(&link).await.status, 410);
}
