//! Traces over OTLP: one span for each request, sampled, sent in batches by a thread of their own.
//!
//! Off, a request costs one branch. A span has the route, never the path, and nothing of headers, queries or bodies.

mod client;
mod queue;

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span as SdkSpan};
use policies::ProviderKind;

use super::access::Access;
use super::metrics::known_method;
use client::Client;
use queue::Queue;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A `tracestate` that is longer is not taken along (W3C Trace Context §3.3.1.5).
const TRACESTATE_BYTES_MAX: usize = 512;

/// What is still waiting may take so long when the process ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends spans to a collector.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// W3C Trace Context.
    propagator: TraceContextPropagator,
}

/// Traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TracesError {
    /// The exporter cannot be made.
    #[error("`logging.otlp_endpoint` cannot be used")]
    Exporter(#[from] ExporterBuildError),
    /// The HTTP client cannot be made.
    #[error("no HTTP client for `logging.otlp_endpoint` can be made")]
    Client(#[from] reqwest::Error),
}

impl Traces {
    /// Sends to `endpoint` (`http://host:4318`) that share of the traces which no caller has decided about.
    ///
    /// To be made on the runtime of the process, after its metrics.
    pub(crate) fn start(endpoint: &str, share: f64) -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new()?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(client::TIMEOUT)
            .build()?;
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share)));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Queue::new(exporter))
            .with_sampler(sampler)
            .with_resource(resource())
            .build();
        Ok(Self {
            tracer: provider.tracer("twinward"),
            provider,
            propagator: TraceContextPropagator::new(),
        })
    }

    /// Goes on with the caller's trace, or begins one.
    pub(crate) fn begin(&self, request: &HttpRequest) -> RequestSpan {
        let caller = self
            .propagator
            .extract_with_context(&Context::new(), &Incoming(request.headers()));
        let span = self
            .tracer
            .span_builder(known_method(request.method().as_str()))
            .with_kind(SpanKind::Server);
        RequestSpan(Box::new(self.tracer.build_with_context(span, &caller)))
    }

    /// Sends what waits, and ends; blocks until then.
    pub(crate) fn shut_down(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::warn!(%error, "The last traces could not be sent");
        }
    }
}

/// What the spans are of. Nothing of the environment is taken into it.
fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name("twinward")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The span of a request that is being answered.
pub(crate) struct RequestSpan(Box<SdkSpan>);

impl RequestSpan {
    /// Tells the client where its request can be found.
    pub(crate) fn insert(&self, headers: &mut HeaderMap) {
        let context = self.0.span_context();
        let (trace, span) = (context.trace_id(), context.span_id());
        let flags = u8::from(context.is_sampled());
        if let Ok(value) = HeaderValue::try_from(format!("00-{trace}-{span}-{flags:02x}")) {
            headers.insert(TRACEPARENT, value);
        }
    }

    /// Ends it with the status of the answer, or what stands for it.
    pub(crate) fn end(mut self, (request, access): (&HttpRequest, &Access), status: StatusCode) {
        if !self.0.is_recording() {
            return;
        }
        let method = known_method(request.method().as_str());
        self.0.update_name(format!("{method} {}", access.route));
        self.0.set_attributes([
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", access.route),
            KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
            KeyValue::new("ditto.correlationId", access.correlation_id.to_string()),
        ]);
        if let Some(provider) = access.provider.map(ProviderKind::as_str) {
            self.0
                .set_attribute(KeyValue::new("auth.provider", provider));
        }
        if status.is_server_error() {
            self.0.set_status(Status::error(status.as_str().to_owned()));
        }
        self.0.end();
    }
}

/// The header fields of a request.
struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key)?.to_str().ok()?;
        (key != "tracestate" || value.len() <= TRACESTATE_BYTES_MAX).then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
