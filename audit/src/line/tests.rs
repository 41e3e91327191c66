//! What a line looks like, and that no client can make it long or break it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::{Method, Outcome, Reason};

fn at() -> Timestamp {
    "2026-11-20T07:14:09.501332Z".parse().unwrap()
}

fn line_of(event: Event) -> String {
    let entry = Entry {
        event,
        epoch: 12,
        aggregate: None,
    };
    let stamp = Stamp {
        boot: "k3f9",
        sequence: 8812,
        previous: Some("00ff"),
    };
    String::from_utf8(render(&entry, &stamp)).unwrap()
}

fn source() -> Source {
    Source {
        address: Some([10, 20, 4, 17].into()),
        peer: Some([10, 20, 0, 2].into()),
        hops: 1,
    }
}

#[test]
fn a_line_has_the_members_of_the_contract_in_order() {
    let actor = Actor::unknown(Method::ApiKey)
        .identity("press-07")
        .id("plant-3/press-07")
        .key_id("01IYT0XLWR");
    let request = Request::new("c-51ab", "PUT")
        .to("/api/2/things/{id}", "/api/2/things/org.acme:press-07", "")
        .user_agent(Some("plc-bridge/4"));
    let event = Event::authentication_failed(at(), Reason::Expired, actor)
        .from(source())
        .asking(request)
        .answered(Response {
            status: 401,
            bytes: None,
            duration: Duration::from_micros(400),
        });
    assert_eq!(
        line_of(event),
        concat!(
            r#"{"v":1,"ts":"2026-11-20T07:14:09.501332Z","boot":"k3f9","seq":8812,"event":"auth.deny","#,
            r#""outcome":"deny","reason":"expired","actor":{"identity":"press-07","id":"plant-3/press-07","#,
            r#""kid":"01IYT0XLWR","method":"api_key"},"src":{"ip":"10.20.4.17","peer":"10.20.0.2","via":1},"#,
            r#""req":{"id":"c-51ab","method":"PUT","route":"/api/2/things/{id}","#,
            r#""path":"/api/2/things/org.acme:press-07","proto":"http","ua":"plc-bridge/4"},"#,
            r#""res":{"status":401,"ms":0},"cfg":{"epoch":12},"prev":"00ff"}"#,
            "\n"
        )
    );
}

#[test]
fn a_time_without_fraction_has_microseconds_all_the_same() {
    let event = Event::server_stop("2026-11-20T07:14:09Z".parse().unwrap());
    assert!(line_of(event).contains(r#""ts":"2026-11-20T07:14:09.000000Z""#));
}

#[test]
fn claims_of_a_token_are_named() {
    let actor = Actor::unknown(Method::Jwt)
        .token(Some("id.example".into()), Some("alice".into()), None)
        .token_expires_at(Some(Timestamp::UNIX_EPOCH));
    let line = line_of(Event::authentication_succeeded(at(), actor));
    assert!(
        line.contains(r#""actor":{"method":"jwt","iss":"id.example","sub":"alice","exp":0}"#),
        "{line}"
    );
}

proptest! {
    #[test]
    fn whatever_a_client_sends_is_one_line_of_bounded_length(text in "\\PC{0,40}|[\\x00-\\x1f\"\\\\]{0,2000}|[a\\x7f-\\xa0\u{2028}-\u{202e}]{0,40}") {
        let request = Request::new(&text, &text)
            .to("/other", &text, &text)
            .host(Some(&text))
            .user_agent(Some(&text));
        let actor = Actor::unknown(Method::Jwt)
            .subjects(vec![text.clone(); 20])
            .token(Some(text.as_str().into()), Some(text.as_str().into()), Some(text.as_str().into()));
        let event = Event::operator_call(at(), actor, (&text, Outcome::Allow)).from(source()).asking(request);
        let line = line_of(event);
        prop_assert!(line.len() <= LINE_BYTES_MAX || text.len() > 256, "{} bytes", line.len());
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert!(!line.trim_end_matches('\n').contains(|each: char| each.is_control() || is_acted_on(each)));
        let parsed: Value = serde_json::from_str(&line).unwrap();
        if text.len() < 40 {
            prop_assert_eq!(&parsed["actor"]["jti"], &text, "escaping changes nothing");
        }
    }
}
