//! Every header that Ditto knows: what it holds, and which way it may cross the edge.

/// What the value of a header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Text, or something that others parse.
    Text,
    /// Text that must not be empty.
    NonEmptyText,
    /// `true` or `false`.
    Boolean,
    /// An integer.
    Integer,
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
}

/// Which way a header may cross the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From clients and to clients.
    Both,
    /// From clients only.
    Inward,
    /// To clients only; a client's own value is discarded.
    Outward,
    /// Neither.
    Internal,
}

impl Direction {
    /// Whether clients may set the header.
    pub const fn is_inward(self) -> bool {
        matches!(self, Self::Both | Self::Inward)
    }

    /// Whether clients may see the header.
    pub const fn is_outward(self) -> bool {
        matches!(self, Self::Both | Self::Outward)
    }
}

/// One known header.
///
/// Source: Ditto documentation, page "Protocol specification", section "Headers".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Its name, lower-case.
    pub name: &'static str,
    /// What it holds.
    pub kind: ValueKind,
    /// Which way it may go.
    pub direction: Direction,
}

/// The definition of the header with this lower-case name; `None` for a client's own headers.
pub fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS
        .iter()
        .find(|definition| definition.name == name)
}

const fn define(name: &'static str, kind: ValueKind, direction: Direction) -> Definition {
    Definition {
        name,
        kind,
        direction,
    }
}

use Direction::{Both, Internal, Inward, Outward};
use ValueKind::{Array, Boolean, Integer, NonEmptyText, Object, Text};

const DEFINITIONS: &[Definition] = &[
    define("correlation-id", NonEmptyText, Both),
    define("response-required", Boolean, Both),
    define("requested-acks", Array, Both),
    define("declared-acks", Array, Inward),
    define("timeout", Text, Both),
    define("content-type", Text, Both),
    define("version", Integer, Both),
    define("accept", Text, Inward),
    define("authorization", Text, Inward),
    define("reply-to", Text, Both),
    define("channel", Text, Both),
    define("live-channel-timeout-strategy", Text, Inward),
    define("live-channel-condition", Text, Inward),
    define("live-channel-condition-matched", Boolean, Outward),
    define("condition", Text, Inward),
    define("merge-thing-patch-conditions", Object, Inward),
    define("if-match", Text, Inward),
    define("if-none-match", Text, Inward),
    define("if-equal", Text, Inward),
    define("etag", Text, Outward),
    define("location", Text, Both),
    define("www-authenticate", Text, Outward),
    define("put-metadata", Array, Inward),
    define("get-metadata", Text, Inward),
    define("delete-metadata", Text, Inward),
    define("ditto-metadata", Object, Outward),
    define("allow-policy-lockout", Boolean, Inward),
    define("dry-run", Boolean, Inward),
    define("policy-view", Text, Inward),
    define("at-historical-revision", Integer, Inward),
    define("at-historical-timestamp", Text, Inward),
    define("historical-headers", Object, Outward),
    define("entity-revision", Integer, Outward),
    define("ditto-originator", Text, Outward),
    define("ditto-connection-id", Text, Outward),
    define("ditto-weak-ack", Boolean, Outward),
    define("ditto-message-direction", Text, Outward),
    define("ditto-message-subject", Text, Outward),
    define("ditto-message-thing-id", Text, Outward),
    define("ditto-message-feature-id", Text, Outward),
    define("timestamp", Text, Both),
    define("status", Integer, Both),
    define("traceparent", Text, Both),
    define("tracestate", Text, Both),
    define("divert-response-to-connection", NonEmptyText, Both),
    define("divert-expected-response-types", NonEmptyText, Both),
    define("diverted-response-from-connection", NonEmptyText, Both),
    define("ditto-auth-context", Text, Internal),
    define("ditto-dry-run", Text, Internal),
    define("ditto-read-subjects", Text, Internal),
    define("ditto-read-revoked-subjects", Text, Internal),
    define("ditto-origin", Text, Internal),
    define("ditto-reply-target", Text, Internal),
    define("ditto-expected-response-types", Text, Internal),
    define("ditto-inbound-payload-mapper", Text, Internal),
    define("ditto-entity-id", Text, Internal),
    define("ditto-event-journal-tags", Text, Internal),
    define("ditto-sudo", Text, Internal),
    define("ditto-retrieve-deleted", Text, Internal),
    define("ditto-ackgregator-address", Text, Internal),
    define("ditto-pre-defined-extra-fields", Text, Internal),
    define("ditto-pre-defined-extra-fields-read-grant", Text, Internal),
    define("ditto-pre-defined-extra-fields-object", Text, Internal),
    define("ditto-partial-access-paths", Text, Internal),
    define("ditto-policy-view-fields-selector", Text, Internal),
    // Ditto's own block list: noise of the transport.
    define("raw-request-uri", Text, Internal),
    define("cache-control", Text, Internal),
    define("connection", Text, Internal),
    define("timeout-access", Text, Internal),
    define("accept-encoding", Text, Internal),
    define("x-forwarded-scheme", Text, Internal),
    // Credentials: unknown to Ditto, which would hand them on to every subscriber.
    define("x-ditto-pre-authenticated", Text, Internal),
    define("x-api-key", Text, Internal),
    define("proxy-authorization", Text, Internal),
    define("cookie", Text, Internal),
    define("set-cookie", Text, Internal),
];
