//! What a client of Ditto's things and messages relies on, line by line, and which test shows it.

use std::path::Path;

/// What is relied on, and the test, as `<file below it/>::<function>`.
const ROWS: &[(&str, &str)] = &[
    (
        "a POST without id: 201, Location, rev 1, a policy of that id",
        "things/life::a_thing_without_an_id_gets_one_and_a_policy",
    ),
    (
        "a POST with an id is refused",
        "things/life::a_thing_without_an_id_gets_one_and_a_policy",
    ),
    (
        "a POST with a namespace",
        "things/life::a_thing_without_an_id_gets_one_and_a_policy",
    ),
    (
        "PUT creates, then replaces",
        "things/life::put_creates_and_then_replaces",
    ),
    (
        "a PUT with another id in its body is refused",
        "things/life::put_creates_and_then_replaces",
    ),
    (
        "a policy survives its thing",
        "things/life::a_policy_survives_its_thing",
    ),
    (
        "a thing that is created again goes on counting",
        "things/conformance::a_recreated_thing_goes_on_counting",
    ),
    (
        "an attribute needs its thing",
        "things/parts::a_part_needs_what_it_belongs_to",
    ),
    (
        "a property needs its feature, unless it is merged",
        "things/parts::a_part_needs_what_it_belongs_to",
    ),
    (
        "parents are made, and stay",
        "things/parts::parents_stay_when_a_leaf_goes",
    ),
    (
        "null is a value for PUT",
        "things/parts::null_is_a_value_for_put",
    ),
    (
        "an empty selection is empty",
        "things/views::fields_select_what_is_read",
    ),
    (
        "a selection with a star",
        "things/views::fields_select_what_is_read",
    ),
    (
        "the policy within the thing",
        "things/conformance::the_policy_is_embedded_for_those_who_may_read_it",
    ),
    (
        "several things, in the order asked for",
        "things/views::several_things_come_in_the_order_asked_for",
    ),
    (
        "no id at all is refused",
        "things/views::several_things_come_in_the_order_asked_for",
    ),
    (
        "a PATCH of another content type: 415",
        "things/parts::a_patch_that_makes_no_thing_is_refused",
    ),
    (
        "an empty patch is refused",
        "things/parts::a_patch_that_makes_no_thing_is_refused",
    ),
    (
        "null in a patch takes away; the event has the patch",
        "things/followed::null_in_a_patch_is_told",
    ),
    (
        "a pattern in a patch takes away",
        "things/conformance::a_patch_removes_keys_by_pattern",
    ),
    (
        "a patch creates a thing, but no part of a missing one",
        "things/parts::a_patch_creates_a_missing_thing_but_no_part_of_one",
    ),
    (
        "If-None-Match: * on what exists",
        "things/preconditions::preconditions_guard_a_thing",
    ),
    (
        "If-Match: * on what is missing leaves nothing behind",
        "things/preconditions::preconditions_guard_a_thing",
    ),
    (
        "304 for who has the current state",
        "things/preconditions::preconditions_guard_a_thing",
    ),
    (
        "an equal value is skipped, without event",
        "things/followed::an_equal_value_is_not_told",
    ),
    (
        "a minimal merge tells only what changes",
        "things/conformance::a_minimal_merge_tells_only_what_changes",
    ),
    (
        "a condition holds, fails, looks at what is hidden",
        "things/followed::a_condition_decides_and_is_no_oracle",
    ),
    (
        "a condition with // is refused",
        "things/followed::a_condition_decides_and_is_no_oracle",
    ),
    (
        "timeout 0: 202",
        "things/conformance::a_write_may_be_sent_without_waiting",
    ),
    (
        "timeout 0 with acknowledgements is refused",
        "things/errors::every_code_is_produced_and_nothing_changes",
    ),
    (
        "nobody acknowledges: 408",
        "messages/acknowledgements::one_acknowledgement_speaks_for_itself",
    ),
    (
        "somebody fails to acknowledge: 424",
        "messages/acknowledgements::a_failure_or_silence_fails_the_whole",
    ),
    (
        "twin-persisted changes nothing",
        "things/conformance::a_write_may_be_sent_without_waiting",
    ),
    (
        "no label at all changes nothing",
        "things/conformance::a_write_may_be_sent_without_waiting",
    ),
    (
        "a timeout beyond a minute, of a thing",
        "things/errors::every_code_is_produced_and_nothing_changes",
    ),
    (
        "a timeout beyond a minute, of a message",
        "messages::waiting_has_bounds",
    ),
    (
        "diverging correlation ids are refused",
        "things/life::a_correlation_id_comes_back",
    ),
    (
        "a message that nobody receives",
        "messages::waiting_has_bounds",
    ),
    (
        "204 from a device drops its payload",
        "messages::the_status_of_an_answer_is_the_device_s",
    ),
    (
        "a message to a missing feature",
        "messages::a_message_to_a_feature_needs_the_thing_only",
    ),
    (
        "a message without WRITE is refused",
        "messages::nobody_sends_without_write_but_claims",
    ),
    (
        "a stranger claims",
        "messages::nobody_sends_without_write_but_claims",
    ),
    (
        "the past",
        "things/conformance::the_past_is_read_by_revision_and_time",
    ),
    (
        "no creation on the live channel",
        "messages/live_channel::what_has_no_device_is_refused",
    ),
    (
        "a live command without a device: 408",
        "messages/live_channel::waiting_for_a_device_has_bounds",
    ),
    (
        "a condition chooses the channel, and the twin answers for the device",
        "messages/live_channel::a_condition_on_the_twin_chooses_the_channel",
    ),
    (
        "no such condition on a write",
        "messages/live_channel::what_has_no_device_is_refused",
    ),
    (
        "a partial reader's view",
        "things/views::a_partial_reader_sees_his_part",
    ),
    (
        "a revoke below blocks the whole",
        "things/views::a_revoke_below_blocks_the_whole",
    ),
    (
        "a thing without its policy",
        "things/conformance::a_thing_waits_for_its_policy",
    ),
    (
        "two ways to bring metadata",
        "things/errors::every_code_is_produced_and_nothing_changes",
    ),
    (
        "two headers about metadata",
        "things/errors::every_code_is_produced_and_nothing_changes",
    ),
    (
        "metadata goes with what it is about",
        "things/conformance::metadata_goes_beside_the_thing",
    ),
    (
        "a thing and a body have a largest size",
        "things/hostile::every_write_refuses_every_hostile_body",
    ),
    (
        "keys and pointers have a grammar",
        "things/hostile::every_method_refuses_every_hostile_pointer",
    ),
    (
        "a partial reader is not told of what he may not read",
        "streams/events::a_stranger_sees_nothing_and_a_partial_reader_his_part",
    ),
];

#[test]
fn every_line_has_its_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("it");
    for (line, test) in ROWS {
        let (file, function) = test.split_once("::").expect("a path of a test");
        let source = std::fs::read_to_string(folder.join(format!("{file}.rs")));
        let source = source.unwrap_or_else(|_| panic!("{file} of {line:?}"));
        let declared = format!("#[tokio::test]\nasync fn {function}() {{");
        assert!(source.contains(&declared), "{test} of {line:?}");
    }
}
