//! The language, case by case.

use super::*;

struct Fixed;

impl PlaceholderSource for Fixed {
    fn values(&self, _: &str, name: &str) -> Vec<String> {
        let values: &[&str] = match name {
            "sub" => &["alice"],
            "roles" => &["admin", "user"],
            "aud" => &["a", "b", "c"],
            "mail" => &["Al@x.org"],
            "list" => &["a,b,,"],
            "twice" => &["a", "b", "a"],
            "object" => &[r#"{"n":"x","l":[1,2],"s":[{"k":"p"},{"k":"q"}],"t":["u","v"]}"#],
            _ => &[],
        };
        values.iter().map(ToString::to_string).collect()
    }
}

#[track_caller]
fn check(template: &str, expected: &[&str]) {
    let values = Template::parse(template, &["jwt"])
        .unwrap()
        .resolve(&Fixed)
        .unwrap()
        .into_values();
    assert_eq!(values, expected, "template: {template}");
}

#[track_caller]
fn check_error(template: &str, expected: &str) {
    let error = Template::parse(template, &["jwt"])
        .err()
        .map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some(expected), "template: {template}");
}

#[test]
fn parts_multiply() {
    check("", &[""]);
    check("text", &["text"]);
    check("{{jwt:sub}}", &["alice"]);
    check("${ jwt:sub }", &["alice"]);
    check(
        "x-{{ jwt:roles }}@{{ jwt:aud }}",
        &[
            "x-admin@a",
            "x-admin@b",
            "x-admin@c",
            "x-user@a",
            "x-user@b",
            "x-user@c",
        ],
    );
    check("x-{{ jwt:none }}", &[]);
}

#[test]
fn defaults_and_deletion() {
    check("{{ jwt:none | fn:default('d') }}", &["d"]);
    check("{{ jwt:none | fn:default(jwt:roles) }}", &["admin", "user"]);
    check("{{ jwt:sub | fn:default('d') }}", &["alice"]);
    check("{{ fn:default('d') }}", &["d"]);
    check("{{ jwt:sub | fn:delete() | fn:default('d') }}", &[]);
    check("x{{ jwt:sub | fn:delete() }}", &["x"]);
}

#[test]
fn filters_keep_elements_or_all() {
    check("{{ jwt:roles | fn:filter('eq','admin') }}", &["admin"]);
    check("{{ jwt:roles | fn:filter('ne','admin') }}", &["user"]);
    check("{{ jwt:roles | fn:filter('like','ad*|x?') }}", &["admin"]);
    check("{{ jwt:twice | fn:filter('ne','b') }}", &["a"]);
    check(
        "{{ jwt:roles | fn:filter(jwt:sub,'eq','alice') }}",
        &["admin", "user"],
    );
    check("{{ jwt:roles | fn:filter(jwt:sub,'eq','bob') }}", &[]);
    check(
        "{{ jwt:roles | fn:filter(jwt:sub,'exists') }}",
        &["admin", "user"],
    );
    check("{{ jwt:roles | fn:filter(jwt:none,'exists') }}", &[]);
    check(
        "{{ jwt:roles | fn:filter(jwt:none,'exists','false') }}",
        &["admin", "user"],
    );
    check(
        "{{ jwt:roles | fn:filter(jwt:none,'eq','') }}",
        &["admin", "user"],
    );
}

#[test]
fn texts_change() {
    check("{{ jwt:mail | fn:substring-before('@') }}", &["Al"]);
    check(
        "{{ jwt:mail | fn:substring-after('@') | fn:upper() }}",
        &["X.ORG"],
    );
    check("{{ jwt:sub | fn:substring-after('@') }}", &[]);
    check(
        "{{ jwt:mail | fn:lower() | fn:replace('.org', jwt:sub) }}",
        &["al@xalice"],
    );
    check("{{ fn:default(' a ') | fn:trim() }}", &["a"]);
    check("{{ jwt:list | fn:split(',') }}", &["a", "b"]);
    check("{{ jwt:sub | fn:split('.') }}", &["alice"]);
    check("{{ jwt:roles | fn:join('|') }}", &["admin|user"]);
    check(
        "{{ fn:default('a b/&=+') | fn:url-encode() }}",
        &["a+b%2F%26%3D%2B"],
    );
    check(
        "{{ fn:default('a+b%2F%26%3D%2B') | fn:url-decode() }}",
        &["a b/&=+"],
    );
    check("{{ fn:default('a=b&c') | fn:url-decode() }}", &["a=b&c"]);
    check("{{ fn:default('hi') | fn:base64-encode() }}", &["aGk="]);
    check("{{ fn:default('aGk=') | fn:base64-decode() }}", &["hi"]);
    check("{{ fn:default('/w==') | fn:base64-decode() }}", &[]);
}

#[test]
fn objects_are_rendered() {
    check("{{ jwt:object | fn:format('{n}-{/l}') }}", &["x-1", "x-2"]);
    check("{{ jwt:object | fn:format('{#s}[{k}]{/s}') }}", &["[p][q]"]);
    check("{{ jwt:object | fn:format('{#t}{.};{/t}') }}", &["u;v;"]);
    check("{{ jwt:object | fn:format('\\{{none}\\}') }}", &["{}"]);
    check("{{ jwt:sub | fn:format('{n}') }}", &[""]);
    check_error(
        "{{ jwt:object | fn:format('{#s}{k}') }}",
        "arguments of function `format` do not fit",
    );
}

#[test]
fn wrong_templates_are_refused_when_read() {
    check_error("{{ jwt:sub", "malformed at `{{ jwt:sub`");
    check_error("jwt:sub }}", "malformed at `jwt:sub }}`");
    check_error("{{ }}", "placeholder `` is not known here");
    check_error("{{ header:x }}", "placeholder `header:x` is not known here");
    check_error("{{ jwt: }}", "placeholder `jwt:` is not known here");
    check_error("{{ jwt:sub | jwt:sub }}", "malformed at `jwt:sub`");
    check_error("{{ jwt:sub | fn:nope() }}", "function `nope` is not known");
    check_error("{{ jwt:sub | fn:lower }}", "malformed at `lower`");
    check_error(
        "{{ jwt:sub | fn:lower('x') }}",
        "arguments of function `lower` do not fit",
    );
    check_error(
        "{{ jwt:sub | fn:filter('about','x') }}",
        "arguments of function `filter` do not fit",
    );
    check_error(
        "{{ jwt:sub | fn:split('') }}",
        "arguments of function `split` do not fit",
    );
    let eleven = format!("{{{{ jwt:sub {} }}}}", "| fn:lower()".repeat(11));
    check_error(&eleven, "more than 10 functions in one placeholder");
}

#[test]
fn growth_is_bounded() {
    struct Thousand;
    impl PlaceholderSource for Thousand {
        fn values(&self, _: &str, _: &str) -> Vec<String> {
            (0..1000).map(|number| number.to_string()).collect()
        }
    }
    let resolve = |template| {
        Template::parse(template, &["jwt"])
            .unwrap()
            .resolve(&Thousand)
    };
    assert_eq!(resolve("{{ jwt:a }}").unwrap().into_values().len(), 1000);
    assert_eq!(resolve("{{ jwt:a }}{{ jwt:a }}"), Err(TooManyValues));
    let growing = "{{ jwt:a | fn:join('') | fn:replace('1','11111111111111111111')| fn:replace('1','11111111111111111111')| fn:replace('1','11111111111111111111') }}";
    assert_eq!(resolve(growing), Err(TooManyValues));
}
