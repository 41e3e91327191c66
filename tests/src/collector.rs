//! A collector of traces: takes OTLP over HTTP in protobuf, as an exporter sends it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A running collector; it ends with the value.
#[derive(Debug)]
pub struct Collector {
    address: String,
    taken: Arc<Taken>,
    serving: tokio::task::JoinHandle<()>,
}

/// What came.
#[derive(Debug, Default)]
struct Taken {
    heads: Mutex<Vec<String>>,
    batches: Mutex<Vec<ExportTraceServiceRequest>>,
}

/// A span as somebody sees it who looks for a request.
#[derive(Debug)]
pub struct CollectedSpan {
    /// Hexadecimal.
    pub trace_id: String,
    /// Hexadecimal; empty for the first of a trace.
    pub parent_id: String,
    /// What it is about.
    pub name: String,
    /// What is known of it, as text.
    pub attributes: BTreeMap<String, String>,
    /// What is known of the process.
    pub resource: BTreeMap<String, String>,
    /// All of it, for a search.
    pub whole: String,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let taken = Arc::new(Taken::default());
        let takes = Arc::clone(&taken);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&takes)));
            }
        });
        Self {
            address,
            taken,
            serving,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of all requests.
    pub fn heads(&self) -> String {
        lock(&self.taken.heads).concat()
    }

    /// Every span that it took.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        let batches = lock(&self.taken.batches);
        let resources = batches.iter().flat_map(|batch| &batch.resource_spans);
        resources
            .flat_map(|resource| {
                let of = resource.resource.as_ref();
                let of = attributes(of.map_or(&[], |of| &of.attributes));
                let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
                spans.map(move |span| collected(span, of.clone()))
            })
            .collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn collected(span: &Span, resource: BTreeMap<String, String>) -> CollectedSpan {
    CollectedSpan {
        trace_id: hexadecimal(&span.trace_id),
        parent_id: hexadecimal(&span.parent_span_id),
        name: span.name.clone(),
        attributes: attributes(&span.attributes),
        whole: format!("{span:?} {resource:?}"),
        resource,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(of: &[KeyValue]) -> BTreeMap<String, String> {
    let pair = |attribute: &KeyValue| (attribute.key.clone(), text(attribute.value.as_ref()));
    of.iter().map(pair).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Requests of one connection; anything but a batch of spans is not taken.
async fn serve(stream: TcpStream, taken: Arc<Taken>) {
    let mut stream = BufReader::new(stream);
    while let Some((head, body)) = request(&mut stream).await {
        let is_batch = head.starts_with("POST /v1/traces ")
            && head.contains("content-type: application/x-protobuf\r\n");
        lock(&taken.heads).push(head);
        let status = if is_batch {
            let batch = ExportTraceServiceRequest::decode(&*body).expect("OTLP in protobuf");
            lock(&taken.batches).push(batch);
            "200 OK"
        } else {
            "404 Not Found"
        };
        let body = ExportTraceServiceResponse::default().encode_to_vec();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\ncontent-length: {length}\r\n\r\n"
        );
        if stream
            .write_all(&[head.as_bytes(), &body].concat())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// The next head, names of its fields in small letters, and body.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some((name, value)) = line.split_once(": ") {
            let name = name.to_ascii_lowercase();
            if name == "content-length" {
                length = value.trim().parse().expect("a length");
            }
            line = format!("{name}: {value}");
        }
        head += &line;
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
