//! What the chain of providers concludes, as metrics.

use std::cell::RefCell;
use std::time::Duration;

use authentication::{ChainObserver, Conclusion, ProviderKind};
use hashbrown::HashMap;
use metrics::{Counter, Histogram, counter, histogram};

thread_local! {
    /// Looking a metric up by its labels costs more than recording it; there are a few dozen at most.
    static KNOWN: RefCell<HashMap<(ProviderKind, Conclusion), (Counter, Histogram)>> = RefCell::default();
}

/// Counts conclusions as `authentication_conclusions_total`, and times them as `authentication_seconds`.
pub(crate) struct ChainMetrics;

impl ChainObserver for ChainMetrics {
    fn concluded(
        &self,
        provider: ProviderKind,
        conclusion: Conclusion,
        duration: Option<Duration>,
    ) {
        KNOWN.with_borrow_mut(|known| {
            let (count, time) = known
                .entry((provider, conclusion))
                .or_insert_with(|| metrics_of(provider, conclusion));
            count.increment(1);
            if let Some(duration) = duration {
                time.record(duration.as_secs_f64());
            }
        });
    }
}

fn metrics_of(provider: ProviderKind, conclusion: Conclusion) -> (Counter, Histogram) {
    let labels = [
        ("provider", provider.as_str()),
        ("conclusion", conclusion.as_str()),
    ];
    (
        counter!("authentication_conclusions_total", &labels),
        histogram!("authentication_seconds", &labels),
    )
}
