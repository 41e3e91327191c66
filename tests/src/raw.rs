//! Bytes straight onto a connection, for requests that no well-behaved client sends.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::deadline;

/// Sends `bytes` to `address` and returns everything that came back until the peer closed; asks it to close first by
/// ending the sending direction only after the peer did, so that nothing is cut short.
pub async fn raw_exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = deadline("a connection", TcpStream::connect(address))
        .await
        .expect("the gateway listens");
    // A peer that refuses early may reset the connection while we still write: what it said is what counts.
    let _ = stream.write_all(bytes).await;
    let mut received = Vec::new();
    let _ = deadline("the peer's close", stream.read_to_end(&mut received)).await;
    String::from_utf8_lossy(&received).into_owned()
}

/// Sends a request with exactly this target and these header lines, and returns the status of the answer.
pub async fn raw_status(
    address: &str,
    method: &str,
    target: &str,
    header_lines: &[&str],
) -> Option<u16> {
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for line in header_lines {
        request += line;
        request += "\r\n";
    }
    let answer = raw_exchange(address, (request + "\r\n").as_bytes()).await;
    answer.split(' ').nth(1)?.parse().ok()
}
