//! A shop whose files are in a bucket, from import to download.

use tests::{
    s3rver::{PREFIX, S3rver},
    world::World,
};

use crate::store::not_run;

#[tokio::test]
async fn what_is_imported_into_a_bucket_is_sold_and_delivered_from_it() {
    let server = S3rver::start().unwrap_or_else(|| not_run());
    std::fs::create_dir(server.bucket("files")).unwrap();
    let url = format!("s3://files/{PREFIX}");
    let endpoint = format!("http://{}", server.address());
    let variables = [
        ("FILES_URL", url.as_str()),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ACCESS_KEY_ID", "S3RVER"),
        ("AWS_SECRET_ACCESS_KEY", "S3RVER"),
    ];
    let world = World::with(1, &variables).await;
    let large: Vec<u8> = (0..=250_u8).cycle().take(9_000_000).collect();
    world
        .publish("field-guide", 500, &[("guide.pdf", &large)])
        .await;

    let ada = world.user("ada").await;
    let file = world.buy(&ada, "field-guide").await;
    let minted = world.mint(&ada, &file).await;
    let answer = world.anyone().get(minted["url"].as_str().unwrap()).await;

    assert_eq!(answer.status, 200);
    assert!(answer.body == large);
    world.end().await;
}
