//! The correlation id of the request that this thread is working on, and log lines that carry it and stay lines.
//!
//! A future is polled with its id in a thread-local, which costs two moves of a pointer; a line looks there when it is written.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

thread_local! {
    static CURRENT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Runs `work`; lines that are logged on its way carry `correlation_id`, if there is one.
pub async fn correlated<T>(
    correlation_id: impl Into<Option<Arc<str>>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let mut correlation_id = correlation_id.into();
    poll_fn(move |task| {
        let _entered = Entered::new(&mut correlation_id);
        work.as_mut().poll(task)
    })
    .await
}

/// The id of the request that this thread is working on, for what goes on with it elsewhere or later.
pub fn current_correlation_id() -> Option<Arc<str>> {
    CURRENT.with_borrow(Clone::clone)
}

/// `work` that goes on with the request of now, wherever it is polled.
pub fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    correlated(current_correlation_id(), work)
}

/// From here on the work that runs is about another id, as a request may say of itself in its query.
pub fn set_correlation_id(correlation_id: &Arc<str>) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(current) = current {
            *current = Arc::clone(correlation_id);
        }
    });
}

/// Exchanges the id of this thread for that of a future while it is polled, and takes it back with what became of it.
struct Entered<'a>(&'a mut Option<Arc<str>>);

impl<'a> Entered<'a> {
    fn new(correlation_id: &'a mut Option<Arc<str>>) -> Self {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, correlation_id));
        Self(correlation_id)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.0));
    }
}

/// Lines of another format, each with the member or field `correlation_id` if it is about a request.
#[derive(Debug)]
pub struct CorrelatedLines<F> {
    lines: F,
    /// Whether a line is one JSON object.
    is_json: bool,
}

impl<F> CorrelatedLines<F> {
    /// Adds the id to `lines`, which are JSON objects if `is_json`.
    pub const fn new(lines: F, is_json: bool) -> Self {
        Self { lines, is_json }
    }
}

impl<S, N, F> FormatEvent<S, N> for CorrelatedLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let says_so_itself = event.metadata().fields().field("correlation_id").is_some();
        let current = current_correlation_id();
        let mut line = String::new();
        self.lines
            .format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end_matches('\n');
        let Some(id) = current.filter(|_| !says_so_itself) else {
            return writeln!(writer, "{}", self.harmless(line));
        };
        // As JSON: an id is a client's free text, and must not pass for the end of the line.
        let id = serde_json::Value::from(&*id);
        let line = match line.strip_suffix('}') {
            Some(object) if self.is_json => format!("{object},\"correlation_id\":{id}}}"),
            _ => format!("{line} correlation_id={id}"),
        };
        writeln!(writer, "{}", self.harmless(&line))
    }
}

impl<F> CorrelatedLines<F> {
    /// The line with what terminals act on escaped, as its format does that: separators of lines, and marks that turn the
    /// direction of writing. Control characters are escaped already.
    fn harmless<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if line.is_ascii() || !line.contains(audit::is_acted_on) {
            return Cow::Borrowed(line);
        }
        let escaped = line.chars().map(|character| match character {
            _ if !audit::is_acted_on(character) => character.to_string(),
            _ if self.is_json => format!("\\u{:04x}", u32::from(character)),
            _ => character.escape_unicode().to_string(),
        });
        Cow::Owned(escaped.collect())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What two interleaved pieces of work log.
    fn logged(is_json: bool) -> String {
        written_by(is_json, async {
            let one = correlated(Arc::from("one"), async {
                tracing::info!("first");
                tokio::task::yield_now().await;
                tracing::info!("third");
                set_correlation_id(&Arc::from("on\"e\n"));
                tokio::task::yield_now().await;
                tracing::info!("fourth");
            });
            let two = correlated(Arc::from("two"), async {
                tracing::info!(correlation_id = "own", "second");
            });
            futures_util::future::join(one, two).await;
            tracing::info!("outside");
            let mut later = None;
            correlated(Arc::from("three"), async {
                later = Some(carried(async { tracing::info!("later") }));
            })
            .await;
            later.unwrap().await;
        })
    }

    fn written_by(is_json: bool, work: impl Future<Output = ()>) -> String {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Shared(Arc::clone(&lines));
        let layer = fmt::layer()
            .with_writer(move || writer.clone())
            .with_ansi(false);
        let subscriber = tracing_subscriber::registry();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        if is_json {
            let layer = layer.json().flatten_event(true);
            let layer = layer.map_event_format(|lines| CorrelatedLines::new(lines, true));
            let _guard = tracing::subscriber::set_default(subscriber.with(layer));
            runtime.block_on(work);
        } else {
            let layer = layer.map_event_format(|lines| CorrelatedLines::new(lines, false));
            let _guard = tracing::subscriber::set_default(subscriber.with(layer));
            runtime.block_on(work);
        }
        String::from_utf8(lines.lock().unwrap().clone()).unwrap()
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_for_people_end_with_the_id() {
        let logged = logged(false);
        let endings = [
            "first correlation_id=\"one\"",
            "second correlation_id=\"own\"",
            "third correlation_id=\"one\"",
            "fourth correlation_id=\"on\\\"e\\n\"",
            "outside",
            "later correlation_id=\"three\"",
        ];
        let lines: Vec<&str> = logged.lines().collect();
        assert_eq!(lines.len(), endings.len(), "{logged}");
        for (line, ending) in lines.iter().zip(endings) {
            assert!(line.ends_with(ending), "{line}");
        }
    }

    #[test]
    fn lines_for_machines_have_it_as_a_member() {
        let ids: Vec<_> = logged(true)
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["correlation_id"].as_str().map(str::to_owned))
            .collect();
        let expected = [
            Some("one"),
            Some("own"),
            Some("one"),
            Some("on\"e\n"),
            None,
            Some("three"),
        ];
        assert_eq!(ids, expected.map(|id| id.map(str::to_owned)));
    }

    #[test]
    fn what_terminals_act_on_is_escaped() {
        for is_json in [false, true] {
            let work = correlated(Arc::from("id\u{202e}"), async {
                tracing::info!(issuer = "a\u{2028}b", "refused `\u{2066}c`, `\u{e9}`");
            });
            let logged = written_by(is_json, work);
            assert_eq!(logged.lines().count(), 1, "{logged:?}");
            assert!(!logged.contains(audit::is_acted_on), "{logged:?}");
            assert!(logged.contains('\u{e9}'), "{logged:?}");
            if is_json {
                let line: serde_json::Value = serde_json::from_str(&logged).unwrap();
                assert_eq!(line["issuer"], "a\u{2028}b");
                assert_eq!(line["correlation_id"], "id\u{202e}");
            } else {
                assert!(logged.contains("a\\u{2028}b"), "{logged:?}");
            }
        }
    }
}
