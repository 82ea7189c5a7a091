//! aria2, on one connection and on four.

use tests::{
    downloads::sha256,
    large_sale::{IN_THE_MIDDLE, LARGE_NAME, LargeSale},
    programs::ARIA2,
};

use super::{run, said};

#[tokio::test]
async fn aria2_finishes_a_cut_download_with_a_fresh_token() {
    let Some(aria2) = ARIA2.find() else { return };
    let sale = LargeSale::make().await;
    sale.line.cut_next(IN_THE_MIDDLE);

    finish(&aria2, &sale, "--max-connection-per-server=1").await;

    let requests = sale.line.requests();
    assert_eq!(requests.len(), 2, "one cut, one continuation: {requests:?}");
    assert_ne!(requests[0].path, requests[1].path);
    assert!(requests[1].header("range").is_some(), "{requests:?}");
    sale.end().await;
}

#[tokio::test]
async fn aria2_finishes_on_four_connections_of_which_one_is_cut() {
    let Some(aria2) = ARIA2.find() else { return };
    let sale = LargeSale::make().await;
    let mut early = IN_THE_MIDDLE;
    early.after_bytes /= 8;
    sale.line.cut_next(early);

    finish(&aria2, &sale, "--max-connection-per-server=4").await;

    assert!(
        sale.line.requests().len() >= 5,
        "four and the cut one's next"
    );
    sale.end().await;
}

async fn finish(aria2: &std::path::Path, sale: &LargeSale, connections: &str) {
    let folder = sale.world.folder.path();
    let ran = run(
        aria2,
        [
            "--no-conf",
            "--file-allocation=none",
            "--max-tries=5",
            "--min-split-size=1M",
            "--split=4",
            connections,
            &format!("--load-cookies={}", sale.cookie_file().display()),
            &format!("--dir={}", folder.display()),
            &format!("--out={LARGE_NAME}"),
            &sale.address(),
        ],
    )
    .await;
    assert!(ran.status.success(), "{}", said(&ran));
    let file = std::fs::read(folder.join(LARGE_NAME)).unwrap();
    assert_eq!(sha256(&file), sale.sum().await);
}
