//! Health as a tree of statuses, with the arithmetic that Ditto's `/status/health` shows.
//!
//! Source: Ditto documentation, page "Operating Ditto", section "Health".

use serde_json::{Map, Value, json};

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    /// It works.
    Up,
    /// It does not.
    Down,
    /// Nobody has looked yet.
    Unknown,
}

impl HealthStatus {
    /// The status of two things together: one that is down takes the other with it.
    #[must_use]
    pub const fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Down, _) | (_, Self::Down) => Self::Down,
            (Self::Unknown, Self::Unknown) => Self::Unknown,
            (Self::Up | Self::Unknown, Self::Up | Self::Unknown) => Self::Up,
        }
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Down => "DOWN",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// How serious a detail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailLevel {
    /// Good to know.
    Info,
    /// Degraded.
    Warn,
    /// Down.
    Error,
}

impl DetailLevel {
    /// The member name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// How one thing is, and the things that it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    label: Option<String>,
    status: HealthStatus,
    details: Vec<(DetailLevel, Value)>,
    children: Vec<Health>,
}

impl Health {
    /// A thing without parts.
    pub const fn of(status: HealthStatus) -> Self {
        Self {
            label: None,
            status,
            details: Vec::new(),
            children: Vec::new(),
        }
    }

    /// A thing that is as well as its parts are together; what they warn of is pointed to, errors first.
    ///
    /// Without parts nobody has looked: [`HealthStatus::Unknown`].
    pub fn composite(children: Vec<Self>) -> Self {
        let status = children
            .iter()
            .map(|child| child.status)
            .fold(HealthStatus::Unknown, HealthStatus::merge);
        let details = [DetailLevel::Error, DetailLevel::Warn]
            .into_iter()
            .filter_map(|level| Some((level, pointer_to(&children, level)?)))
            .collect();
        Self {
            label: None,
            status,
            details,
            children,
        }
    }

    /// This, under a name.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// This, with something to say; an error makes it down.
    #[must_use]
    pub fn with_detail(mut self, level: DetailLevel, detail: impl Into<Value>) -> Self {
        if level == DetailLevel::Error {
            self.status = HealthStatus::Down;
        }
        self.details.push((level, detail.into()));
        self
    }

    /// How it is.
    pub const fn status(&self) -> HealthStatus {
        self.status
    }

    /// Whether it is not known to be down.
    pub fn is_healthy(&self) -> bool {
        self.status != HealthStatus::Down
    }

    /// `{"label"?, "status", "details"?, "children"?}`.
    pub fn to_json(&self) -> Value {
        let mut json = Map::new();
        if let Some(label) = &self.label {
            json.insert("label".to_owned(), label.as_str().into());
        }
        json.insert("status".to_owned(), self.status.as_str().into());
        if !self.details.is_empty() {
            let details = self
                .details
                .iter()
                .map(|(level, detail)| json!({ level.as_str(): detail }));
            json.insert("details".to_owned(), details.collect());
        }
        if !self.children.is_empty() {
            let children = self.children.iter().map(Self::to_json);
            json.insert("children".to_owned(), children.collect());
        }
        Value::Object(json)
    }
}

/// Names the children that have a detail of `level`.
fn pointer_to(children: &[Health], level: DetailLevel) -> Option<Value> {
    let names: Vec<&str> = children
        .iter()
        .filter(|child| child.details.iter().any(|(found, _)| *found == level))
        .map(|child| child.label.as_deref().unwrap_or("unnamed"))
        .collect();
    (!names.is_empty()).then(|| format!("comes from: {}", names.join(", ")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_merge(left: HealthStatus, right: HealthStatus, expected: HealthStatus) {
        assert_eq!(left.merge(right), expected, "{left:?} + {right:?}");
        assert_eq!(right.merge(left), expected, "{right:?} + {left:?}");
    }

    #[track_caller]
    fn check_json(health: &Health, expected: &Value) {
        assert_eq!(health.to_json().to_string(), expected.to_string());
    }

    fn down(label: &str) -> Health {
        Health::of(HealthStatus::Up)
            .with_detail(DetailLevel::Error, "disk full")
            .labelled(label)
    }

    #[test]
    fn down_wins_and_unknown_gives_way() {
        use HealthStatus::{Down, Unknown, Up};
        check_merge(Up, Up, Up);
        check_merge(Up, Unknown, Up);
        check_merge(Unknown, Unknown, Unknown);
        check_merge(Down, Up, Down);
        check_merge(Down, Unknown, Down);
        check_merge(Down, Down, Down);
    }

    #[test]
    fn unknown_is_healthy_and_down_is_not() {
        assert!(Health::of(HealthStatus::Unknown).is_healthy());
        assert!(Health::of(HealthStatus::Up).is_healthy());
        assert!(!Health::of(HealthStatus::Down).is_healthy());
        assert!(Health::composite(Vec::new()).is_healthy());
    }

    #[test]
    fn empty_lists_are_left_out() {
        check_json(&Health::of(HealthStatus::Up), &json!({"status":"UP"}));
    }

    #[test]
    fn an_error_makes_it_down_and_a_warning_does_not() {
        check_json(
            &down("journal"),
            &json!({"label":"journal","status":"DOWN","details":[{"ERROR":"disk full"}]}),
        );
        check_json(
            &Health::of(HealthStatus::Up).with_detail(DetailLevel::Warn, json!({"left":3})),
            &json!({"status":"UP","details":[{"WARN":{"left":3}}]}),
        );
    }

    #[test]
    fn a_composite_points_to_its_errors_then_its_warnings() {
        let warned = Health::of(HealthStatus::Up).with_detail(DetailLevel::Warn, "slow");
        let informed = Health::of(HealthStatus::Up).with_detail(DetailLevel::Info, "hello");
        let composite = Health::composite(vec![
            warned.labelled("b"),
            down("a"),
            informed.labelled("d"),
            down("c"),
        ]);
        let json = composite.to_json();
        assert_eq!(
            json["details"],
            json!([{"ERROR":"comes from: a, c"},{"WARN":"comes from: b"}])
        );
        assert_eq!(json["status"], "DOWN");
        assert_eq!(json["children"].as_array().unwrap().len(), 4);
    }
}
