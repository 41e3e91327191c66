//! Bare actix-web with the gateway's allocator: one route, 1 KiB of JSON, nothing else.
//!
//! `hello ADDRESS` binds and serves with one worker until it is killed.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool prints where it listens"
)]

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The size of a body, as in the gateway's comparison.
const BODY_BYTES: usize = 1024;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let filler = "x".repeat(BODY_BYTES - r#"{"x":""}"#.len());
    let body = web::Bytes::from(format!(r#"{{"x":"{filler}"}}"#));
    let app = move || {
        let body = body.clone();
        let hello = move || std::future::ready(answer(body.clone()));
        App::new().route("/", web::get().to(hello))
    };
    let server = HttpServer::new(app).workers(1).bind(address)?;
    for address in server.addrs() {
        println!("{address}");
    }
    server.run().await
}

fn answer(body: web::Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(body)
}
