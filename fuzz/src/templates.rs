//! Placeholder templates, and values that somebody else chose.

use authentication::placeholder::{PlaceholderSource, Resolution, Template};

use crate::Target;

/// Half of the input is a template, the other half the values of its placeholders.
pub(crate) struct Templates;

struct Values<'a>(&'a str);

impl PlaceholderSource for Values<'_> {
    fn values(&self, _: &str, _: &str) -> Vec<String> {
        self.0
            .split('\n')
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

impl Target for Templates {
    fn seeds(&self) -> Vec<Vec<u8>> {
        [
            "{{ jwt:sub }}\u{1}alice",
            "x-{{ jwt:realm/roles | fn:filter('like','a*') | fn:lower() }}@{{ jwt:aud }}\u{1}a\nb",
            "${jwt:a | fn:default(jwt:b) | fn:replace('a', jwt:c)}\u{1}aaa\nb",
            "{{ jwt:o | fn:format('{n} in {/a/b} {#l}[{.}]{/l} \\{x\\}') }}\u{1}{\"n\":1,\"a\":{\"b\":[1,2]},\"l\":[1,[2]]}",
            "{{ jwt:l | fn:split(',') | fn:join('-') | fn:base64-encode() | fn:url-decode() }}\u{1}a,b,,",
            "{{ fn:default('%41+b') | fn:url-decode() | fn:base64-decode() | fn:trim() }}\u{1}",
            "{{ jwt:a | fn:filter(jwt:b,'exists','false') | fn:delete() }}\u{1}a\n\n",
            "{{ time:now-1h[d] }}\u{1}",
        ]
        .map(|seed| seed.as_bytes().to_vec())
        .into()
    }

    fn read(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let (template, values) = text.split_once('\u{1}').unwrap_or((&text, "a\nb"));
        if let Some((_, time)) = template.split_once("time:") {
            let time = time.split(['}', ' ']).next().unwrap_or_default();
            if let Ok(time) = time.parse::<rql::TimeExpression>() {
                let _ = time.evaluate_in_calendar(jiff::Timestamp::UNIX_EPOCH);
            }
        }
        let Ok(template) = Template::parse(template, &["jwt", "time"]) else {
            return;
        };
        assert!(template.names("jwt").all(|name| !name.is_empty()));
        if let Ok(Resolution::Resolved(values)) = template.resolve(&Values(values)) {
            let bytes: usize = values.iter().map(String::len).sum();
            assert!(!values.is_empty(), "resolved to nothing");
            assert!(values.len() <= Template::VALUES_MAX && bytes <= Template::BYTES_MAX);
        }
    }
}
