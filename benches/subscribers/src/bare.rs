//! The floor: actix-ws and nothing else.

use std::sync::Mutex;

use actix_web::web::{Bytes, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use actix_ws::{Message, Session};

/// Everybody who listens; one worker, so the lock is never waited for.
#[derive(Default)]
struct Listeners(Mutex<Vec<Session>>);

/// Serves until it is killed.
pub(crate) fn serve(address: &str) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let listeners = Data::new(Listeners::default());
        let app = move || {
            App::new()
                .app_data(listeners.clone())
                .route("/ws", web::get().to(listen))
                .route("/publish", web::post().to(publish))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .max_connections(100_000)
            .backlog(8192)
            .bind(address)?;
        for address in server.addrs() {
            println!("{address}");
        }
        server.run().await?;
        Ok(())
    })
}

async fn listen(
    request: HttpRequest,
    payload: Payload,
    listeners: Data<Listeners>,
) -> actix_web::Result<HttpResponse> {
    let (response, session, mut messages) = actix_ws::handle(&request, payload)?;
    if let Ok(mut all) = listeners.0.lock() {
        all.push(session.clone());
    }
    actix_web::rt::spawn(async move {
        let mut session = session;
        while let Some(Ok(message)) = messages.recv().await {
            let sent = match message {
                Message::Text(text) => session.text(format!("{text}:ACK")).await,
                Message::Ping(payload) => session.pong(&payload).await,
                Message::Binary(_)
                | Message::Continuation(_)
                | Message::Pong(_)
                | Message::Close(_)
                | Message::Nop => Ok(()),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Ok(response)
}

async fn publish(body: Bytes, listeners: Data<Listeners>) -> HttpResponse {
    let all: Vec<Session> = match listeners.0.lock() {
        Ok(all) => all.clone(),
        Err(_) => return HttpResponse::InternalServerError().finish(),
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    let text = Bytes::from(text);
    for mut session in all {
        // A listener that is gone takes nothing.
        let _ = match std::str::from_utf8(&text) {
            Ok(text) => session.text(text.to_owned()).await,
            Err(_) => Ok(()),
        };
    }
    HttpResponse::NoContent().finish()
}
