//! Tests of the grammar.

use super::*;

#[track_caller]
fn check(text: &str, expected: Result<&[&str], &str>) {
    let parsed = Predicate::parse(text).map_err(|error| error.to_string());
    let properties = parsed.as_ref().map(|predicate| {
        predicate
            .properties()
            .into_iter()
            .map(|property| match property {
                Property::Path(path) => path.to_string(),
                Property::Placeholder { name, .. } => name.clone(),
            })
            .collect::<Vec<_>>()
    });
    let expected = expected.map(|all| all.iter().map(|&each| each.to_owned()).collect());
    assert_eq!(
        properties.map_err(String::clone),
        expected.map_err(str::to_owned),
        "{text:?}"
    );
}

#[track_caller]
fn check_literal(text: &str, expected: Option<Literal>) {
    let parsed = Predicate::parse(&format!("eq(attributes/a,{text})")).ok();
    let literal = parsed.and_then(|predicate| match predicate.expression() {
        Expression::Compare(_, _, literal) => Some(literal.clone()),
        Expression::In(..)
        | Expression::Like(..)
        | Expression::Exists(_)
        | Expression::Empty(_)
        | Expression::And(_)
        | Expression::Or(_)
        | Expression::Not(_) => None,
    });
    assert_eq!(literal, expected, "{text:?}");
}

#[test]
fn every_operator_is_read() {
    for operator in ["eq", "ne", "gt", "ge", "lt", "le", "in", "like", "ilike"] {
        check(
            &format!("{operator}(attributes/a,\"x\")"),
            Ok(&["/attributes/a"]),
        );
    }
    check("in(thingId,\"a:b\",'c:d',3)", Ok(&["/thingId"]));
    check("exists(features/lamp)", Ok(&["/features/lamp"]));
    check(
        "empty(/features/lamp/properties)",
        Ok(&["/features/lamp/properties"]),
    );
    check("not(exists(attributes/a))", Ok(&["/attributes/a"]));
    check(
        " and( eq(attributes/a, 1 ) , or(lt(_revision,2),\n gt(_modified,time:now-1h)) )\t",
        Ok(&["/attributes/a", "/_revision", "/_modified"]),
    );
}

#[test]
fn errors_name_the_place() {
    check("", Err("at character 1 there should be an operator"));
    check("eq", Err("at character 3 there should be `(`"));
    check(
        "equals(attributes/a,1)",
        Err("at character 1 there should be an operator"),
    );
    check(
        "EQ(attributes/a,1)",
        Err("at character 1 there should be an operator"),
    );
    check(
        "eq(attributes/a)",
        Err("at character 16 there should be `,` and a value"),
    );
    check(
        "eq(attributes/a,)",
        Err("at character 17 there should be a value"),
    );
    check(
        "eq(attributes/a,abc)",
        Err("at character 17 there should be a value"),
    );
    check(
        "eq(attributes/a,1,2)",
        Err("at character 18 there should be `)`"),
    );
    check(
        "eq(attributes/a,1))",
        Err("at character 19 there should be the end"),
    );
    check(
        "eq(attributes/€,1",
        Err("at character 18 there should be `)`"),
    );
    check("eq(,1)", Err("at character 4 there should be a property"));
    check("and()", Err("at character 5 there should be an operator"));
    check(
        "and(exists(attributes/a),)",
        Err("at character 26 there should be an operator"),
    );
    check(
        "like(attributes/a,1)",
        Err("at character 19 there should be a text in quotes"),
    );
    check(
        "eq(attributes/a,\"x)",
        Err("at character 20 there should be the closing quote"),
    );
    check(
        "eq(attributes/a,\"\\x\")",
        Err("at character 20 there should be an escape"),
    );
    check(
        "eq(attributes/a,1e3)",
        Err("at character 18 there should be `)`"),
    );
    check(
        "eq(attributes/a,99999999999999999999)",
        Err("at character 37 there should be a number that fits into 64 bits"),
    );
}

#[test]
fn only_known_properties_are_accepted() {
    check("eq(thingId,1)", Ok(&["/thingId"]));
    check(
        "exists(features/*/properties/on)",
        Ok(&["/features/*/properties/on"]),
    );
    check(
        "eq(_metadata/attributes/a/unit,'K')",
        Ok(&["/_metadata/attributes/a/unit"]),
    );
    check("eq(attributes/a~1b/c~0d,1)", Ok(&["/attributes/a~1b/c~0d"]));
    check("eq(attributes/a\\\"b,1)", Ok(&["/attributes/a\"b"]));
    for unknown in [
        "nope",
        "attributes",
        "features",
        "features/f/nope",
        "thingId/x",
        "topic:",
    ] {
        let message = format!("at character 8 the property `{unknown}` is unknown");
        check(&format!("exists({unknown})"), Err(&message));
    }
    check(
        "eq(features/lamp,1)",
        Err("at character 4 the property `features/lamp` has no single value to compare"),
    );
    for empty in ["attributes//a", "//attributes/a", "attributes/a/", "/"] {
        let message = format!("at character 4 the property `{empty}` has an empty segment");
        check(&format!("eq({empty},1)"), Err(&message));
    }
}

#[test]
fn placeholders_are_for_streams() {
    check("eq(topic:action,'modified')", Ok(&["action"]));
    check("like(resource:path,'/features/*')", Ok(&["path"]));
    for text in ["eq(topic:action,'modified')", "exists(header:x)"] {
        assert!(Predicate::parse_condition(text).is_err(), "{text}");
    }
    assert!(Predicate::parse_condition("gt(time:now,'2026')").is_ok());
}

#[test]
fn values_have_types() {
    check_literal("1", Some(Literal::Number(1.into())));
    check_literal("+1", Some(Literal::Number(1.into())));
    check_literal("-12.50", Number::from_f64(-12.5).map(Literal::Number));
    check_literal("0.5", Number::from_f64(0.5).map(Literal::Number));
    check_literal("01", None);
    check_literal("1.", None);
    check_literal("true", Some(Literal::Bool(true)));
    check_literal("null", Some(Literal::Null));
    check_literal("'it\\'s'", Some(Literal::Text("it's".into())));
    check_literal(
        r#""a\"\\\/\b\f\n\r\t\u20ac""#,
        Some(Literal::Text("a\"\\/\u{8}\u{c}\n\r\t€".into())),
    );
    check_literal(r"'\ud83d\ude00'", Some(Literal::Text("😀".into())));
    check_literal(r"'\ud83d'", None);
    check_literal(r"'\u12'", None);
    check_literal("time:nonsense", Some(Literal::Null));
}

#[test]
fn length_and_depth_are_bounded() {
    let nested = |depth| {
        format!(
            "{}exists(attributes/a){}",
            "not(".repeat(depth),
            ")".repeat(depth)
        )
    };
    assert!(Predicate::parse(&nested(Predicate::DEPTH_MAX)).is_ok());
    assert!(matches!(
        Predicate::parse(&nested(Predicate::DEPTH_MAX + 1)),
        Err(Error::TooDeep { .. })
    ));
    let long = format!("eq(attributes/a,'{}')", "x".repeat(Predicate::BYTES_MAX));
    assert!(matches!(
        Predicate::parse(&long),
        Err(Error::TooLong { .. })
    ));
    let pattern = format!(
        "like(attributes/a,'{}')",
        "?".repeat(Predicate::BYTES_MAX - 30)
    );
    assert!(matches!(
        Predicate::parse(&pattern),
        Err(Error::PatternTooLong { .. })
    ));
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in "[a-z(),'\"/ .:0-9\\\\€*?-]{0,60}") {
        let _ = Predicate::parse(&text);
        let _ = Predicate::parse(&format!("eq(attributes/a,{text}"));
        let _ = Predicate::parse(&format!("and({text})"));
    }
}
