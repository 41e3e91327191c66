//! Topics read, printed and refused.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(input: &str, expected: Result<&str, TopicPathError>) {
    let printed = input.parse::<TopicPath>().map(|topic| topic.to_string());
    assert_eq!(
        printed.as_deref(),
        expected.as_ref().map(|text| *text),
        "input: {input:?}"
    );
}

#[track_caller]
fn check_same(input: &str) {
    check(input, Ok(input));
}

fn unknown(part: TopicPart, text: &str) -> TopicPathError {
    TopicPathError::Unknown {
        part,
        text: text.to_owned(),
    }
}

#[test]
fn every_kind_of_topic_prints_as_it_was_read() {
    check_same("com.acme/pump-7/things/twin/commands/modify");
    check_same("com.acme/pump-7/things/live/commands/retrieve");
    check_same("com.acme/pump-7/things/twin/events/merged");
    check_same("com.acme/pump-7/things/live/messages/heat/up");
    check_same("com.acme/pump-7/things/live/messages");
    check_same("com.acme/pump-7/things/twin/acks/acme:archived");
    check_same("com.acme/pump-7/things/live/acks");
    check_same("com.acme/pump-7/things/twin/errors");
    check_same("com.acme/pump-7/things/twin/streaming/subscribeForPersistedEvents");
    check_same("_/_/things/twin/search/subscribe");
    check_same("com.acme/fleet/policies/commands/create");
    check_same("com.acme/fleet/policies/errors");
    check_same("com.acme/fleet/policies/announcements/subjectDeletion");
    check_same("_/_/policies/commands/checkPermissions");
    check_same("_/uplink/connections/announcements/closed");
    check_same("_/_/sessions/announcements/expiring");
}

#[test]
fn empty_namespace_is_printed_as_placeholder() {
    check(
        "/lamp/things/twin/commands/create",
        Ok("_/lamp/things/twin/commands/create"),
    );
    check_same("_/lamp/things/twin/events/created");
    let topic: TopicPath = "_/lamp/things/twin/events/created".parse().unwrap();
    assert_eq!(topic.entity_id(), ":lamp");
}

#[test]
fn two_placeholders_are_no_id() {
    let topic: TopicPath = "_/_/policies/commands/retrieve".parse().unwrap();
    assert!(topic.is_wildcard());
    assert_eq!(topic.policy_id(), Err(EntityIdError::Namespace));
}

#[test]
fn segments_after_an_action_do_not_count() {
    check(
        "a/b/things/twin/commands/modify/and/more",
        Ok("a/b/things/twin/commands/modify"),
    );
}

#[test]
fn a_topic_that_ends_early_names_the_missing_part() {
    check("", Err(TopicPathError::Missing(TopicPart::Name)));
    check("a", Err(TopicPathError::Missing(TopicPart::Name)));
    check("a/b", Err(TopicPathError::Missing(TopicPart::Group)));
    check(
        "a/b/things",
        Err(TopicPathError::Missing(TopicPart::Channel)),
    );
    check(
        "a/b/things/twin",
        Err(TopicPathError::Missing(TopicPart::Criterion)),
    );
    check(
        "a/b/policies/commands",
        Err(TopicPathError::Missing(TopicPart::Action)),
    );
    check(
        "a/b/policies/announcements/",
        Err(TopicPathError::Missing(TopicPart::Subject)),
    );
    check(
        "a//policies/errors",
        Err(TopicPathError::Missing(TopicPart::Name)),
    );
}

#[test]
fn an_unknown_word_is_named() {
    check(
        "a/b/Things/twin/errors",
        Err(unknown(TopicPart::Group, "Things")),
    );
    check(
        "a/b/things/none/errors",
        Err(unknown(TopicPart::Channel, "none")),
    );
    check(
        "_/_/things/search/errors",
        Err(unknown(TopicPart::Channel, "search")),
    );
    check(
        "a/b/policies/twin/errors",
        Err(unknown(TopicPart::Criterion, "twin")),
    );
    check(
        "a/b/things/twin/commands/Modify",
        Err(unknown(TopicPart::Action, "Modify")),
    );
    check(
        "a/b/things/twin/events/modify",
        Err(unknown(TopicPart::Action, "modify")),
    );
}

#[test]
fn some_kinds_exist_for_some_groups_only() {
    let refused = TopicPathError::Combination(TopicPart::Criterion);
    for topic in [
        "_/_/things/live/search/subscribe",
        "a/b/policies/search/subscribe",
        "a/b/things/twin/messages/hello",
        "a/b/things/twin/announcements/hello",
        "a/b/things/live/streaming/request",
        "_/_/sessions/commands/modify",
    ] {
        check(topic, Err(refused.clone()));
    }
}

#[test]
fn errors_keep_the_entity_and_the_channel() {
    #[track_caller]
    fn check_errors(topic: &str, expected: &str) {
        let topic: TopicPath = topic.parse().unwrap();
        assert_eq!(topic.errors().to_string(), expected);
    }
    check_errors("a/b/things/twin/commands/modify", "a/b/things/twin/errors");
    check_errors("a/b/things/live/messages/x", "a/b/things/live/errors");
    check_errors("a/b/policies/commands/delete", "a/b/policies/errors");
    check_errors(
        "_/_/things/twin/search/subscribe",
        "_/_/things/twin/search/error",
    );
    assert_eq!(
        TopicPath::unknown_errors(Group::Things(Channel::Twin)).to_string(),
        "unknown/unknown/things/twin/errors"
    );
}

fn criterion() -> impl Strategy<Value = Criterion> {
    let subject = "[a-zA-Z:.-]{1,8}(/[a-z]{0,4}){0,2}";
    prop_oneof![
        proptest::sample::select(CommandAction::ALL).prop_map(Criterion::Commands),
        proptest::sample::select(EventAction::ALL).prop_map(Criterion::Events),
        proptest::sample::select(SearchAction::ALL).prop_map(Criterion::Search),
        proptest::sample::select(StreamingAction::ALL).prop_map(Criterion::Streaming),
        proptest::option::of(subject).prop_map(Criterion::Messages),
        proptest::option::of(subject).prop_map(Criterion::Acks),
        subject.prop_map(Criterion::Announcements),
        Just(Criterion::Errors),
    ]
}

fn topic_path() -> impl Strategy<Value = TopicPath> {
    let groups = [
        Group::Things(Channel::Twin),
        Group::Things(Channel::Live),
        Group::Policies,
        Group::Connections,
        Group::Sessions,
    ];
    (
        "([a-z][a-z0-9_]{0,5}([.-][a-z][a-z0-9]{0,5}){0,2})?",
        "[^/\\p{Cc}]{1,12}",
        proptest::sample::select(groups.to_vec()),
        criterion(),
    )
        .prop_filter(
            "a group has not every criterion",
            |(_, _, group, criterion)| group.allows(criterion),
        )
        .prop_map(|(namespace, name, group, criterion)| TopicPath {
            namespace,
            name,
            group,
            criterion,
        })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(topic in topic_path()) {
        prop_assert_eq!(topic.to_string().parse(), Ok(topic));
    }

    #[test]
    fn what_is_read_prints_stably(text in "[a-z_./]{0,60}|\\PC{0,60}") {
        if let Ok(topic) = text.parse::<TopicPath>() {
            prop_assert_eq!(topic.to_string().parse(), Ok(topic));
        }
    }
}
