//! Every route with every credential, through the application; then what must be refused before a credential counts.

mod access;
mod access_log;
mod brute_force;
mod console;
mod control;
mod logging;
mod requests;
mod server;
mod status;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::Service;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::web::Data;
use audit::{Auditor, NotAdmitted, Permit};
use authentication::password::{PasswordHashSettings, hash_password};
use authentication::{
    Revocation, RevocationId, RevocationStore, Revocations, StoreFailure, StoreFuture,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::app::{Operations, create_app};
use crate::health::{DetailLevel, Health, HealthStatus};
use crate::logging::{LogControl, LogControlError, LogLevel, LogLevels, LoggerLevel, LoggerName};
use crate::{
    AccessSettings, Admission, BackupSource, ConsoleSettings, DevopsDependencies, DevopsSettings,
    HealthSource, IssuerSource, LocalFuture, MetricsSource, OperatorAccess, OperatorAudit,
    OperatorCall, Readiness, StatusSource,
};

const DEVOPS_PASSWORD: &str = "correct horse";
const STATUS_PASSWORD: &str = "battery staple";
const METRICS_TOKEN: &str = "tok-tok-tok";

/// The process around the operator service, in the hands of a test.
struct Process {
    health: Mutex<Health>,
    readiness: Mutex<Readiness>,
    levels: Mutex<LogLevels>,
    now: Mutex<Timestamp>,
    calls: Mutex<Vec<String>>,
    /// Whether nothing more can be recorded.
    is_record_full: AtomicBool,
    /// Ids of sessions and limits that were not cut or lifted yet.
    open: Mutex<Vec<&'static str>>,
}

impl OperatorAudit for Process {
    fn admit(&self) -> LocalFuture<'_, Result<Permit, NotAdmitted>> {
        let is_full = self.is_record_full.load(Ordering::Relaxed);
        Box::pin(async move {
            if is_full {
                return Err(NotAdmitted);
            }
            Auditor::off().admit_change().await
        })
    }

    fn record(&self, call: &OperatorCall<'_>, _: Option<Permit>) {
        let OperatorCall {
            operator,
            credential,
            outcome,
            method,
            path,
            status,
            ..
        } = call;
        let operator = operator.unwrap_or("nobody");
        self.calls.lock().push(format!(
            "{operator} {credential} {outcome} {method} {path} {status}"
        ));
    }
}

impl HealthSource for Process {
    fn health(&self) -> Health {
        self.health.lock().clone()
    }

    fn readiness(&self) -> Readiness {
        self.readiness.lock().clone()
    }
}

impl MetricsSource for Process {
    fn render(&self) -> String {
        "streaming_sessions_count 3\n".to_owned()
    }
}

impl StatusSource for Process {
    fn static_status(&self) -> Map<String, Value> {
        let status =
            json!({ "service": "gateway", "service-version": "0.1.0", "instance": "here" });
        status.as_object().unwrap().clone()
    }
}

impl LogControl for Process {
    fn levels(&self) -> Vec<LoggerLevel> {
        self.levels.lock().list()
    }

    fn set_level(
        &self,
        logger: &LoggerName,
        level: LogLevel,
        until: Option<Timestamp>,
    ) -> Result<(), LogControlError> {
        let mut levels = self.levels.lock();
        match until {
            None => levels.set(logger.clone(), level),
            Some(until) => levels.set_until(logger.clone(), level, until),
        }
    }

    fn expire(&self, now: Timestamp) -> Result<(), LogControlError> {
        self.levels.lock().expire(now);
        Ok(())
    }
}

/// Revocations that last as long as a test.
struct NoStore;

impl RevocationStore for NoStore {
    fn load(&self) -> Result<Vec<Revocation>, StoreFailure> {
        Ok(Vec::new())
    }

    fn put<'a>(&'a self, _: &'a [Arc<Revocation>], _: Timestamp) -> StoreFuture<'a> {
        Box::pin(async { Ok(()) })
    }

    fn delete<'a>(&'a self, _: &'a [&'a RevocationId], _: Timestamp) -> StoreFuture<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// The operator service, without a socket.
struct Operator {
    process: Arc<Process>,
    operations: Data<Operations>,
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Operator {
    fn start() -> Self {
        Self::start_with(settings())
    }

    fn start_with(settings: DevopsSettings) -> Self {
        Self::start_for(settings, access())
    }

    fn start_for(settings: DevopsSettings, access: AccessSettings) -> Self {
        let process = Arc::new(Process::new());
        let access = OperatorAccess::new(access).unwrap();
        let operations = Operations::new(settings, access, process.clone().dependencies());
        Self {
            process,
            operations: Data::new(operations),
        }
    }

    async fn send(&self, request: TestRequest) -> Answer {
        let app = init_service(create_app(self.operations.clone())).await;
        let response = app.call(request.to_request()).await.unwrap();
        let headers = response.headers().clone();
        let media_type = headers.get("content-type").map(|value| value.as_bytes());
        if media_type == Some(b"text/event-stream") {
            return Answer {
                status: response.status(),
                headers,
                body: first_of(response.into_body()).await,
            };
        }
        Answer {
            status: response.status(),
            headers,
            body: String::from_utf8(read_body(response).await.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str, authorization: Option<String>) -> Answer {
        self.send(with(get(path), authorization)).await
    }

    fn pass(&self, time: Duration) {
        let mut now = self.process.now.lock();
        *now += time;
    }
}

/// What a stream says first; it would go on for minutes.
async fn first_of(body: impl MessageBody) -> String {
    let mut body = Box::pin(body);
    let first = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
    let Some(Ok(bytes)) = first else {
        panic!("the stream is empty");
    };
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl BackupSource for Process {
    fn back_up(&self, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(b"a copy of it all")
    }
}

impl Process {
    fn new() -> Self {
        let health = Health::composite(vec![Health::of(HealthStatus::Up).labelled("journal")]);
        Self {
            health: Mutex::new(health),
            readiness: Mutex::new(Readiness::Ready),
            levels: Mutex::new(LogLevels::new(LogLevel::Info)),
            now: Mutex::new("2026-01-01T00:00:00Z".parse().unwrap()),
            calls: Mutex::default(),
            is_record_full: AtomicBool::new(false),
            open: Mutex::new(vec!["a", "b"]),
        }
    }

    fn dependencies(self: Arc<Self>) -> DevopsDependencies {
        let process = self.clone();
        DevopsDependencies {
            log_control: self.clone(),
            health: self.clone(),
            metrics: self.clone(),
            status: self.clone(),
            audit: self.clone(),
            configuration: self.clone(),
            statistics: self.clone(),
            backup: self.clone(),
            commands: self.clone(),
            sessions: Some(self.clone()),
            revocations: Arc::new(Revocations::open(Arc::new(NoStore), Duration::ZERO).unwrap()),
            limits: Some(self.clone()),
            issuers: self.clone(),
            denials: self.clone(),
            explainer: self,
            clock: Arc::new(move || *process.now.lock()),
        }
    }

    fn break_down(&self) {
        let journal = Health::of(HealthStatus::Up).with_detail(DetailLevel::Error, "disk full");
        *self.health.lock() = Health::composite(vec![journal.labelled("journal")]);
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Asserts that this is Ditto's error JSON with the same status as the response.
    #[track_caller]
    fn assert_error(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let json = self.json();
        let members: Vec<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(members, ["status", "error", "message", "description"]);
        assert_eq!(
            (&json["status"], &json["error"]),
            (&status.into(), &code.into())
        );
        assert_eq!(self.header("content-type"), Some("application/json"));
    }
}

fn settings() -> DevopsSettings {
    DevopsSettings {
        instance: "here".to_owned(),
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        brute_force: Some(authentication::GuardSettings {
            failures: 3,
            window: Duration::from_secs(60),
            block: Duration::from_secs(30),
        }),
        ..DevopsSettings::default()
    }
}

fn access() -> AccessSettings {
    AccessSettings {
        devops: Admission::Passwords(vec![hashed("an older password"), hashed(DEVOPS_PASSWORD)]),
        status: Admission::Passwords(vec![hashed(STATUS_PASSWORD)]),
        metrics_token: Some(METRICS_TOKEN.into()),
        console: Some(ConsoleSettings {
            issuer: Some("https://id.example/realms/ops".to_owned()),
            client_id: Some("console".to_owned()),
            ..ConsoleSettings::default()
        }),
        ..AccessSettings::default()
    }
}

fn hashed(password: &str) -> PasswordHashSettings {
    PasswordHashSettings {
        hash: hash_password(password),
        expires_at: None,
    }
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path).peer_addr(peer("192.0.2.7"))
}

fn put(path: &str, body: impl Into<String>) -> TestRequest {
    TestRequest::put()
        .uri(path)
        .peer_addr(peer("192.0.2.7"))
        .set_payload(body.into())
}

fn with(request: TestRequest, authorization: Option<String>) -> TestRequest {
    match authorization {
        Some(authorization) => request.insert_header(("authorization", authorization)),
        None => request,
    }
}

fn peer(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 40_000)
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("devops:{password}")))
}
