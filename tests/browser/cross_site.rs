//! What other sites can do to somebody who is signed in at the shop: lead there, and nothing else.

use reqwest::Method;
use serde_json::json;
use tests::{
    chromium::{Chromium, Setup},
    client::Client,
    world::World,
};

use super::elsewhere::Elsewhere;

/// Ada is signed in, in the browser too, and owns a file; another product is in her cart, a third
/// ordered but not paid.
struct Scene {
    world: World,
    ada: Client,
    elsewhere: Elsewhere,
    browser: Chromium,
    file: String,
    product: String,
    order: String,
}

impl Scene {
    async fn set() -> Option<Self> {
        let browser = Chromium::start().await?;
        let world = World::start().await;
        for slug in ["owned", "in-cart", "ordered"] {
            world
                .publish(slug, 500, &[("a.txt", slug.as_bytes())])
                .await;
        }
        let ada = world.user("ada").await;
        let file = world.buy(&ada, "owned").await;
        let id = async |slug| {
            let product = ada.get(&format!("/api/v1/products/{slug}")).await.json();
            product["id"].as_str().expect("an id").to_owned()
        };
        let (product, ordered) = (id("in-cart").await, id("ordered").await);
        let key = [("idempotency-key", "by-ada-herself")];
        let body = json!({"product_ids": [ordered]});
        let order = ada
            .api_with(Method::POST, "/orders", Some(body), &key)
            .await
            .json();
        let order = order["id"].as_str().expect("an id").to_owned();
        let put = ada
            .api(Method::PUT, &format!("/cart/{product}"), None)
            .await;
        assert_eq!(put.status, 204);
        browser.sign_in(&world.url(), "ada").await;
        Some(Self {
            world,
            ada,
            elsewhere: Elsewhere::start().await,
            browser,
            file,
            product,
            order,
        })
    }

    /// Everything that another site would like to change.
    async fn state(&self) -> Vec<String> {
        let db = self.world.database.client().await;
        let mut state = Vec::new();
        for what in [
            "select count(*)::text from mints",
            "select count(*)::text from purchases",
            "select string_agg(order_id || status, ',' order by order_id) from orders",
            "select string_agg(product_id::text, ',' order by product_id) from cart_items",
            "select count(*)::text from sessions where user_id is not null and revoked_at is null",
            "select string_agg(email || password_hash, ',' order by email) from users",
        ] {
            let row = db.query_one(what, &[]).await.expect(what);
            state.push(row.get::<_, Option<String>>(0).unwrap_or_default());
        }
        state
    }

    /// The addresses that act, and the fields their forms would have.
    fn forms(&self) -> Vec<(String, Vec<(&'static str, String)>)> {
        let url = self.world.url();
        vec![
            (format!("{url}/logout"), vec![]),
            (
                format!("{url}/cart"),
                vec![("product_id", self.product.clone())],
            ),
            (format!("{url}/cart/{}/delete", self.product), vec![]),
            (
                format!("{url}/checkout"),
                vec![("idempotency_key", "by-somebody-else".to_owned())],
            ),
            (format!("{url}/orders/{}/payment", self.order), vec![]),
            (
                format!("{url}/account/password"),
                vec![
                    ("current", tests::client::PASSWORD.to_owned()),
                    ("new", "whatever the attacker likes".to_owned()),
                ],
            ),
        ]
    }

    async fn assert_signed_in(&self) {
        self.browser
            .open(&format!("{}/account", self.world.url()))
            .await;
        let text = self.browser.text().await;
        assert!(text.contains("Signed in as ada"), "{text}");
    }

    async fn end(self) {
        self.browser.close().await;
        self.world.end().await;
    }
}

fn form_html((action, fields): &(String, Vec<(&str, String)>), target: &str) -> String {
    let fields = fields
        .iter()
        .map(|(name, value)| format!("<input name='{name}' value='{value}'>"));
    let fields: String = fields.collect();
    let token = "<input name='csrf_token' value='guessed'>";
    format!("<form method='post' action='{action}' target='{target}'>{fields}{token}</form>")
}

#[tokio::test]
async fn a_link_from_another_site_finds_the_visitor_signed_in() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let (browser, url) = (&scene.browser, scene.world.url());
    let links = format!("<a href='{url}/library'>library</a><a href='{url}/nothing'>nothing</a>");
    scene.elsewhere.show("/", &links);

    browser.open(&scene.elsewhere.far()).await;
    browser.click("//a[.='library']").await;
    browser
        .until("the library", async || {
            Ok(browser.page.title().await?.starts_with("Your library"))
        })
        .await;
    let text = browser.text().await;
    assert!(text.contains("Signed in as ada"), "{text}");
    assert_eq!(browser.path().await, "/library");

    browser.page.back().await.unwrap();
    browser
        .until("back where the link was", async || {
            Ok(browser.page.title().await? == "elsewhere")
        })
        .await;
    scene.end().await;
}

#[tokio::test]
async fn a_link_to_a_file_leads_to_the_library_and_mints_nothing() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let (browser, file) = (&scene.browser, &scene.file);
    let link = format!("{}/library/files/{file}/download", scene.world.url());
    scene
        .elsewhere
        .show("/", &format!("<a href='{link}'>file</a>"));
    let before = scene.state().await;

    for site in [scene.elsewhere.far(), scene.elsewhere.near()] {
        browser.open(&site).await;
        browser.click("//a[.='file']").await;
        browser.until_at("/library").await;
        assert_eq!(browser.path().await, format!("/library?file={file}"));
        browser
            .until("a button for the file", async || {
                let main = browser.page.find(fantoccini::Locator::Css("main")).await?;
                Ok(main.text().await?.contains("Here is your file"))
            })
            .await;
    }

    assert_eq!(scene.state().await, before);
    assert!(browser.downloads.names().is_empty());
    scene.end().await;
}

#[tokio::test]
async fn forms_of_another_site_are_refused() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let browser = &scene.browser;
    let before = scene.state().await;

    for site in [scene.elsewhere.far(), scene.elsewhere.near()] {
        for form in scene.forms() {
            let html = form_html(&form, "_top") + "<script>document.forms[0].submit()</script>";
            scene.elsewhere.show("/form", &html);
            browser.open(&format!("{site}/form")).await;
            let refused = async || {
                let at_the_shop = browser.page.current_url().await?.as_str() == form.0;
                Ok(at_the_shop && browser.page.title().await?.starts_with("Not allowed"))
            };
            browser.until(&form.0, refused).await;
        }
    }

    assert_eq!(scene.state().await, before);
    scene.assert_signed_in().await;
    scene.end().await;
}

#[tokio::test]
async fn scripts_pictures_and_frames_of_another_site_change_nothing() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let (browser, url) = (&scene.browser, scene.world.url());
    let download = format!("{url}/library/files/{}/download", scene.file);
    let mut html = String::new();
    for (n, form) in scene.forms().iter().enumerate() {
        html += &format!("<iframe name='frame{n}'></iframe>");
        html += &form_html(form, &format!("frame{n}"));
    }
    html += &format!(
        "<img src='{download}'><iframe src='{download}'></iframe><iframe src='{url}/checkout'></iframe>
        <link rel=prefetch href='{download}'><link rel=stylesheet href='{download}'>
        <script src='{download}'></script><video src='{download}' preload=auto></video>"
    );
    // Each promise settles once the shop has answered, or the browser has refused to ask it.
    html += "<script>
        for (const form of document.forms) form.submit();
        const ask = (path, options) =>
            fetch(SHOP + path, {credentials: 'include', ...options}).then(r => r.text()).then(
                text => `${path}: ${text}`, () => '');
        const all = [];
        for (const mode of ['no-cors', 'cors']) {
            for (const form of document.forms) {
                const body = new URLSearchParams(new FormData(form));
                all.push(ask(new URL(form.action).pathname, {method: 'POST', mode, body}));
            }
            all.push(ask(DOWNLOAD, {mode}), ask('/api/v1/session', {mode}),
                ask('/api/v1/orders', {mode, method: 'POST', headers: {'content-type': 'text/plain'},
                    body: JSON.stringify({product_ids: [PRODUCT]})}));
        }
        const json = {'content-type': 'application/json', 'x-csrf-token': 'guessed'};
        all.push(ask('/api/v1/session', {method: 'DELETE', headers: json}),
            ask('/api/v1/cart/' + PRODUCT, {method: 'DELETE', headers: json}),
            ask(DOWNLOAD.replace(/download$/, 'downloads'), {method: 'POST', headers: json}));
        Promise.all(all).then(read => { document.title = 'tried: ' + read.join(''); });
        </script>";
    let html = html
        .replace("SHOP", &format!("'{url}'"))
        .replace(
            "DOWNLOAD",
            &format!("'/library/files/{}/download'", scene.file),
        )
        .replace("PRODUCT", &format!("'{}'", scene.product));
    scene.elsewhere.show("/attack", &html);
    let before = scene.state().await;

    for site in [scene.elsewhere.far(), scene.elsewhere.near()] {
        browser.open(&format!("{site}/attack")).await;
        browser
            .until("everything tried", async || {
                Ok(browser.page.title().await?.starts_with("tried"))
            })
            .await;
        // What a request without CORS brings is empty: anything longer was read from the shop.
        let read = browser.page.title().await.unwrap();
        assert!(!read.contains('{') && !read.contains('<'), "{read}");
        assert_eq!(scene.state().await, before, "{site}");
    }

    assert!(browser.downloads.names().is_empty());
    assert_eq!(scene.ada.user().await["name"], "ada");
    scene.assert_signed_in().await;
    scene.end().await;
}

#[tokio::test]
async fn a_browser_without_scripts_runs_none() {
    let setup = Setup {
        scripts: false,
        ..Setup::default()
    };
    let Some(browser) = Chromium::with(setup).await else {
        return;
    };
    let elsewhere = Elsewhere::start().await;
    elsewhere.show("/", "<script>document.title = 'ran'</script><p>here</p>");

    browser.open(&elsewhere.far()).await;

    // Else the walk without scripts would prove nothing.
    assert_eq!(browser.page.title().await.unwrap(), "elsewhere");
    browser.close().await;
}
