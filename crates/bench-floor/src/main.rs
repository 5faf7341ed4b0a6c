//! The floor of the speed measurements: the least that a receiver of webhooks does in actix-web.
//!
//! It reads the body, checks its HMAC-SHA256 against `X-Hub-Signature-256` and answers 202; nothing is parsed, and
//! nothing is stored. Run as `bench-floor ADDRESS SECRET`; it prints where it listens, which port 0 leaves open.

#![forbid(unsafe_code)]

use std::net::TcpListener;
use std::process::ExitCode;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

type Key = Hmac<Sha256>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, secret] = arguments.as_slice() else {
        eprintln!("usage: bench-floor ADDRESS SECRET");
        return ExitCode::from(2);
    };
    match actix_web::rt::System::new().block_on(serve(address, secret)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-floor: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str, secret: &str) -> std::io::Result<()> {
    let key = Key::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let key = Data::new(key);
    HttpServer::new(move || App::new().app_data(Data::clone(&key)).default_service(web::post().to(take)))
        .listen(listener)?
        .run()
        .await
}

async fn take(key: Data<Key>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if is_signed(&key, &request, &body) {
        HttpResponse::Accepted().finish()
    } else {
        HttpResponse::BadRequest().finish()
    }
}

fn is_signed(key: &Key, request: &HttpRequest, body: &[u8]) -> bool {
    let header = request.headers().get("X-Hub-Signature-256").and_then(|value| value.to_str().ok());
    let Some(signature) = header.and_then(|value| value.strip_prefix("sha256=")) else { return false };
    let Ok(signature) = hex::decode(signature) else { return false };
    let mut mac = key.clone();
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}
