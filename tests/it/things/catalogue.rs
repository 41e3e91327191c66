//! Every error code of things, messages and what they share, and the test that meets it.

use std::collections::BTreeSet;

use serde_json::json;

use super::with_lamp;
use crate::catalogue::{Row, check, check_never, read};
use crate::given::listening;

const TABLE: (&str, &str) = (
    "tests/it/things/errors.rs",
    "every_code_is_produced_and_nothing_changes",
);
const MESSAGES: &str = "tests/it/messages.rs";
const LIVE: &str = "tests/it/messages/live_channel.rs";
const ACKNOWLEDGEMENTS: &str = "tests/it/messages/acknowledgements.rs";
/// What takes more than a request: many writers, or a store that fails.
const CROWD: (&str, &str) = (
    "gateway/src/error/things.rs",
    "what_no_single_request_can_cause_has_its_code",
);

/// Codes of no single resource.
#[rustfmt::skip]
const GENERAL: &[Row] = &[
    ("gateway:duplicate.header.field", TABLE.0, TABLE.1),
    ("gateway:timeout.invalid", TABLE.0, TABLE.1),
    ("timeout.invalid", TABLE.0, TABLE.1),
    ("header.invalid", TABLE.0, TABLE.1),
    ("header.notsupported", TABLE.0, TABLE.1),
    ("command.headers.invalid", TABLE.0, TABLE.1),
    ("json.invalid", TABLE.0, TABLE.1),
    ("json.field.missing", TABLE.0, TABLE.1),
    ("json.key.invalid", TABLE.0, TABLE.1),
    ("json.pointer.invalid", TABLE.0, TABLE.1),
    ("json.fieldselector.invalid", TABLE.0, TABLE.1),
    ("rql.expression.invalid", TABLE.0, TABLE.1),
    ("signals.commands:path.unknown", CROWD.0, CROWD.1),
    ("signal.unsupported", "tests/it/streams/parameters.rs", "malformed_parameters_open_no_stream"),
    ("acknowledgement:label.invalid", TABLE.0, TABLE.1),
    ("acknowledgement:ditto.acklabel.forbidden", ACKNOWLEDGEMENTS, "nobody_acknowledges_under_a_label_of_others"),
    ("acknowledgement:label.not.declared", ACKNOWLEDGEMENTS, "nobody_acknowledges_under_a_label_of_others"),
    ("acknowledgement:correlation-id.missing", ACKNOWLEDGEMENTS, "nobody_acknowledges_under_a_label_of_others"),
    ("acknowledgement:label.not.unique", ACKNOWLEDGEMENTS, "a_label_has_one_session"),
    ("acknowledgement:request.timeout", ACKNOWLEDGEMENTS, "a_failure_or_silence_fails_the_whole"),
    ("acknowledgement:request.duplicate.correlation-id", MESSAGES, "one_correlation_id_waits_once"),
    ("placeholder:unresolved", TABLE.0, TABLE.1),
    ("placeholder:placeholder.reference.notsupported", TABLE.0, TABLE.1),
    ("placeholder:placeholder.reference.unknownfield", TABLE.0, TABLE.1),
    ("placeholder:placeholder.notresolvable", "tests/it/policies/codes.rs", "every_code_has_its_request"),
    ("gateway:authentication.failed", "tests/it/authentication.rs", "an_identity_from_an_untrusted_peer_is_none"),
    ("gateway:jwt.issuer.notsupported", "tests/it/authentication.rs", "a_token_of_an_unknown_issuer_is_refused_by_name"),
    ("gateway:jwt.condition.failed", "tests/it/authentication.rs", "a_token_that_misses_a_condition_of_its_issuer_is_refused_by_name"),
    ("gateway:authentication.provider.unavailable", "tests/it/api_keys.rs", "while_the_lane_of_slow_hashes_is_full_whoever_is_known_is_served"),
    ("entity.notcreatable", "tests/it/policies/creation.rs", "what_no_rule_grants_is_not_created"),
    ("gateway:namespace.notaccessible", "tests/it/namespace_access.rs", "no_route_reaches_a_namespace_that_is_out_of_reach"),
    ("api.version.notsupported", TABLE.0, TABLE.1),
    ("gateway:method.notallowed", TABLE.0, TABLE.1),
    ("command.timeout", MESSAGES, "waiting_has_bounds"),
    ("namespace.blocked", "tests/it/devops/namespaces.rs", "nothing_in_a_closed_namespace_is_read_or_written"),
    ("gateway:body.toolarge", MESSAGES, "a_message_has_a_size"),
    ("mediatype.unsupported", TABLE.0, TABLE.1),
    ("too.many.requests", "tests/it/brute_force.rs", "who_guesses_keys_is_told_to_wait_ever_longer"),
    ("headers.too.large", "tests/it/limits.rs", "headers_have_a_largest_size"),
    ("gateway:internalerror", CROWD.0, CROWD.1),
    ("gateway:service.unavailable", "tests/it/shutdown.rs", "whoever_waits_for_longer_than_the_end_is_answered"),
];

/// Codes of messages, and those of things that the table in `errors.rs` lacks.
#[rustfmt::skip]
const SPECIAL: &[Row] = &[
    ("messages:subject.invalid", MESSAGES, "paths_that_are_no_messages_are_refused"),
    ("messages:featureid.invalid", TABLE.0, TABLE.1),
    ("messages:payload.invalid", TABLE.0, TABLE.1),
    ("messages:messageformat.invalid", MESSAGES, "malformed_messages_get_an_error_frame"),
    ("messages:payload.toolarge", MESSAGES, "a_message_has_a_size"),
    ("messages:send.notallowed", MESSAGES, "nobody_sends_without_write_but_claims"),
    ("things:condition.failed", TABLE.0, TABLE.1),
    ("things:event.notallowed", LIVE, "live_events_reach_whoever_may_read_them"),
    ("things:live.channelcondition.notallowed", LIVE, "a_channel_condition_tells_nobody_what_they_may_not_read"),
    ("things:thing.toolarge", "tests/it/limits.rs", "a_thing_has_a_largest_size"),
    ("things:things.ids.missing", TABLE.0, TABLE.1),
    ("things:things.ids.toomany", "tests/it/things/catalogue.rs", "what_no_row_can_say_has_its_code"),
    ("things:thing.conflict", "tests/it/things/catalogue.rs", "what_no_row_can_say_has_its_code"),
    ("things:thing.toomanymodifyingrequests", CROWD.0, CROWD.1),
];

/// Codes of Ditto that no request can meet here.
const NEVER: &[&str] = &[
    "enforcement.timeout",
    "ask.error",
    "things:thing.unavailable",
    "things:attribute.pointerinvalid",
    "things:field.selection.invalid",
    "things:policy.id.missing",
    "things:policy.notallowed",
    "things:policy.id.notallowed",
    "messages:id.invalid",
    "messages:authorization.blocked",
    "placeholder:function.unknown",
    "placeholder:function.signature.invalid",
    "wot:payload.validation.error",
    "wot:tm.invalid",
    "wot:tm.notfound",
];

/// Where the codes of the public API are told.
const SOURCES: &[&str] = &[
    "gateway/src/error.rs",
    "gateway/src/error/json.rs",
    "gateway/src/error/things.rs",
    "gateway/src/error/protocol.rs",
    "gateway/src/error/protocol/live.rs",
];

#[test]
fn every_code_has_a_test() {
    check(GENERAL);
    check(SPECIAL);
}

/// What the gateway tells of messages and live signals is listed, so that a new code brings its test.
#[test]
fn there_is_no_other_code() {
    let known: BTreeSet<&str> = SPECIAL.iter().chain(GENERAL).map(|row| row.0).collect();
    let told = read("gateway/src/error/protocol/live.rs");
    let codes = told.split('"').filter(|text| {
        let family = text.split_once(':').map(|(family, _)| family);
        matches!(family, Some("messages" | "things" | "acknowledgement"))
            && !text.contains([' ', '{'])
    });
    for code in codes {
        assert!(known.contains(code), "{code}");
    }
}

#[test]
fn codes_that_never_come_are_told_as_differences() {
    check_never(NEVER, SOURCES);
}

#[tokio::test]
async fn what_no_row_can_say_has_its_code() {
    let (gateway, alice) = with_lamp().await;
    let ids = vec!["a:b"; 201].join(",");
    let refused = alice.get(&format!("/api/2/things?ids={ids}")).await;
    refused.expect_error(400, "things:things.ids.toomany");
    let mut socket = listening(&gateway, "nginx:alice", &[]).await;
    let again = json!({
        "topic": "org.acme/lamp/things/twin/commands/create",
        "headers": {},
        "path": "/",
        "value": { "policyId": "org.acme:lamp" },
    });
    let answer = socket.command("c-1", again).await;
    assert_eq!(
        answer["value"]["error"], "things:thing.conflict",
        "{answer}"
    );
}
