//! What a sender waits for: a response, acknowledgements, or nothing, and how long.

use std::time::Duration;

use protocol::Channel;

use super::acknowledgement::{LABELS_MAX, Label, is_built_in, is_label};
use super::error::Error;

/// What the headers of a signal say about answers, as sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) response_required: Option<bool>,
    pub(crate) requested_acks: Option<Vec<Label>>,
    pub(crate) timeout: Option<Duration>,
}

/// What a sender waits for, once all defaults are applied.
///
/// Source: Ditto documentation, page "Acknowledgements", sections on requesting acknowledgements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requested {
    /// Whether the sender wants to see an answer at all.
    pub(crate) response_required: bool,
    /// The label that the command's own outcome fulfils, if it was asked for.
    pub(crate) built_in: Option<Label>,
    /// Labels that others fulfil, each once.
    pub(crate) custom: Vec<Label>,
    /// How long to wait.
    pub(crate) wait: Duration,
}

/// The label that an outcome on this channel fulfils.
pub(crate) fn built_in_label(channel: Channel) -> &'static str {
    match channel {
        Channel::Twin => "twin-persisted",
        Channel::Live => "live-response",
    }
}

impl Requested {
    /// Applies the defaults of `channel`; without `timeout`, `default_wait` counts.
    ///
    /// # Errors
    ///
    /// [`Error::SearchNotAwaited`] for a label that only a search index could give.
    pub(crate) fn new(
        channel: Channel,
        wishes: Wishes,
        default_wait: Duration,
    ) -> Result<Self, Error> {
        let wait = wishes.timeout.unwrap_or(default_wait);
        let response_required = wishes.response_required.unwrap_or(!wait.is_zero());
        let own = built_in_label(channel);
        let Some(labels) = wishes.requested_acks else {
            let is_implied = response_required && !wait.is_zero();
            return Ok(Self {
                response_required,
                built_in: is_implied.then(|| own.into()),
                custom: Vec::new(),
                wait,
            });
        };
        if channel == Channel::Twin && labels.iter().any(|label| &**label == "search-persisted") {
            return Err(Error::SearchNotAwaited);
        }
        let custom: Vec<Label> = labels
            .iter()
            .filter(|label| !is_built_in(label))
            .cloned()
            .collect();
        let names_own = labels.iter().any(|label| &**label == own);
        let has_own = match channel {
            Channel::Twin => names_own,
            Channel::Live => response_required && (names_own || !custom.is_empty()),
        };
        Ok(Self {
            response_required,
            built_in: has_own.then(|| own.into()),
            custom,
            wait,
        })
    }

    /// The same for a retrieval, which nobody but the device itself is asked about.
    #[must_use]
    pub(crate) fn for_query(self) -> Self {
        Self {
            custom: Vec::new(),
            ..self
        }
    }

    /// Nothing at all, as for events.
    pub(crate) fn nothing() -> Self {
        Self {
            response_required: false,
            built_in: None,
            custom: Vec::new(),
            wait: Duration::ZERO,
        }
    }

    /// Whether somebody else than the gateway must answer before the sender is.
    pub(crate) fn waits_for_others(&self, channel: Channel) -> bool {
        !self.custom.is_empty() || channel == Channel::Live && self.response_required
    }

    /// Whether the outcome is told as it is, without an aggregate around it.
    pub(crate) fn is_plain(&self) -> bool {
        self.custom.is_empty()
    }
}

/// Reads `requested-acks` or `declared-acks`: a JSON array or a comma-separated list of labels.
///
/// # Errors
///
/// [`Error::LabelInvalid`], [`Error::LabelsMalformed`] or [`Error::TooManyLabels`].
pub(crate) fn parse_labels(text: &str) -> Result<Vec<Label>, Error> {
    let labels: Vec<String> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|_| Error::LabelsMalformed)?
    } else {
        text.split(',')
            .map(|label| label.trim().to_owned())
            .filter(|label| !label.is_empty())
            .collect()
    };
    check_labels(labels.iter().map(String::as_str))
}

/// The labels, each once.
///
/// # Errors
///
/// [`Error::LabelInvalid`] or [`Error::TooManyLabels`].
pub(crate) fn check_labels<'l>(labels: impl Iterator<Item = &'l str>) -> Result<Vec<Label>, Error> {
    let mut checked: Vec<Label> = Vec::new();
    for label in labels {
        if !is_label(label) {
            return Err(Error::LabelInvalid);
        }
        if checked.iter().all(|known| &**known != label) {
            checked.push(label.into());
        }
    }
    if checked.len() > LABELS_MAX {
        return Err(Error::TooManyLabels);
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(60);

    #[track_caller]
    fn check(
        channel: Channel,
        (response_required, labels, timeout): (Option<bool>, Option<&str>, Option<u64>),
        expected: (bool, &[&str]),
    ) {
        let wishes = Wishes {
            response_required,
            requested_acks: labels.map(|text| parse_labels(text).unwrap()),
            timeout: timeout.map(Duration::from_secs),
        };
        let requested = Requested::new(channel, wishes, WAIT).unwrap();
        let all: Vec<&str> = requested
            .built_in
            .iter()
            .chain(&requested.custom)
            .map(|label| &**label)
            .collect();
        assert_eq!((requested.response_required, all.as_slice()), expected);
    }

    #[test]
    fn without_a_word_the_outcome_itself_is_awaited() {
        check(
            Channel::Twin,
            (None, None, None),
            (true, &["twin-persisted"]),
        );
        check(
            Channel::Live,
            (None, None, None),
            (true, &["live-response"]),
        );
    }

    #[test]
    fn nothing_is_awaited_by_who_does_not_wait() {
        check(Channel::Twin, (None, None, Some(0)), (false, &[]));
        check(Channel::Live, (None, None, Some(0)), (false, &[]));
        check(Channel::Live, (Some(false), None, None), (false, &[]));
    }

    #[test]
    fn labels_of_the_other_channel_mean_nothing() {
        check(
            Channel::Twin,
            (None, Some("live-response,a:b"), None),
            (true, &["a:b"]),
        );
        check(
            Channel::Live,
            (None, Some("twin-persisted,search-persisted"), None),
            (true, &[]),
        );
    }

    #[test]
    fn the_live_response_belongs_to_required_responses() {
        check(
            Channel::Live,
            (None, Some("a:b"), None),
            (true, &["live-response", "a:b"]),
        );
        check(
            Channel::Live,
            (Some(false), Some("live-response,a:b"), None),
            (false, &["a:b"]),
        );
        check(
            Channel::Twin,
            (None, Some("a:b,a:b"), None),
            (true, &["a:b"]),
        );
    }

    #[test]
    fn a_search_index_is_not_waited_for() {
        let wishes = Wishes {
            requested_acks: Some(parse_labels("search-persisted").unwrap()),
            ..Wishes::default()
        };
        assert!(Requested::new(Channel::Twin, wishes, WAIT).is_err());
    }

    #[test]
    fn lists_come_in_two_spellings() {
        let texts = |text: &str| parse_labels(text).map(|labels| labels.join(" "));
        assert_eq!(texts(r#"["a:b", "c:d"]"#).unwrap(), "a:b c:d");
        assert_eq!(texts(" a:b ,c:d,").unwrap(), "a:b c:d");
        assert_eq!(texts("").unwrap(), "");
        assert!(matches!(texts("a b"), Err(Error::LabelInvalid)));
        assert!(matches!(texts("[1]"), Err(Error::LabelsMalformed)));
        let many: Vec<String> = (0..33).map(|number| format!("l:{number}")).collect();
        assert!(matches!(texts(&many.join(",")), Err(Error::TooManyLabels)));
    }
}
