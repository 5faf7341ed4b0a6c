//! The floor of the benchmarks: the minimum that a webhook receiver based on actix-web has to do.
//!
//! It reads the body, checks its HMAC-SHA256 against `X-Hub-Signature-256` and answers 202; it parses and stores nothing.
//! Run as `bench-floor ADDRESS SECRET`; it prints the address that it listens on, since the port may be 0.

#![forbid(unsafe_code)]

use std::net::TcpListener;
use std::process::ExitCode;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use hookd_bench::Key;

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
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let key = Data::new(Key::new(secret.as_bytes()));
    HttpServer::new(move || App::new().app_data(Data::clone(&key)).default_service(web::post().to(receive)))
        .listen(listener)?
        .run()
        .await
}

async fn receive(key: Data<Key>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get("X-Hub-Signature-256").and_then(|value| value.to_str().ok());
    if key.verifies(header, &body) { HttpResponse::Accepted().finish() } else { HttpResponse::BadRequest().finish() }
}
