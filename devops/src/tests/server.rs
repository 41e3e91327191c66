//! The service on a real socket: what only a connection can show.

use std::net::TcpListener;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::serve;

/// Sends bytes to the service and reads until it closes.
async fn exchange(settings: DevopsSettings, request: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let dependencies = Arc::new(Process::new()).dependencies();
    let server = serve(
        settings,
        OperatorAccess::new(access()).unwrap(),
        dependencies,
        listener,
    )
    .unwrap();
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);

    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    handle.stop(false).await;
    running.await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

#[track_caller]
fn assert_starts(answer: &str, expected: &str) {
    assert!(answer.starts_with(expected), "{answer}");
}

#[actix_web::test]
async fn it_serves_until_it_is_stopped() {
    let request = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = exchange(settings(), request).await;
    assert_starts(&answer, "HTTP/1.1 200 OK\r\n");
    assert!(answer.ends_with("\r\n\r\n{\"status\":\"UP\"}"), "{answer}");
}

#[actix_web::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let settings = DevopsSettings {
        head_timeout: Duration::from_millis(50),
        ..settings()
    };
    let answer = exchange(settings, "GET /health HTTP/1.1\r\nhost:").await;
    assert_starts(&answer, "HTTP/1.1 408 ");
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let settings = DevopsSettings {
        body_timeout: Duration::from_millis(50),
        head_timeout: Duration::from_secs(1),
        ..settings()
    };
    let request = format!(
        "PUT /devops/logging HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\ncontent-length: 20\r\n\r\n{{",
        basic(DEVOPS_PASSWORD)
    );
    let answer = exchange(settings, &request).await;
    assert_starts(&answer, "HTTP/1.1 408 ");
    assert!(answer.contains("gateway:body.timeout"), "{answer}");
}

#[test]
fn a_hash_that_cannot_be_used_stops_the_start() {
    let settings = AccessSettings {
        devops: Admission::Passwords(vec![PasswordHashSettings {
            hash: "foobar".to_owned(),
            expires_at: None,
        }]),
        ..access()
    };
    assert!(OperatorAccess::new(settings).is_err());
}
