//! The header fields of one request, read once: everything that decides looks here.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use authentication::HeaderLookup;
use smallvec::SmallVec;
use things::TwinHeaders;

use crate::error::DittoError;

/// Field names are at most this long.
const NAME_BYTES_MAX: usize = 64;
/// Field values are at most this long.
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// There are at most this many fields.
const FIELDS_MAX: usize = 64;
/// All fields but credentials together, in bytes; Ditto's `LIMITS_MESSAGES_HEADERS_SIZE`.
const TOTAL_BYTES_MAX: usize = 5 * 1024;

/// Fields with text values, names in lower case.
///
/// Requests have a handful of fields, so that a scan beats hashing each name that is looked up.
pub(crate) struct Fields<'a> {
    fields: SmallVec<[(&'a str, &'a str); 16]>,
    fault: Option<Fault>,
}

/// Why the fields must not be acted on.
enum Fault {
    TooMany(usize),
    Repeated(String),
    FieldTooLarge,
    TooLarge(usize),
    FoldedIdentity,
    NotText(String),
    TakesAwayTrusted,
}

/// What must not be left out silently cannot be read.
struct NotText;

impl<'a> Fields<'a> {
    /// Reads the fields; whether they may be acted on is asked by [`Self::check`], so that a refusal can still be
    /// tied to the client's correlation id.
    pub(crate) fn read(headers: &'a HeaderMap) -> Self {
        let mut fault = None;
        let mut total = 0;
        let mut fields = SmallVec::new();
        for (name, value) in headers.iter().take(FIELDS_MAX) {
            let name = name.as_str();
            if name.len() > NAME_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
                fault = Some(Fault::FieldTooLarge);
            } else if is_folded_identity(name) {
                fault = Some(Fault::FoldedIdentity);
            }
            if name != "authorization" {
                total += name.len() + value.len();
            }
            match text(name, value) {
                Ok(Some(value)) => {
                    if name == "connection" && takes_away_trusted(value) {
                        fault = fault.or(Some(Fault::TakesAwayTrusted));
                    }
                    fields.push((name, value));
                }
                Ok(None) => {}
                Err(NotText) => fault = Some(Fault::NotText(name.to_owned())),
            }
        }
        if total > TOTAL_BYTES_MAX {
            fault = fault.or(Some(Fault::TooLarge(total)));
        }
        if headers.len() > FIELDS_MAX {
            fault = Some(Fault::TooMany(headers.len()));
        } else if headers.len() != headers.len_keys() {
            let repeated = headers
                .keys()
                .find(|name| headers.get_all(*name).count() > 1);
            fault = Some(Fault::Repeated(
                repeated.map_or("", HeaderName::as_str).to_owned(),
            ));
        }
        Self { fields, fault }
    }

    /// The value of the field with this lower-case name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.fields
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// Every field, names in lower case.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().copied()
    }

    /// # Errors
    ///
    /// 431 for what is too large, 400 for what is repeated or spelled ambiguously.
    pub(crate) fn check(&self) -> Result<(), DittoError> {
        match &self.fault {
            None => Ok(()),
            Some(fault) => Err(refused(fault)),
        }
    }
}

impl HeaderLookup for Fields<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.get(name)
    }
}

/// The text of a field; `None` for one that nobody acts on and that is no ASCII.
///
/// As `HeaderValue::to_str`, which looks at one byte at a time: a header value has no control characters by its type,
/// so that being ASCII is all that is left to ask.
fn text<'v>(name: &str, value: &'v HeaderValue) -> Result<Option<&'v str>, NotText> {
    let bytes = value.as_bytes();
    if bytes.is_ascii() || TwinHeaders::NAMES.contains(&name) {
        return std::str::from_utf8(bytes).map(Some).map_err(|_| NotText);
    }
    if changes_meaning(name) {
        return Err(NotText);
    }
    Ok(None)
}

/// Whether a command without the header of this name would mean something else.
fn changes_meaning(name: &str) -> bool {
    name.starts_with("if-")
        || matches!(
            name,
            "allow-policy-lockout"
                | "channel"
                | "declared-acks"
                | "live-channel-condition"
                | "live-channel-timeout-strategy"
                | "policy-view"
                | "requested-acks"
                | "response-required"
                | "timeout"
        )
}

/// What a trusted proxy says about who calls: nobody else may make it vanish or appear.
const TRUSTED: [&str; 6] = [
    "authorization",
    "forwarded",
    "x-ditto-pre-authenticated",
    "x-ditto-pre-authenticated-assertion",
    "x-forwarded-for",
    "x-forwarded-proto",
];

/// `x_ditto_pre_authenticated` and its like: the same word to a proxy or CGI host that folds `_` and `-`.
fn is_folded_identity(name: &str) -> bool {
    name.contains('_')
        && name.len() >= "x-ditto-pre-authenticated".len()
        && name
            .replace('_', "-")
            .starts_with("x-ditto-pre-authenticated")
}

/// `Connection: x-forwarded-for` asks whoever passes the request on to take the field away (RFC 9110 §7.6.1).
fn takes_away_trusted(options: &str) -> bool {
    options.split(',').any(|option| {
        TRUSTED
            .iter()
            .any(|name| option.trim().eq_ignore_ascii_case(name))
    })
}

fn refused(fault: &Fault) -> DittoError {
    match fault {
        Fault::TooMany(count) => too_large(format!(
            "There are {count} header fields, at most {FIELDS_MAX} are read."
        )),
        Fault::FieldTooLarge => too_large(format!(
            "A header field has a name of at most {NAME_BYTES_MAX} and a value of at most {VALUE_BYTES_MAX} bytes."
        )),
        Fault::TooLarge(total) => too_large(format!(
            "The header fields have {total} bytes, at most {TOTAL_BYTES_MAX} are read."
        )),
        Fault::Repeated(name) => DittoError::bad_request(
            "gateway:duplicate.header.field",
            format!("The header `{name}` was sent more than once."),
        )
        .describe("Send it once.")
        .refer_to("https://www.rfc-editor.org/rfc/rfc9110#section-5.3"),
        Fault::NotText(name) => DittoError::bad_request(
            "header.invalid",
            format!("The value of the header `{name}` cannot be read."),
        )
        .describe("Send ASCII; conditions and metadata may also be UTF-8."),
        Fault::TakesAwayTrusted => DittoError::bad_request(
            "header.invalid",
            "The header `connection` names a field that says who calls.",
        )
        .describe("Leave it out: such fields are for every hop."),
        Fault::FoldedIdentity => DittoError::bad_request(
            "header.invalid",
            "A header field name imitates an identity header.",
        )
        .describe(
            "Field names with `_` are read as `-` by some proxies, so this spelling is refused.",
        ),
    }
}

fn too_large(message: String) -> DittoError {
    DittoError::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers.too.large",
        message,
    )
    .describe("Send fewer or shorter header fields.")
}
