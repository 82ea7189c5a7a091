//! curl, and what it gets for a link that was used.

use tests::{
    downloads::sha256,
    large_sale::{IN_THE_MIDDLE, LARGE_NAME, LargeSale},
    programs::CURL,
};

use super::{run, said};

#[tokio::test]
async fn curl_goes_on_in_a_second_run() {
    let Some(curl) = CURL.find() else { return };
    let sale = LargeSale::make().await;
    let target = sale.world.folder.path().join(LARGE_NAME);
    let cookies = sale.cookie_file();
    let arguments = [
        "--disable",
        "--silent",
        "--show-error",
        "--fail",
        "--location",
        "--continue-at",
        "-",
        "--cookie",
        cookies.to_str().unwrap(),
        "--output",
        target.to_str().unwrap(),
        &sale.address(),
    ];
    sale.line.cut_next(IN_THE_MIDDLE);

    let first = run(&curl, arguments).await;
    assert!(!first.status.success(), "{}", said(&first));
    let second = run(&curl, arguments).await;

    assert!(second.status.success(), "{}", said(&second));
    assert_eq!(sha256(&std::fs::read(&target).unwrap()), sale.sum().await);
    let requests = sale.line.requests();
    assert_ne!(requests[0].path, requests[1].path, "with a fresh token");
    assert!(requests[1].header("range").is_some(), "{requests:?}");
    sale.end().await;
}

#[tokio::test]
async fn a_used_link_is_gone_for_curl_and_leads_a_person_to_the_library() {
    let Some(curl) = CURL.find() else { return };
    let sale = LargeSale::make().await;
    let minted = sale.world.mint(&sale.ada, &sale.file).await;
    let link = minted["url"].as_str().unwrap();
    // Body to nowhere; status, code of the answer and target to standard output.
    let look = ["--disable", "--silent", "--output", "/dev/null"];
    let tell = [
        "--write-out",
        "%{http_code} %{content_type} %{redirect_url}",
    ];
    let get = async |further: &[&str]| {
        let arguments = [&look[..], &tell[..], further, &[link][..]].concat();
        let ran = run(&curl, arguments).await;
        String::from_utf8(ran.stdout).unwrap()
    };

    assert_eq!(get(&[]).await, "200 application/octet-stream ");
    assert_eq!(get(&[]).await, "410 application/problem+json ");
    let range = ["--range", "1-"];
    assert_eq!(get(&range).await, "410 application/problem+json ");
    let library = format!("{}/library?file={}", sale.world.url(), sale.file);
    let navigation = [
        "--header",
        "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
    ];
    assert_eq!(get(&navigation).await, format!("303  {library}"));
    sale.end().await;
}
