//! What a password may be, and what happens to its hash.

use app_server::{
    actions::{
        sessions::{Begun, Origin},
        sign_in::{Attempt, Code, Outcome, sign_in},
    },
    error::AppError,
    state::AppState,
};
use reqwest::Method;
use serde_json::json;
use tests::{
    client::{Answer, PASSWORD, email},
    shop::Shop,
};

async fn register(shop: &Shop, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "name": "Ada Lovelace", "password": password});
    shop.visitor().api(Method::POST, "/users", Some(body)).await
}

/// What was wrong with the only field that was.
fn detail(answer: &Answer) -> String {
    let problem = answer.json();
    assert_eq!(answer.status, 422, "{problem}");
    let errors = problem["errors"].as_array().expect("errors").clone();
    assert_eq!(errors.len(), 1, "{problem}");
    errors[0]["detail"].as_str().expect("a sentence").to_owned()
}

#[tokio::test]
async fn passwords_of_any_characters_are_taken_from_fifteen_to_far_beyond_a_hundred() {
    let shop = Shop::start().await;
    let words = "seven quiet otters cross the bridge at night ";
    let of = |chars: usize| words.chars().cycle().take(chars).collect::<String>();
    for (nth, password) in [
        of(15),
        of(64),
        of(128),
        of(1_024),
        "correct horse battery staple".to_owned(),
        "девять голубых ламп горят".to_owned(),
        "🦀🐙🦑🐚🌊🐬🐳🦈🐠🐡🪸🪼🦞🦐🦀".to_owned(),
        "  nothing is trimmed here  ".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let email = format!("user-{nth}@example.org");
        let registered = register(&shop, &email, password).await;
        assert_eq!(registered.status, 201, "{password}: {}", registered.text());

        let sign_in = async |password: &str| {
            let body = json!({"email": email, "password": password});
            let client = shop.visitor();
            client
                .api(Method::POST, "/session", Some(body))
                .await
                .status
        };
        assert_eq!(sign_in(password).await, 200, "{password}");
        let mut shorter = password.clone();
        shorter.pop();
        assert_eq!(sign_in(&shorter).await, 401, "every character counts");
    }
    for (password, said) in [(of(14), "at least 15"), (of(1_025), "at most 1024")] {
        let answer = register(&shop, "other@example.org", &password).await;
        assert!(detail(&answer).contains(said), "{}", answer.text());
    }
    shop.end().await;
}

#[tokio::test]
async fn beside_a_second_factor_eight_characters_are_enough() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let change = async |new: &str| {
        let body = json!({"current": PASSWORD, "new": new});
        ada.api(Method::PUT, "/account/password", Some(body)).await
    };
    assert!(detail(&change("k7#qVx2p").await).contains("at least 15"));

    let state = shop.server().state();
    shop.sabotage("update users set second_factor_at = created_at")
        .await;
    let said = app_server::actions::users::set_password(
        &state.database,
        &state.clock,
        &email("ada"),
        "k7#qVx2".into(),
    )
    .await;
    assert!(matches!(said, Err(AppError::Invalid(_))), "seven");
    assert_eq!(change("k7#qVx2p").await.status, 204);
    shop.end().await;
}

#[tokio::test]
async fn what_guessers_try_first_is_refused_with_the_reason_everywhere_one_is_chosen() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    for (weak, said) in [
        ("1q2w3e4r5t6y7u8i", "most common"),
        ("PasswordPassword", "most common"),
        ("xzxzxzxzxzxzxzxzxz", "repeats"),
        ("ClaimcheckStore2026", "shop's name"),
        ("Ada@Example.org", "your address"),
        ("AdaLovelaceAdaLovelace", "your name"),
        ("localhost-localhost!", "shop's name"),
    ] {
        let said_of = detail(&register(&shop, "ada@example.org", weak).await);
        assert!(said_of.contains(said), "{weak}: {said_of}");
    }

    let weak = "1q2w3e4r5t6y7u8i";
    let body = json!({"current": PASSWORD, "new": weak});
    let changed = ada.api(Method::PUT, "/account/password", Some(body)).await;
    assert!(detail(&changed).contains("most common"));
    let form = [("current", PASSWORD), ("new", weak)];
    let page = ada.post_form("/account/password", &form).await;
    assert!(page.status == 422 && page.text().contains("most common passwords"));
    let form = [
        ("name", "Ada"),
        ("email", "x@example.org"),
        ("password", weak),
    ];
    let page = shop.visitor().post_form("/register", &form).await;
    assert!(page.status == 422 && page.text().contains("most common passwords"));
    shop.end().await;
}

#[tokio::test]
async fn a_password_typed_on_another_keyboard_is_the_same_password() {
    let shop = Shop::start().await;
    let (composed, decomposed) = (
        "sechs gr\u{fc}ne \u{c4}pfel im Korb",
        "sechs gru\u{308}ne A\u{308}pfel im Korb",
    );
    register(&shop, "ada@example.org", decomposed).await;

    for typed in [composed, decomposed] {
        let body = json!({"email": email("ada"), "password": typed});
        let client = shop.visitor();
        let answer = client.api(Method::POST, "/session", Some(body)).await;
        assert_eq!(answer.status, 200);
    }
    let body = json!({"email": email("ada"), "password": "sechs grune Apfel im Korb"});
    let client = shop.visitor();
    let other = client.api(Method::POST, "/session", Some(body)).await;
    assert_eq!(other.status, 401, "letters are not folded");
    shop.end().await;
}

/// argon2id of [`PASSWORD`] under m = 8 MiB, t = 1, p = 1.
fn cheap_hash() -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};

    let params = Params::new(8_192, 1, 1, None).expect("parameters");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(PASSWORD.as_bytes()).expect("a hash");
    hash.to_string()
}

async fn stored_hash(shop: &Shop) -> String {
    let db = shop.database.client().await;
    let row = db
        .query_one("select password_hash from users", &[])
        .await
        .expect("a user");
    row.get(0)
}

#[tokio::test]
async fn a_hash_of_old_parameters_is_made_anew_at_sign_in_and_nobody_is_signed_out() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    shop.sabotage(&format!(
        "update users set password_hash = '{}'",
        cheap_hash()
    ))
    .await;

    let wrong = json!({"email": email("ada"), "password": "not the right passphrase"});
    let visitor = shop.visitor();
    visitor.api(Method::POST, "/session", Some(wrong)).await;
    assert!(stored_hash(&shop).await.contains("m=8192"));

    // Several at once: those that verified the old hash are let in, too.
    let clients: Vec<_> = (0..4).map(|_| shop.visitor()).collect();
    let all =
        futures_util::future::join_all(clients.iter().map(|client| client.sign_in("ada"))).await;
    for answer in all {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    assert!(stored_hash(&shop).await.contains("m=19456,t=2,p=1"));
    assert_eq!(ada.user().await["name"], "ada", "no session has ended");
    assert_eq!(shop.visitor().sign_in("ada").await.status, 200);
    shop.end().await;
}

/// A hundred times, sign-ins with the old password while it is being changed: whichever comes first,
/// none of their sessions goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_begun_with_the_old_password_survives_its_change() {
    let shop = Shop::start().await;
    shop.user("ada").await;
    let state = shop.server().state();
    let passwords = [PASSWORD, "another perfectly fine passphrase"];
    let origin = Origin::command_line();
    let attempt = |password: &str| Attempt {
        email: email("ada"),
        password: password.into(),
        code: Code::Given(None),
        remember: false,
    };
    let (mut n_let_in, mut n_refused) = (0, 0);
    for round in 0..100 {
        let (old, new) = (passwords[round % 2], passwords[(round + 1) % 2]);
        let begun = begin(state, attempt(old), &origin).await.unwrap();
        let user = begun.session.user.clone().expect("signed in");
        let change = app_server::actions::change_password::change_password(
            state,
            &user,
            &begun.session,
            old.into(),
            new.into(),
            &origin,
        );
        let sign_ins =
            futures_util::future::join_all((0..2).map(|_| begin(state, attempt(old), &origin)));
        let (changed, in_flight) = tokio::join!(change, sign_ins);
        assert!(changed.is_ok(), "{:?}", changed.err());

        for outcome in in_flight {
            match outcome {
                Ok(begun) => {
                    n_let_in += 1;
                    let found = state.sessions.find(&begun.secret).await.unwrap();
                    assert!(
                        matches!(found, app_server::actions::sessions::Found::Ended(_)),
                        "round {round}: a session of the old password goes on"
                    );
                }
                Err(AppError::InvalidCredentials) => n_refused += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        shop.sabotage("truncate account_throttles, address_throttles; delete from sessions")
            .await;
    }
    eprintln!("{n_let_in} were let in before, {n_refused} came too late");
    shop.end().await;
}

/// Signs in with the password alone.
pub(crate) async fn begin(
    state: &AppState,
    attempt: Attempt,
    origin: &Origin,
) -> Result<Begun, AppError> {
    match sign_in(state, attempt, None, origin).await? {
        Outcome::Begun(begun) => Ok(*begun),
        Outcome::CodeWanted(_) => unreachable!("there is no second factor"),
    }
}
