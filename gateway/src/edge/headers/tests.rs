//! Tests of header translation.

use actix_web::test::TestRequest;

use actix_web::http::header::HeaderMap;

use super::*;

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut request = TestRequest::default();
    for (name, value) in fields {
        request = request.append_header((*name, *value));
    }
    request.to_http_request().headers().clone()
}

#[track_caller]
fn check_refused(fields: &[(&'static str, &str)], query: &str, expected: &str) {
    let headers = headers(fields);
    let read = Fields::read(&headers);
    let outcome = read
        .check()
        .and_then(|()| translate(&read, &Query::parse(query).unwrap(), "c".into()).map(|_| ()))
        .map_err(|error| format!("{} {}", error.status().as_u16(), error.code()));
    assert_eq!(
        outcome,
        Err(expected.to_owned()),
        "fields: {fields:?}, query: {query:?}"
    );
}

#[test]
fn repeated_and_diverging_headers_are_refused() {
    check_refused(
        &[("x-a", "1"), ("x-a", "1")],
        "",
        "400 gateway:duplicate.header.field",
    );
    check_refused(
        &[("timeout", "1")],
        "timeout=2",
        "400 gateway:duplicate.header.field",
    );
}

#[test]
fn labels_may_be_listed_in_two_ways() {
    for (field, query) in [
        (r#"["twin-persisted"]"#, "requested-acks=twin-persisted"),
        ("my:a , my:b", "requested-acks=%5B%22my:a%22,%22my:b%22%5D"),
        ("", "requested-acks=[]"),
    ] {
        let headers = headers(&[("requested-acks", field)]);
        let query = Query::parse(query).unwrap();
        let translated = translate(&Fields::read(&headers), &query, "c".into());
        assert!(translated.is_ok(), "{field}: {translated:?}");
    }
    check_refused(
        &[("requested-acks", r#"["my:a"]"#)],
        "requested-acks=my:b",
        "400 gateway:duplicate.header.field",
    );
    check_refused(
        &[("condition", "[]")],
        "condition=",
        "400 gateway:duplicate.header.field",
    );
}

#[test]
fn large_headers_are_refused() {
    check_refused(&[("x-a", &"a".repeat(6000))], "", "431 headers.too.large");
    check_refused(&[("x-a", &"a".repeat(17_000))], "", "431 headers.too.large");
}

#[test]
fn a_long_credential_is_not_counted() {
    assert!(
        Fields::read(&headers(&[("authorization", &"a".repeat(8000))]))
            .check()
            .is_ok()
    );
}

#[test]
fn an_imitated_identity_header_is_refused() {
    check_refused(
        &[("x_ditto_pre_authenticated", "a:b")],
        "",
        "400 header.invalid",
    );
    check_refused(
        &[("x-ditto_pre-authenticated", "a:b")],
        "",
        "400 header.invalid",
    );
}

#[test]
fn values_are_validated() {
    check_refused(&[("response-required", "yes")], "", "400 header.invalid");
    check_refused(&[("if-match", "rev:1")], "", "400 header.invalid");
    check_refused(&[("if-equal", "never")], "", "400 header.invalid");
    check_refused(&[], "timeout=abc", "400 timeout.invalid");
    check_refused(
        &[],
        "timeout=0&requested-acks=twin-persisted",
        "400 header.invalid",
    );
    check_refused(
        &[("requested-acks", "a")],
        "",
        "400 acknowledgement:label.invalid",
    );
    check_refused(&[], "channel=lively", "400 header.invalid");
    check_refused(
        &[],
        "live-channel-timeout-strategy=hope",
        "400 header.invalid",
    );
}

#[test]
fn conditions_and_their_like_are_validated() {
    check_refused(
        &[],
        "condition=eq(attributes/a",
        "400 things:condition.invalid",
    );
    check_refused(
        &[],
        "condition=eq(attributes//a,1)",
        "400 things:condition.invalid",
    );
    check_refused(&[], "condition=eq(nope,1)", "400 rql.expression.invalid");
    check_refused(&[], "at-historical-revision=x", "400 header.invalid");
    check_refused(&[], "dry-run=maybe", "400 header.invalid");
    check_refused(&[("put-metadata", "{}")], "", "400 header.invalid");
    check_refused(
        &[("put-metadata", "[]"), ("get-metadata", "a")],
        "",
        "400 things:metadata.headersconflict",
    );
    check_refused(
        &[("get-metadata", "a(")],
        "",
        "400 json.fieldselector.invalid",
    );
}

#[test]
fn only_headers_of_nobody_travel_on() {
    let headers = headers(&[
        ("x-site", "delft"),
        ("user-agent", "curl"),
        ("cookie", "a=b"),
        ("ditto-sudo", "true"),
        ("x-ditto-pre-authenticated", "a:b"),
        ("authorization", "Bearer x"),
        ("correlation-id", "c"),
    ]);
    let translated = translate(&Fields::read(&headers), &Query::default(), "c".into()).unwrap();
    assert_eq!(translated.ditto.custom, [("x-site".into(), "delft".into())]);
}

#[test]
fn a_zero_timeout_waives_the_response() {
    let translated = translate(
        &Fields::read(&headers(&[])),
        &Query::parse("timeout=0").unwrap(),
        "c".into(),
    )
    .unwrap();
    assert_eq!(translated.ditto.response_required, Some(false));
}
