//! The value types of the configuration: durations, sizes, networks, addresses, secrets.
//!
//! Each parses from the text an operator writes, says what it expected, and describes itself in the schema.

mod cidr;
mod listen_address;
mod period;
mod secret;
mod size;
mod switchable;
mod uri_host;

pub use cidr::Cidr;
pub use listen_address::ListenAddress;
pub use period::Period;
pub use secret::Secret;
pub use size::Size;
pub use switchable::Switchable;
pub(crate) use uri_host::is_loopback_host;

/// The schema keyword under which a value type names its parser, see [`parser_of`].
pub(crate) const FORMAT_KEYWORD: &str = "x-twinward-format";

/// Whether a text can be parsed, and if not, what was expected.
pub(crate) type ScalarCheck = fn(&str) -> Result<(), String>;

/// The parser that checks scalars of a schema node with this [`FORMAT_KEYWORD`].
pub(crate) fn parser_of(format: &str) -> Option<ScalarCheck> {
    match format {
        "cidr" => Some(|text| text.parse::<Cidr>().map(drop).map_err(|e| e.to_string())),
        "duration" => Some(|text| text.parse::<Period>().map(drop).map_err(|e| e.to_string())),
        "listen-address" => Some(|text| {
            text.parse::<ListenAddress>()
                .map(drop)
                .map_err(|e| e.to_string())
        }),
        "size" => Some(|text| text.parse::<Size>().map(drop).map_err(|e| e.to_string())),
        "timestamp" => Some(|text| {
            text.parse::<jiff::Timestamp>().map(drop).map_err(|_| {
                format!("expected a point in time as in RFC 3339, e.g. `2027-01-31T00:00:00Z`, found `{text}`")
            })
        }),
        "url" => Some(|text| {
            text.parse::<url::Url>().map(drop).map_err(|_| {
                format!("expected a URL such as `https://auth.example/`, found `{text}`")
            })
        }),
        "uuid" => Some(|text| {
            text.parse::<uuid::Uuid>()
                .map(drop)
                .map_err(|_| format!("expected a UUID, found `{text}`"))
        }),
        _ => None,
    }
}

/// The schema of an RFC 3339 timestamp, for fields of type `jiff::Timestamp`.
pub(crate) fn timestamp_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": ["string", "null"], "format": "date-time", "x-twinward-format": "timestamp" })
}

/// The schema of a URL, for fields that keep its text.
pub(crate) fn url_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "format": "uri", "x-twinward-format": "url" })
}

/// The schema of a UUID, for fields that keep its text.
pub(crate) fn uuid_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "format": "uuid", "x-twinward-format": "uuid" })
}
