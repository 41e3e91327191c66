//! The bounded way of spans to the collector: what does not fit is lost, and everything lost is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::telemetry::metrics;

/// So many spans wait or are on their way.
const SPANS_WAITING_MAX: usize = 2048;

/// So many spans are sent at once.
const BATCH_SPANS_MAX: usize = 512;

/// A span waits at most so long for others to be sent with.
const BATCH_DELAY: Duration = Duration::from_secs(5);

/// Takes spans from requests without ever waiting.
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
}

impl Queue {
    pub(super) fn new(exporter: impl SpanExporter + 'static) -> Self {
        for outcome in ["sent", "lost"] {
            metrics::trace_spans(outcome).increment(0);
        }
        let waiting = Arc::<AtomicUsize>::default();
        let exporter = Counted {
            exporter,
            waiting: Arc::clone(&waiting),
            is_failing: AtomicBool::new(false),
        };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(SPANS_WAITING_MAX)
            .with_max_export_batch_size(BATCH_SPANS_MAX)
            .with_scheduled_delay(BATCH_DELAY)
            .build();
        Self {
            batches: BatchSpanProcessor::new(exporter, config),
            waiting,
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < SPANS_WAITING_MAX {
            self.batches.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            metrics::trace_spans("lost").increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts what the collector took.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
    /// Whether the last batch was lost; a collector that is away is told of once.
    is_failing: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.exporter.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let counter = metrics::trace_spans(if outcome.is_ok() { "sent" } else { "lost" });
        counter.increment(spans as u64);
        let was_failing = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "Traces are lost, the collector does not take them");
            }
            Ok(()) if was_failing => tracing::info!("Traces are sent again"),
            Ok(()) | Err(_) => {}
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use metrics_exporter_prometheus::PrometheusBuilder;
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::*;

    /// A collector that takes nothing before it is let.
    #[derive(Debug)]
    struct Stalled(Mutex<Receiver<()>>);

    impl SpanExporter for Stalled {
        async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
            let _ = self.0.lock().unwrap().recv();
            Ok(())
        }
    }

    #[test]
    fn what_does_not_fit_is_lost_and_counted_and_nobody_waits() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let (release, stalled) = channel();
        ::metrics::with_local_recorder(&recorder, || {
            let queue = Queue::new(Stalled(Mutex::new(stalled)));
            let provider = SdkTracerProvider::builder()
                .with_span_processor(queue)
                .with_sampler(Sampler::AlwaysOn)
                .build();
            let tracer = provider.tracer("test");
            for _ in 0..SPANS_WAITING_MAX + 10 {
                drop(tracer.start("request"));
            }
            drop(release);
            provider.shutdown().unwrap();
        });
        let rendered = recorder.handle().render();
        let lost = r#"trace_spans_total{outcome="lost"} 10"#;
        assert!(rendered.lines().any(|line| line == lost), "{rendered}");
    }
}
