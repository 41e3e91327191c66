//! Who an entry is for.

use std::time::Duration;

use indexmap::IndexMap;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::announcement::SubjectAnnouncement;
use super::placeholder::Placeholders;
use crate::{Error, SubjectId, json};

/// What is said about a subject of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Free text of its writer; no decision depends on it.
    pub subject_type: String,
    /// From when on the entry is not for it any more.
    pub expiry: Option<Timestamp>,
    /// How it is told that it goes.
    pub announcement: Option<SubjectAnnouncement>,
}

/// To what times of subjects are rounded up, so that a policy does not change every second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granularity {
    /// For `expiry`.
    pub expiry: Duration,
    /// For `beforeExpiry` of announcements.
    pub announcement: Duration,
}

impl Default for Granularity {
    fn default() -> Self {
        Self {
            expiry: Duration::from_secs(3_600),
            announcement: Duration::from_secs(60),
        }
    }
}

impl Subject {
    /// A subject that does not expire.
    pub fn permanent(subject_type: &str) -> Self {
        Self {
            subject_type: subject_type.to_owned(),
            expiry: None,
            announcement: None,
        }
    }

    /// Reads what clients write.
    ///
    /// # Errors
    ///
    /// [`Error::MissingField`], [`Error::InvalidSubjectExpiry`], [`Error::InvalidAnnouncement`] or [`Error::UnexpectedJson`].
    pub fn from_json(value: &Value) -> Result<Self, Error> {
        let members = json::object(value, "subject")?;
        let subject_type = json::string(json::member(members, "type")?, "type")?;
        if subject_type.is_empty() {
            return Err(json::unexpected("type", "a non-empty string"));
        }
        Ok(Self {
            subject_type: subject_type.to_owned(),
            expiry: members.get("expiry").map(expiry_from_json).transpose()?,
            announcement: members
                .get("announcement")
                .map(SubjectAnnouncement::from_json)
                .transpose()?,
        })
    }

    /// The JSON that clients read.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("type".to_owned(), json!(self.subject_type));
        if let Some(expiry) = self.expiry {
            members.insert("expiry".to_owned(), json!(expiry.to_string()));
        }
        if let Some(announcement) = &self.announcement {
            members.insert("announcement".to_owned(), announcement.to_json());
        }
        Value::Object(members)
    }

    /// Whether the entry is not for this subject any more.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expiry.is_some_and(|expiry| expiry <= now)
    }

    /// With all times rounded up.
    #[must_use]
    pub fn rounded(mut self, granularity: Granularity) -> Self {
        self.expiry = self
            .expiry
            .map(|expiry| round_up(expiry, granularity.expiry));
        self.announcement = self
            .announcement
            .map(|each| each.rounded_up_to(granularity.announcement));
        self
    }
}

fn expiry_from_json(value: &Value) -> Result<Timestamp, Error> {
    let text = json::string(value, "expiry")?;
    text.parse()
        .ok()
        .filter(|_| text.ends_with('Z'))
        .ok_or_else(|| Error::InvalidSubjectExpiry {
            text: text.to_owned(),
        })
}

/// Rounds up to the next multiple of `granularity`'s largest unit, counted in UTC from the start of the next larger one:
/// days from the start of the month, hours from midnight, and so on. Exact multiples stay.
fn round_up(instant: Timestamp, granularity: Duration) -> Timestamp {
    const SECOND: i128 = 1_000_000_000;
    let step = i128::try_from(granularity.as_nanos()).unwrap_or(i128::MAX);
    let units = [
        86_400 * SECOND,
        3_600 * SECOND,
        60 * SECOND,
        SECOND,
        SECOND / 1_000,
    ];
    let Some((at, unit)) = units
        .into_iter()
        .enumerate()
        .find(|(_, unit)| step >= *unit)
    else {
        return instant;
    };
    let step = step / unit * unit;
    let origin = match at {
        0 => month_start(instant),
        _ => units.get(at - 1).map_or(0, |parent| {
            instant.as_nanosecond().div_euclid(*parent) * parent
        }),
    };
    let elapsed = instant.as_nanosecond() - origin;
    let missing = (step - elapsed.rem_euclid(step)) % step;
    i64::try_from(missing)
        .ok()
        .and_then(|missing| {
            instant
                .checked_add(SignedDuration::from_nanos(missing))
                .ok()
        })
        .unwrap_or(Timestamp::MAX)
}

/// Nanoseconds from the epoch to the start of the month of `instant`, in UTC.
fn month_start(instant: Timestamp) -> i128 {
    let date = instant.to_zoned(TimeZone::UTC).date().first_of_month();
    date.to_zoned(TimeZone::UTC)
        .map_or(0, |start| start.timestamp().as_nanosecond())
}

/// The subject id `text`, its placeholders filled in.
pub(crate) fn subject_id(text: &str, placeholders: Placeholders<'_>) -> Result<SubjectId, Error> {
    let filled = placeholders.fill_in(text)?;
    filled.parse().map_err(|source| Error::InvalidSubjectId {
        text: filled.clone(),
        source,
    })
}

/// Reads subjects by id.
pub(crate) fn subjects_from_json<'v>(
    members: impl Iterator<Item = (&'v String, &'v Value)>,
    placeholders: Placeholders<'_>,
) -> Result<IndexMap<SubjectId, Subject>, Error> {
    members
        .map(|(id, value)| Ok((subject_id(id, placeholders)?, Subject::from_json(value)?)))
        .collect()
}

/// Writes subjects by id.
pub(crate) fn subjects_to_json(subjects: &IndexMap<SubjectId, Subject>) -> Value {
    subjects
        .iter()
        .map(|(id, subject)| (id.to_string(), subject.to_json()))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(instant: &str, granularity: &str, expected: &str) {
        let granularity: super::super::UnitDuration = granularity.parse().unwrap();
        let rounded = round_up(instant.parse().unwrap(), granularity.to_duration());
        assert_eq!(rounded.to_string(), expected, "{instant} by {granularity}");
    }

    #[test]
    fn expiry_is_rounded_up() {
        check("2031-01-01T10:00:00Z", "1h", "2031-01-01T10:00:00Z");
        check("2031-01-01T10:00:00.001Z", "1h", "2031-01-01T11:00:00Z");
        check("2031-01-01T13:05:00Z", "12h", "2031-01-02T00:00:00Z");
        check("2031-01-03T00:00:00Z", "15d", "2031-01-16T00:00:00Z");
        check("2031-01-01T00:00:00Z", "15d", "2031-01-01T00:00:00Z");
        check("2031-01-01T00:07:00Z", "5m", "2031-01-01T00:10:00Z");
        check("2031-01-01T00:00:07Z", "5s", "2031-01-01T00:00:10Z");
    }
}
