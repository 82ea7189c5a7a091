//! Two app-servers and two download servers over one database are one shop.

use std::collections::BTreeSet;

use reqwest::Method;
use tests::world::World;

#[tokio::test]
async fn two_of_each_serve_one_shop() {
    let mut world = World::with(2, &[]).await;
    let files: Vec<(String, Vec<u8>)> = (0..12)
        .map(|n| (format!("part-{n}.txt"), format!("part {n}").into_bytes()))
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    world.publish("course", 900, &files).await;
    let (second, base) = world.second_server();
    let ada = world.user("ada").await;
    world.buy(&ada, "course").await;
    let url = world.url();

    let library = ada.at(&base).get_as(&url, "/api/v1/library").await.json();
    let files = library["items"][0]["files"].as_array().unwrap().clone();
    assert_eq!(files.len(), 12, "bought at one, shown by the other");
    second.state().nodes.probe_all().await;
    let mut hosts = BTreeSet::new();
    for (n, file) in files.iter().enumerate() {
        let path = format!("/library/files/{}/download", file["id"].as_str().unwrap());
        let first = ada.get(&path).await.location().to_owned();
        let other = ada
            .at(&base)
            .get_as(&url, &path)
            .await
            .location()
            .to_owned();
        let host = |link: &str| link.split("/d/").next().unwrap().to_owned();
        assert_eq!(
            host(&first),
            host(&other),
            "both choose the same node for one content"
        );
        hosts.insert(host(&first));
        let answer = world
            .anyone()
            .get(if n % 2 == 0 { &first } else { &other })
            .await;
        assert_eq!(answer.status, 200, "signed by either");
        assert_eq!(
            answer.text(),
            file["name"]
                .as_str()
                .unwrap()
                .replace('-', " ")
                .replace(".txt", "")
        );
    }
    assert_eq!(hosts.len(), 2, "twelve files are spread over both");

    world.nodes_mut()[0].kill().await;
    world.server().state().nodes.probe_all().await;
    for file in &files {
        let path = format!("/library/files/{}/download", file["id"].as_str().unwrap());
        let link = ada.get(&path).await.location().to_owned();
        assert_eq!(
            world.anyone().get(&link).await.status,
            200,
            "the other takes over"
        );
    }
    second.kill().await;
    world.end().await;
}

#[tokio::test]
async fn a_token_opens_nothing_at_another_node() {
    let world = World::with(2, &[]).await;
    world.publish("song", 0, &[("song.txt", b"la la la")]).await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "song").await;
    let minted = world.mint(&ada, &file).await;
    let url = minted["url"].as_str().unwrap();
    let other = world
        .nodes()
        .iter()
        .find(|node| !url.starts_with(node.url.as_str()))
        .unwrap();
    let token = minted["token"].as_str().unwrap();

    let anyone = world.anyone();
    let stray = anyone
        .send(anyone.request(Method::GET, &other.url.join(&format!("/d/{token}"))))
        .await;
    assert_eq!(stray.status, 403);
    assert_eq!(anyone.get(url).await.status, 200, "and is not spent by it");
    world.end().await;
}
