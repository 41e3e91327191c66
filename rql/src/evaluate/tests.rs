//! Tests of evaluation.

use serde_json::json;

use super::*;

struct Stream<'d>(Document<'d>);

impl Fields for Stream<'_> {
    fn document(&self) -> &Value {
        self.0.json
    }

    fn now(&self) -> Timestamp {
        self.0.now
    }

    fn placeholder(&self, placeholder: Placeholder, name: &str) -> Option<Cow<'_, str>> {
        (placeholder == Placeholder::Topic && name == "action").then(|| "modified".into())
    }
}

#[track_caller]
fn check(text: &str, expected: bool) {
    let thing = json!({
        "thingId": "org.acme:lamp",
        "_revision": 7,
        "_modified": "2026-08-19T10:00:00Z",
        "attributes": {
            "tags": ["a", 3, {"floor": 2}], "n": null, "count": 5, "name": "Hall", "on": true,
            "digits": "12", "blank": "", "list": [], "map": {}, "zero": 0,
        },
        "features": {
            "lamp": {"definition": ["x:y:1"], "properties": {"on": true, "level": 3}},
            "fan": {"properties": {"level": 9}, "desiredProperties": {"level": 1}},
        },
    });
    let document = Document {
        json: &thing,
        now: "2026-08-19T12:00:00Z".parse().unwrap(),
    };
    let predicate = Predicate::parse(text).unwrap();
    assert_eq!(predicate.matches(&Stream(document)), expected, "{text}");
}

#[test]
fn values_are_compared() {
    check("eq(attributes/count,5)", true);
    check("eq(attributes/count,5.0)", true);
    check("eq(attributes/count,'5')", true);
    check("ne(attributes/count,5)", false);
    check("gt(attributes/count,4)", true);
    check("ge(attributes/count,5)", true);
    check("lt(attributes/count,5)", false);
    check("le(attributes/count,5)", true);
    check("gt(attributes/digits,9)", true);
    check("gt(attributes/name,'Ga')", true);
    check("eq(attributes/on,true)", true);
    check("eq(attributes/map,'{}')", false);
    check("eq(_revision,7)", true);
    check("lt(_modified,time:now-1h)", true);
    check("lt(_modified,time:now-3h)", false);
    check("in(attributes/count,1,'x',5)", true);
    check("in(attributes/count,1,2)", false);
}

#[test]
fn arrays_match_by_element() {
    check("eq(attributes/tags,3)", true);
    check("ne(attributes/tags,'a')", false);
    check("ne(attributes/tags,'b')", true);
    check("ge(attributes/tags/floor,2)", true);
    check("like(attributes/tags,'?')", true);
    check("eq(features/lamp/definition,'x:y:1')", true);
}

#[test]
fn missing_and_null_differ() {
    check("eq(attributes/missing,null)", false);
    check("eq(attributes/n,null)", true);
    check("ne(attributes/missing,1)", true);
    check("gt(attributes/missing,1)", false);
    check("not(eq(attributes/missing,1))", true);
    check("exists(attributes/n)", true);
    check("exists(attributes/missing)", false);
    check("exists(features/lamp)", true);
    check("exists(attributes/count/deeper)", false);
}

#[test]
fn emptiness_is_the_absence_of_content() {
    for empty in ["missing", "n", "blank", "list", "map"] {
        check(&format!("empty(attributes/{empty})"), true);
    }
    for full in ["zero", "on", "name", "tags"] {
        check(&format!("empty(attributes/{full})"), false);
    }
}

#[test]
fn texts_match_patterns() {
    check("like(attributes/name,'H*l')", true);
    check("like(attributes/name,'h*')", false);
    check("ilike(attributes/name,'h*')", true);
    check("like(attributes/count,'5')", true);
    check("like(attributes/missing,'*')", false);
}

#[test]
fn one_feature_must_match_alone() {
    check("eq(features/*/properties/level,9)", true);
    check("eq(features/*/properties/level,8)", false);
    check("exists(features/*/desiredProperties/level)", true);
    check("exists(features/*/properties/nope)", false);
    check("ne(features/*/properties/level,9)", true);
}

#[test]
fn logic_combines() {
    check("and(eq(attributes/count,5),exists(attributes/on))", true);
    check("and(eq(attributes/count,5),exists(attributes/nope))", false);
    check("or(eq(attributes/count,4),exists(attributes/on))", true);
    check("not(or(eq(attributes/count,5)))", false);
}

#[test]
fn placeholders_stand_beside_the_document() {
    check("eq(topic:action,'modified')", true);
    check("exists(topic:criterion)", false);
    check("eq(time:now,'2026-08-19T12:00:00Z')", true);
    check("exists(time:never)", false);
}
