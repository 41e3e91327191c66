//! What a subject is told before it goes.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::duration::{DurationUnit, UnitDuration};
use crate::{Error, json};

/// When and how a subject is told that it expires or was removed.
///
/// Source: Ditto documentation, page "Policy", section "Subject deletion announcements".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectAnnouncement {
    /// How long before its expiry.
    pub before_expiry: Option<UnitDuration>,
    /// Whether it is told when it is removed.
    pub when_deleted: bool,
    /// Who has to acknowledge.
    pub requested_acks: Option<RequestedAcks>,
    /// At most how much earlier, so that many announcements do not fall together.
    pub randomization_interval: Option<UnitDuration>,
}

/// Which acknowledgements are awaited, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedAcks {
    /// Their labels.
    pub labels: Vec<String>,
    /// How long they are awaited.
    pub timeout: Option<UnitDuration>,
}

impl SubjectAnnouncement {
    /// Reads what clients write.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidAnnouncement`] or [`Error::UnexpectedJson`], naming the member.
    pub fn from_json(value: &Value) -> Result<Self, Error> {
        let members = json::object(value, "announcement")?;
        Ok(Self {
            before_expiry: before_expiry(members)?,
            when_deleted: when_deleted(members)?,
            requested_acks: members
                .get("requestedAcks")
                .map(RequestedAcks::from_json)
                .transpose()?,
            randomization_interval: duration(members, "randomizationInterval")?,
        })
    }

    /// The JSON that clients read.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        insert_duration(&mut members, "beforeExpiry", self.before_expiry);
        members.insert("whenDeleted".to_owned(), json!(self.when_deleted));
        if let Some(acks) = &self.requested_acks {
            members.insert("requestedAcks".to_owned(), acks.to_json());
        }
        insert_duration(
            &mut members,
            "randomizationInterval",
            self.randomization_interval,
        );
        Value::Object(members)
    }

    /// With `beforeExpiry` rounded up to multiples of `step`.
    #[must_use]
    pub fn rounded_up_to(mut self, step: Duration) -> Self {
        self.before_expiry = self.before_expiry.map(|each| each.rounded_up_to(step));
        self
    }
}

impl RequestedAcks {
    fn from_json(value: &Value) -> Result<Self, Error> {
        let members = json::object(value, "requestedAcks")?;
        let labels = match members.get("labels") {
            Some(labels) => json::array(labels, "labels")?,
            None => &[],
        };
        Ok(Self {
            labels: labels
                .iter()
                .map(|label| json::string(label, "labels").map(str::to_owned))
                .collect::<Result<_, _>>()?,
            timeout: duration(members, "timeout")?,
        })
    }

    fn to_json(&self) -> Value {
        let mut members = Map::new();
        if !self.labels.is_empty() {
            members.insert("labels".to_owned(), json!(self.labels));
        }
        insert_duration(&mut members, "timeout", self.timeout);
        Value::Object(members)
    }
}

fn before_expiry(members: &Map<String, Value>) -> Result<Option<UnitDuration>, Error> {
    let duration = duration(members, "beforeExpiry")?;
    match duration.map(UnitDuration::unit) {
        None
        | Some(
            DurationUnit::Plain
            | DurationUnit::Seconds
            | DurationUnit::Minutes
            | DurationUnit::Hours,
        ) => Ok(duration),
        Some(
            DurationUnit::Milliseconds
            | DurationUnit::Days
            | DurationUnit::Weeks
            | DurationUnit::Months
            | DurationUnit::Years,
        ) => Err(Error::InvalidAnnouncement {
            reason: "`beforeExpiry` is given in seconds, minutes or hours".to_owned(),
        }),
    }
}

fn when_deleted(members: &Map<String, Value>) -> Result<bool, Error> {
    match members.get("whenDeleted") {
        None => Ok(false),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| json::unexpected("whenDeleted", "a boolean")),
    }
}

fn duration(members: &Map<String, Value>, field: &str) -> Result<Option<UnitDuration>, Error> {
    let Some(value) = members.get(field) else {
        return Ok(None);
    };
    let text = match value {
        Value::String(text) => text.clone(),
        // `5.0` is an integer as well as `5` (JSON Schema 2020-12, section 6.1.1).
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(json::unexpected(field, "a duration"));
        }
    };
    text.parse()
        .map(Some)
        .map_err(|error| Error::InvalidAnnouncement {
            reason: format!("`{field}` is `{text}`: {error}"),
        })
}

fn insert_duration(members: &mut Map<String, Value>, field: &str, value: Option<UnitDuration>) {
    if let Some(value) = value {
        members.insert(field.to_owned(), json!(value.to_string()));
    }
}
