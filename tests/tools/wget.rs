//! wget, in one run and in two.

use std::path::Path;

use tests::{
    downloads::sha256,
    large_sale::{IN_THE_MIDDLE, LARGE_NAME, LargeSale},
    programs::WGET,
};

use super::{run, said};

/// Arguments of every run here.
fn arguments(sale: &LargeSale, target: &Path, further: &[&str]) -> Vec<String> {
    let cookies = format!("--load-cookies={}", sale.cookie_file().display());
    let target = format!("--output-document={}", target.display());
    let mut all = vec![
        "--no-config".to_owned(),
        "--no-hsts".to_owned(),
        "--waitretry=0".to_owned(),
        cookies,
        target,
    ];
    all.extend(further.iter().map(|&argument| argument.to_owned()));
    all.push(sale.address());
    all
}

#[tokio::test]
async fn wget_finishes_a_cut_download_by_itself() {
    let Some(wget) = WGET.find() else { return };
    let sale = LargeSale::make().await;
    let target = sale.world.folder.path().join(LARGE_NAME);
    sale.line.cut_next(IN_THE_MIDDLE);

    let ran = run(&wget, arguments(&sale, &target, &["--tries=3"])).await;

    assert!(ran.status.success(), "{}", said(&ran));
    assert_eq!(sha256(&std::fs::read(&target).unwrap()), sale.sum().await);
    let requests = sale.line.requests();
    assert_eq!(requests.len(), 2, "one cut, one continuation: {requests:?}");
    assert_eq!(requests[0].path, requests[1].path, "of one delivery");
    assert!(requests[1].header("range").is_some(), "{requests:?}");
    assert!(requests[1].header("cookie").is_some(), "by its lease");
    sale.end().await;
}

#[tokio::test]
async fn wget_goes_on_in_a_second_run() {
    let Some(wget) = WGET.find() else { return };
    let sale = LargeSale::make().await;
    let target = sale.world.folder.path().join(LARGE_NAME);
    sale.line.cut_next(IN_THE_MIDDLE);

    let first = run(&wget, arguments(&sale, &target, &["--tries=1"])).await;
    assert!(!first.status.success(), "{}", said(&first));
    let second = run(
        &wget,
        arguments(&sale, &target, &["--tries=1", "--continue"]),
    )
    .await;

    assert!(second.status.success(), "{}", said(&second));
    assert_eq!(sha256(&std::fs::read(&target).unwrap()), sale.sum().await);
    let requests = sale.line.requests();
    let range = requests[1].header("range").unwrap_or_default();
    assert!(!range.is_empty() && range != "bytes=0-", "{requests:?}");
    sale.end().await;
}
