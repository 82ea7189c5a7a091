//! Chromium's download of 64 MiB, cut in the middle.

use chrono::TimeDelta;
use tests::{
    chromium::Chromium,
    cut::{Cut, End, Head, Then},
    large_sale::{IN_THE_MIDDLE, LARGE_NAME, LargeSale},
};

/// More than a token lives.
const PAST_ITS_TIME: TimeDelta = TimeDelta::seconds(301);

const HELD_IN_THE_MIDDLE: Cut = Cut {
    then: Then::Hold,
    ..IN_THE_MIDDLE
};

const DOWNLOAD: &str = "//main//a[starts-with(normalize-space(), 'Download')]";

/// Ada presses Download in her library.
async fn begin(browser: &Chromium, sale: &LargeSale) {
    browser.sign_in(&sale.world.url(), "ada").await;
    browser.open(&format!("{}/library", sale.world.url())).await;
    browser.click(DOWNLOAD).await;
}

async fn finish(browser: Chromium, sale: LargeSale) {
    let sum = sale.sum().await;
    let finished = async || Ok(browser.downloads.finished(LARGE_NAME).is_some());
    browser.until("the whole file", finished).await;
    assert_eq!(browser.downloads.finished(LARGE_NAME), Some(sum));

    let requests = sale.line.requests();
    assert_eq!(requests.len(), 2, "one cut, one continuation: {requests:?}");
    assert_eq!(requests[0].path, requests[1].path, "of one delivery");
    assert_continues(&requests[1]);
    browser.close().await;
    sale.end().await;
}

fn assert_continues(request: &Head) {
    for header in ["range", "if-range", "cookie"] {
        assert!(request.header(header).is_some(), "no {header}: {request:?}");
    }
}

#[tokio::test]
async fn chromium_finishes_a_cut_download_by_itself() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let sale = LargeSale::make().await;
    sale.line.cut_next(IN_THE_MIDDLE);

    begin(&browser, &sale).await;

    finish(browser, sale).await;
}

#[tokio::test]
async fn chromium_finishes_after_the_tokens_time_by_its_lease() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let sale = LargeSale::make().await;
    sale.line.cut_next(HELD_IN_THE_MIDDLE);

    begin(&browser, &sale).await;
    sale.line.until_cut(1).await;
    sale.world.advance(PAST_ITS_TIME);
    sale.line.release();

    finish(browser, sale).await;
}

#[tokio::test]
async fn chromium_finishes_after_the_download_server_was_restarted() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let mut sale = LargeSale::make().await;
    sale.line.cut_next(HELD_IN_THE_MIDDLE);

    begin(&browser, &sale).await;
    sale.line.until_cut(1).await;
    let clock = sale.world.clock.clone();
    sale.world.nodes_mut()[0].restart(clock).await;
    while !sale.world.node().server().refresh_keys().await {}
    sale.line.release();

    finish(browser, sale).await;
}

#[tokio::test]
async fn chromium_finishes_after_a_reset_when_its_user_resumes() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let sale = LargeSale::make().await;
    sale.line.cut_next(Cut {
        end: End::Reset,
        ..IN_THE_MIDDLE
    });

    begin(&browser, &sale).await;
    sale.line.until_cut(1).await;
    browser.resume_download().await;

    finish(browser, sale).await;
}

#[tokio::test]
async fn a_link_that_expires_on_its_way_leads_to_a_button_for_the_next() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let sale = LargeSale::make().await;
    browser.sign_in(&sale.world.url(), "ada").await;
    browser.open(&format!("{}/library", sale.world.url())).await;

    sale.line.hold();
    let db = sale.world.database.client().await;
    let release = async {
        let minted = async || {
            let mints = db.query("select from mints", &[]).await;
            Ok(mints.expect("the mints").len() == 1)
        };
        browser.until("a link", minted).await;
        sale.world.advance(PAST_ITS_TIME);
        sale.line.release();
    };
    tokio::join!(browser.click(DOWNLOAD), release);
    let path = format!("/library?file={}", sale.file);
    browser
        .until("the file's place in the library", async || {
            Ok(browser.path().await == path)
        })
        .await;
    assert!(
        browser
            .text()
            .await
            .contains("press the button for a new one")
    );
    assert!(browser.downloads.names().is_empty());

    sale.world.server().state().nodes.probe_all().await;
    browser.click(DOWNLOAD).await;
    let finished = async || Ok(browser.downloads.finished(LARGE_NAME).is_some());
    browser.until("the whole file", finished).await;
    let sum = sale.sum().await;
    assert_eq!(browser.downloads.finished(LARGE_NAME), Some(sum));
    browser.close().await;
    sale.end().await;
}
