//! Firefox, which continues a cut download only when its user presses Retry.

use download_server::config::LeaseKey;
use tests::{
    cut::Cut,
    downloads::LARGE_BYTES,
    firefox::Firefox,
    large_sale::{IN_THE_MIDDLE, LARGE_NAME, LargeSale},
};

/// Ada has pressed Download in her library, and the line was cut in the middle.
async fn cut_download() -> Option<(Firefox, LargeSale)> {
    let firefox = Firefox::start().await?;
    let sale = LargeSale::make().await;
    sign_in(&firefox, &sale).await;
    sale.line.cut_next(IN_THE_MIDDLE);
    press_download(&firefox, &sale).await;

    let cut = firefox.until_stopped().await;
    assert!(!cut.succeeded && cut.has_partial_data, "{cut:?}");
    assert!(cut.n_bytes > 0 && cut.n_bytes < LARGE_BYTES, "{cut:?}");
    Some((firefox, sale))
}

async fn sign_in(firefox: &Firefox, sale: &LargeSale) {
    firefox.open(&format!("{}/login", sale.world.url())).await;
    firefox
        .type_into("main [name=email]", &tests::client::email("ada"))
        .await;
    firefox
        .type_into("main [name=password]", tests::client::PASSWORD)
        .await;
    firefox.click("//main//button").await;
}

async fn press_download(firefox: &Firefox, sale: &LargeSale) {
    firefox.open(&format!("{}/library", sale.world.url())).await;
    firefox
        .click("//main//a[starts-with(normalize-space(), 'Download')]")
        .await;
}

/// However often it is tried again, what it got is never shown as the file.
async fn assert_never_succeeds(firefox: &Firefox) {
    for _ in 0..3 {
        let retried = firefox.retry().await;
        assert!(!retried.succeeded, "{retried:?}");
        assert!(retried.error.is_some(), "{retried:?}");
    }
    let sum = firefox.downloads.finished(LARGE_NAME);
    let empty = tests::downloads::sha256(b"");
    // Firefox reserves the name with an empty file when a download begins.
    assert!(sum.is_none_or(|sum| sum == empty), "something was kept");
}

/// The way on: a new link from the library.
async fn assert_library_heals(firefox: &Firefox, sale: &LargeSale) {
    firefox.clear_list().await;
    press_download(firefox, sale).await;
    let fresh = firefox.until_stopped().await;
    assert!(fresh.succeeded, "{fresh:?}");
    let names = firefox.downloads.names();
    assert!(
        names
            .iter()
            .any(|name| { firefox.downloads.finished(name).as_ref() == Some(&sum_of(sale)) }),
        "{names:?}"
    );
}

fn sum_of(_: &LargeSale) -> String {
    tests::downloads::sha256(tests::downloads::large_file())
}

#[tokio::test]
async fn firefox_finishes_a_cut_download_on_retry() {
    let Some((firefox, sale)) = cut_download().await else {
        return;
    };

    let retried = firefox.retry().await;

    assert!(retried.succeeded, "{retried:?}");
    assert_eq!(
        firefox.downloads.finished(LARGE_NAME),
        Some(sale.sum().await)
    );
    let requests = sale.line.requests();
    assert_eq!(requests.len(), 2, "one cut, one continuation: {requests:?}");
    for header in ["range", "if-match", "cookie"] {
        assert!(requests[1].header(header).is_some(), "{:?}", requests[1]);
    }
    sale.end().await;
}

#[tokio::test]
async fn a_retry_without_the_lease_never_looks_like_success() {
    let Some((firefox, sale)) = cut_download().await else {
        return;
    };
    firefox.forget_cookies().await;

    assert_never_succeeds(&firefox).await;

    sign_in(&firefox, &sale).await;
    assert_library_heals(&firefox, &sale).await;
    sale.end().await;
}

#[tokio::test]
async fn a_retry_whose_lease_is_void_never_looks_like_success() {
    let Some((firefox, mut sale)) = cut_download().await else {
        return;
    };
    let clock = sale.world.clock.clone();
    let node = &mut sale.world.nodes_mut()[0];
    node.config.lease_key = LeaseKey::parse(&"//////////////////////////////////////////8=".into());
    assert!(node.config.lease_key.is_some());
    node.restart(clock).await;
    sale.world.warm_up().await;

    assert_never_succeeds(&firefox).await;
    assert_library_heals(&firefox, &sale).await;
    sale.end().await;
}

#[tokio::test]
async fn a_retry_that_is_cut_again_goes_on_from_there() {
    let Some((firefox, sale)) = cut_download().await else {
        return;
    };
    sale.line.cut_next(Cut {
        after_bytes: LARGE_BYTES / 4,
        ..IN_THE_MIDDLE
    });

    let again = firefox.retry().await;
    assert!(!again.succeeded, "{again:?}");
    let last = firefox.retry().await;

    assert!(last.succeeded, "{last:?}");
    assert_eq!(
        firefox.downloads.finished(LARGE_NAME),
        Some(sale.sum().await)
    );
    sale.end().await;
}
