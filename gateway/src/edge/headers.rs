//! From HTTP headers and query parameters to the headers of a Ditto command, before anyone is authenticated.

mod claimed;
mod definitions;
mod echo;
mod live;
mod timeout;

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use policies::{DittoHeaders, IfEqual, PolicyView, Precondition};

pub(crate) use claimed::ClaimedHeaders;
pub(crate) use definitions::{is_custom, unsupported};
pub(crate) use echo::Echo;
pub(crate) use live::{LiveHeaders, OnTimeout, live_condition, on_timeout};
use things::TwinHeaders;
pub(crate) use timeout::Timeout;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::query::Query;
use crate::error::{DittoError, sentence};
use crate::live::parse_labels;

/// What the edge itself needs of a request's headers, next to what travels with the command.
#[derive(Debug)]
pub(crate) struct TranslatedHeaders {
    pub(crate) ditto: DittoHeaders,
    pub(crate) timeout: Option<Timeout>,
    /// What few commands to twins carry.
    pub(crate) twin: Option<Arc<TwinHeaders>>,
    /// Devices, and those who acknowledge.
    pub(crate) live: LiveHeaders,
    /// What comes back with the response.
    pub(crate) echo: Echo,
    /// What verified claims say, over whatever the client sent there.
    pub(crate) claimed: ClaimedHeaders,
}

impl TranslatedHeaders {
    /// Sets what verified claims say, once it is known who calls.
    pub(crate) fn claim(&mut self, claimed: ClaimedHeaders) {
        claimed.overwrite(&mut self.ditto.custom);
        self.claimed = claimed;
    }
}

/// Query parameters that mean the header of the same name.
/// Source: Ditto documentation, page "HTTP API concepts", section "Ditto headers as query parameters".
pub(crate) const QUERY_PARAMETERS: [&str; 15] = [
    "accept",
    "channel",
    "correlation-id",
    "requested-acks",
    "declared-acks",
    "response-required",
    "timeout",
    "live-channel-timeout-strategy",
    "allow-policy-lockout",
    "condition",
    "live-channel-condition",
    "at-historical-revision",
    "at-historical-timestamp",
    "dry-run",
    "policy-view",
];

/// Whether a header of this name may stand in the query instead.
pub(crate) fn is_query_parameter(name: &str) -> bool {
    QUERY_PARAMETERS.contains(&name)
}

/// What the handshake of a stream sets for every frame that does not say otherwise.
///
/// Source: Ditto documentation, page "WebSocket protocol binding", section on headers of the upgrade request.
pub(crate) fn frame_defaults(fields: &HeaderMap, query: &Query) -> Map<String, Value> {
    const NAMES: [&str; 4] = [
        "allow-policy-lockout",
        "response-required",
        "requested-acks",
        "timeout",
    ];
    NAMES
        .into_iter()
        .filter_map(|name| {
            let field = fields.get(name).and_then(|value| value.to_str().ok());
            Some((
                name.to_owned(),
                Value::from(field.or_else(|| query.get(name))?),
            ))
        })
        .collect()
}

/// Parses what a command carries; header and query parameter of one name must agree.
pub(crate) fn translate(
    fields: &Fields<'_>,
    query: &Query,
    correlation_id: Arc<str>,
) -> Result<TranslatedHeaders, DittoError> {
    let lookup = Lookup::new(fields, query);
    lookup.check_agreement()?;
    let response_required = lookup
        .get("response-required")
        .map(|text| boolean("response-required", text))
        .transpose()?;
    let timeout = lookup.get("timeout").map(Timeout::parse).transpose()?;
    let live = LiveHeaders::read(&lookup)?;
    if timeout.is_some_and(Timeout::is_zero)
        && (response_required == Some(true) || live.requests_any())
    {
        return Err(DittoError::bad_request("header.invalid", "The header `timeout` is zero although an answer is requested.")
            .describe("Leave out `timeout`, or set `response-required` to `false` and request no acknowledgements."));
    }
    Ok(TranslatedHeaders {
        ditto: DittoHeaders {
            correlation_id,
            response_required: response_required
                .or(timeout.filter(|timeout| timeout.is_zero()).map(|_| false)),
            precondition: Precondition {
                if_match: lookup.entity_tags("if-match")?,
                if_none_match: lookup.entity_tags("if-none-match")?,
            },
            if_equal: lookup
                .get("if-equal")
                .map_or(Ok(IfEqual::Update), if_equal)?,
            allow_policy_lockout: lookup
                .get("allow-policy-lockout")
                .map_or(Ok(false), |text| boolean("allow-policy-lockout", text))?,
            policy_view: lookup
                .get("policy-view")
                .map_or(Ok(PolicyView::Original), policy_view)?,
            requested_acks: Vec::new(),
            custom: lookup.custom(),
        },
        timeout,
        twin: lookup.twin()?,
        echo: if lookup.is_silent {
            Echo::default()
        } else {
            Echo::of(&lookup, &live)
        },
        live,
        claimed: ClaimedHeaders::default(),
    })
}

/// Headers first, then the query parameters that stand for headers.
pub(crate) struct Lookup<'a, 'f> {
    fields: &'a Fields<'f>,
    query: &'a Query,
    /// Nothing here says more than who calls and what it understands, as in most requests: then looking is in vain.
    is_silent: bool,
}

impl<'a, 'f> Lookup<'a, 'f> {
    fn new(fields: &'a Fields<'f>, query: &'a Query) -> Self {
        let is_silent = query.names().next().is_none()
            && fields
                .iter()
                .all(|(name, _)| definitions::says_nothing(name));
        Self {
            fields,
            query,
            is_silent,
        }
    }

    fn custom(&self) -> Vec<(Arc<str>, Arc<str>)> {
        if self.is_silent {
            return Vec::new();
        }
        definitions::custom(self.fields)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        if self.is_silent {
            return None;
        }
        self.fields.get(name).or_else(|| {
            if is_query_parameter(name) {
                self.query.get(name)
            } else {
                None
            }
        })
    }

    fn twin(&self) -> Result<Option<Arc<TwinHeaders>>, DittoError> {
        if self.is_silent {
            return Ok(None);
        }
        let headers = TwinHeaders::parse(&|name| self.get(name).map(Cow::Borrowed))?;
        Ok(headers.map(Arc::new))
    }

    fn check_agreement(&self) -> Result<(), DittoError> {
        for name in self.query.names().filter(|name| is_query_parameter(name)) {
            let (field, parameter) = (self.fields.get(name), self.query.get(name));
            if field.is_some() && field != parameter && !are_same_labels(name, field, parameter) {
                return Err(DittoError::bad_request(
                    "gateway:duplicate.header.field",
                    format!("The header `{name}` and the query parameter of that name have different values."),
                )
                .describe("Send one of them."));
            }
        }
        Ok(())
    }

    fn entity_tags(
        &self,
        name: &'static str,
    ) -> Result<Option<policies::EntityTagMatcher>, DittoError> {
        self.get(name)
            .map(|text| {
                text.parse()
                    .map_err(|error| invalid(name, &format!("{error}")))
            })
            .transpose()
    }
}

/// Whether both list the same labels, of which one may be written as JSON and the other with commas.
fn are_same_labels(name: &str, field: Option<&str>, parameter: Option<&str>) -> bool {
    let labels = |text: Option<&str>| parse_labels(text?).ok();
    matches!(name, "requested-acks" | "declared-acks")
        && labels(field).is_some_and(|field| Some(field) == labels(parameter))
}

fn boolean(name: &str, text: &str) -> Result<bool, DittoError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(name, "it is `true` or `false`")),
    }
}

fn policy_view(text: &str) -> Result<PolicyView, DittoError> {
    PolicyView::named(text).ok_or_else(|| {
        DittoError::bad_request(
            "policies:view.invalid",
            "The value of `policy-view` is invalid.",
        )
        .describe("It is `original` or `resolved`.")
    })
}

fn if_equal(text: &str) -> Result<IfEqual, DittoError> {
    match text {
        "update" => Ok(IfEqual::Update),
        "skip" => Ok(IfEqual::Skip),
        "skip-minimizing-merge" => Ok(IfEqual::SkipMinimizingMerge),
        _ => Err(invalid(
            "if-equal",
            "it is `update`, `skip` or `skip-minimizing-merge`",
        )),
    }
}

fn invalid(name: &str, rule: &str) -> DittoError {
    DittoError::bad_request(
        "header.invalid",
        format!("The value of the header `{name}` is invalid."),
    )
    .describe(sentence(rule))
}

#[cfg(test)]
mod tests;
