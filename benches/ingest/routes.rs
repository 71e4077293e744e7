//! What durable ingest is compared with on the same HTTP stack: a route that only reads the body, and one that also verifies the
//! sender and checks the body, and then stores nothing.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Result;
use jiff::Timestamp;
use reasoner_webhooks::domain::ids::RequestId;
use reasoner_webhooks::domain::network::Sender;
use reasoner_webhooks::domain::payload::Payload;
use reasoner_webhooks::domain::request_headers::scrub;
use reasoner_webhooks::domain::sender_settings::SenderSettings;
use reasoner_webhooks::hashing::Hasher;
use reasoner_webhooks::ingest::head::Head;
use reasoner_webhooks::ingest::verifier::{Verdict, Verifier};

use crate::program::Program;

/// Their addresses.
pub struct Routes {
    pub bare: String,
    pub checked: String,
}

/// Serves them until the bench ends.
pub async fn start(program: &Program) -> Result<Routes> {
    let hasher = Hasher::new(1, 64);
    let verifier = web::Data::new(Verifier::new(program.store.clone(), hasher, &program.keys, [7; 32]));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(verifier.clone())
            .route("/bare", web::post().to(bare))
            .route("/checked", web::post().to(checked))
    })
    .disable_signals()
    .bind("127.0.0.1:0")?;
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    Ok(Routes { bare: format!("http://{address}/bare"), checked: format!("http://{address}/checked") })
}

async fn bare(body: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(if body.is_empty() { "{}" } else { r#"{"status":"ok"}"# })
}

async fn checked(verifier: web::Data<Verifier>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let sender = Sender { ip: [127, 0, 0, 1].into(), https: None };
    let head = Head {
        sender,
        headers,
        query: None,
        token: None,
        is_put: false,
        lacks_length: false,
        request_id: RequestId(1),
    };
    let Some(said) = head.authorization() else { return HttpResponse::Unauthorized().finish() };
    let Ok((username, password)) = verifier.recognise(said) else { return HttpResponse::Unauthorized().finish() };
    let Ok(Verdict::Verified(_)) = verifier.verify(&username, &password, Timestamp::now()).await else {
        return HttpResponse::Unauthorized().finish();
    };
    let kept = scrub(head.headers.iter().copied());
    match (head.content(&SenderSettings::default()), Payload::check(body.to_vec())) {
        (Ok(_), Ok(payload)) if payload.as_str().len() + kept.len() > 0 => {
            HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#)
        }
        _ => HttpResponse::BadRequest().finish(),
    }
}
