//! Which answers of a device are values of its thing.

use super::*;

#[track_caller]
fn check(topic: &str, status: u16, expected: bool) {
    let envelope = Envelope {
        topic: format!("org.acme/lamp/things/live/{topic}"),
        path: "/".to_owned(),
        status: Some(status),
        ..Envelope::default()
    };
    assert_eq!(is_error(&envelope), expected, "{topic}, {status}");
}

#[test]
fn only_an_error_that_says_so_is_none_of_the_things_values() {
    for status in [200, 201, 204, 299, 300, 399, 404, 500] {
        check("commands/retrieve", status, false);
    }
    check("errors", 200, false);
    check("errors", 399, false);
    check("errors", 400, true);
    check("errors", 503, true);
}
