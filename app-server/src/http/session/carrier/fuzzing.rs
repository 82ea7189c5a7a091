//! What the fuzz target of cookies reaches. Compiled only under `cfg(fuzzing)`.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use actix_session::{
    SessionExt,
    storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError},
};
use actix_web::{App, HttpResponse, cookie::time::Duration, rt::Runtime, test, web};

use super::carrier_over;
use crate::{domain::secret::SessionSecret, http::cookies::Names};

/// Notes which secret it was asked about, and has no session.
struct Listener(Rc<RefCell<Option<String>>>);

impl SessionStore for Listener {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let secret = SessionSecret::parse(key.as_ref());
        *self.0.borrow_mut() = secret.map(|secret| secret.expose().to_owned());
        Ok(None)
    }

    async fn save(
        &self,
        _: HashMap<String, String>,
        _: &Duration,
    ) -> Result<SessionKey, SaveError> {
        Err(SaveError::Other(anyhow::anyhow!("nothing is saved")))
    }

    async fn update(
        &self,
        _: SessionKey,
        _: HashMap<String, String>,
        _: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        Err(UpdateError::Other(anyhow::anyhow!("nothing is saved")))
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, _: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(())
    }
}

thread_local! {
    static RUNTIME: Runtime = Runtime::new().expect("a runtime");
}

/// The secret that a shop on plain http looks up for a request with these `Cookie` headers.
pub fn secret_in(cookies: &[&[u8]]) -> Option<String> {
    let shop = "http://shop.example".parse().expect("an address");
    let names = Names::of(&shop);
    let asked = Rc::new(RefCell::new(None));
    let store = Listener(Rc::clone(&asked));
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let look = web::to(async |request: actix_web::HttpRequest| {
                let _ = request.get_session().entries();
                HttpResponse::Ok()
            });
            let shop = App::new()
                .wrap(carrier_over(store, names))
                .default_service(look);
            let shop = test::init_service(shop).await;
            let mut request = test::TestRequest::get();
            for value in cookies {
                request = request.append_header(("cookie", *value));
            }
            let _ = test::try_call_service(&shop, request.to_request()).await;
        });
    });
    asked.take()
}
