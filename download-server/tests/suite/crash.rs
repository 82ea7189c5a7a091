//! A process that dies without a word, and the one that takes its place.

use crate::{
    delivery::{Delivery, LARGE_BYTES, large_file},
    program::Site,
};

#[actix_web::test]
async fn killed_in_the_middle_of_a_delivery_it_reopens_nothing_and_its_lease_goes_on() {
    let site = Site::new();
    let content = large_file();
    let program = site.start(&[]).await;
    site.until_ready().await;
    let (used, unused) = (site.link(&content), site.link(b"unused"));
    let mut delivery = Delivery::begin(site.address(), &used).await;
    let lease = delivery.lease();
    delivery.read_to(LARGE_BYTES / 4).await;

    program.kill().await;
    let received = delivery.finish().await;
    assert!(received.len() < LARGE_BYTES, "the delivery broke off");

    let _program = site.start(&[]).await;
    let (status, reason) = site.ready().await;
    assert_eq!(status, 503);
    assert!(reason.contains("just started"), "{reason}");
    for link in [&used, &unused] {
        let refused = site.get(link).await;
        assert_eq!((refused.status, refused.code().as_str()), (410, "expired"));
    }
    let range = format!("bytes={}-", received.len());
    let resume = [("Cookie", lease.as_str()), ("Range", &range)];
    let rest = site.get_with(&used, &resume).await;
    assert_eq!(rest.status, 206, "a lease needs no memory");
    assert!(
        [received, rest.body].concat() == content,
        "nothing is missing"
    );

    site.until_ready().await;
    let fresh = site.link(b"fresh");
    assert_eq!(site.get(&fresh).await.status, 200);
    for link in [&used, &unused, &fresh] {
        assert_eq!(site.get(link).await.status, 410);
    }
}

#[actix_web::test]
async fn killed_again_and_again_it_lets_no_token_be_used_twice() {
    let site = Site::new();
    let mut links: Vec<String> = Vec::new();
    for _ in 0..3 {
        let program = site.start(&[("MAX_CLOCK_SKEW_SECS", "0")]).await;
        site.until_ready().await;
        for link in &links {
            assert_eq!(site.get(link).await.status, 410);
        }
        links.push(site.link(b"once"));
        assert_eq!(site.get(&links[links.len() - 1]).await.status, 200);
        program.kill().await;
    }
}
