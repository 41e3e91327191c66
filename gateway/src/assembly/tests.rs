//! The whole edge in this process, above a store in which a test can leave what no gateway writes.

use bytes::Bytes;
use jiff::Timestamp;
use journal::{Append, EntityKey, EntityKind, Memo};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::app::ServerSettings;
use crate::config::{LoadOptions, load};

const SETTINGS: &str = "
http_server: { listen_addr: '127.0.0.1:0', tls_config: dev_mode }
auth: { pre_authenticated: { enabled: true } }
store: { path: data }
";

/// A served edge; it ends with the runtime.
struct Edge {
    journal: Arc<Embedded>,
    address: String,
    _in_force: Arc<InForce>,
    _folder: TempDir,
}

impl Edge {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("twinward.yaml");
        std::fs::write(&file, SETTINGS).unwrap();
        let loaded = load(&LoadOptions {
            file: Some(file),
            ..LoadOptions::default()
        });
        let loaded = loaded.unwrap();
        let journal = open_store(&loaded).unwrap();
        let bootstrap = Bootstrap::prepare(&loaded).unwrap();
        let shared = Arc::clone(&journal) as Arc<dyn Journal>;
        let gateway = assemble(&loaded.config, (shared, Auditor::off()), &bootstrap).unwrap();
        let in_force = InForce::new(gateway, status(&loaded), None);
        let listener = Listener::bind(&loaded.config.http_server.listen_addr).unwrap();
        let address = listener.address();
        let settings = ServerSettings {
            workers: 1,
            ..settings::server(&loaded.config, None)
        };
        let server = app::serve(Data::from(Arc::clone(&in_force)), listener, settings).unwrap();
        actix_web::rt::spawn(server);
        Self {
            journal,
            address,
            _in_force: in_force,
            _folder: folder,
        }
    }

    /// A change of the lamp that nobody can read.
    async fn given_unreadable(&self) {
        let append = Append {
            entity: EntityKey::new(EntityKind::Thing, "org.acme:lamp"),
            expected_revision: 0,
            timestamp: Timestamp::UNIX_EPOCH,
            signal: Bytes::from_static(b"no event"),
            signal_memo: Memo::default(),
            state: None,
            state_memo: Memo::default(),
        };
        self.journal.append(vec![append]).await.unwrap();
    }
}

/// What arrives until `end` does, or the connection ends.
async fn received(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut received = Vec::new();
    let reading = async {
        while !received.ends_with(end) {
            match stream.read_u8().await {
                Ok(byte) => received.push(byte),
                Err(_) => return,
            }
        }
    };
    let outcome = timeout(std::time::Duration::from_secs(60), reading).await;
    outcome.expect("it comes within a minute");
    received
}

async fn subscribed(edge: &Edge) -> TcpStream {
    let mut stream = TcpStream::connect(&edge.address).await.unwrap();
    let handshake = "GET /ws/2 HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\
        x-ditto-pre-authenticated: nginx:alice\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let head = received(&mut stream, b"\r\n\r\n").await;
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    let control = b"START-SEND-EVENTS";
    let mut frame = vec![0x81, 0x80 | 17, 0, 0, 0, 0];
    frame.extend(control);
    stream.write_all(&frame).await.unwrap();
    received(&mut stream, b"START-SEND-EVENTS:ACK").await;
    stream
}

#[actix_web::test]
async fn a_web_socket_ends_with_1013_where_an_event_cannot_be_decided() {
    let edge = Edge::start();
    let mut stream = subscribed(&edge).await;
    edge.given_unreadable().await;
    let last = received(&mut stream, b"read the current state.").await;
    // A close frame (RFC 6455 §5.5.1), and nothing before it.
    assert_eq!(last.first(), Some(&0x88), "{last:?}");
    assert_eq!(
        last.get(2..4),
        Some(&1013_u16.to_be_bytes()[..]),
        "{last:?}"
    );
}
