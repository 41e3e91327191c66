//! Tests of routing.

use super::*;

#[track_caller]
fn resolve(path: &str) -> Result<Route, String> {
    CanonicalPath::parse(path)
        .and_then(|path| Route::resolve(&path))
        .map_err(|error| format!("{} {}", error.status().as_u16(), error.code()))
}

#[track_caller]
fn check_refused(path: &str, expected: &str) {
    assert_eq!(resolve(path), Err(expected.to_owned()), "path: {path:?}");
}

#[test]
fn every_resource_of_a_thing_has_a_path() {
    let thing = |pointer: &str| {
        let resource = ThingResource::parse(&pointer.parse().unwrap()).unwrap();
        Ok(Route::Thing("org.acme:lamp".parse().unwrap(), resource))
    };
    for pointer in [
        "/",
        "/policyId",
        "/definition",
        "/attributes",
        "/attributes/a/b",
        "/features",
        "/features/lamp",
        "/features/lamp/definition",
        "/features/lamp/properties",
        "/features/lamp/properties/on",
        "/features/lamp/desiredProperties",
        "/features/lamp/desiredProperties/on",
    ] {
        assert_eq!(
            resolve(&format!("/api/2/things/org.acme:lamp{pointer}")),
            thing(pointer),
            "pointer: {pointer}"
        );
        assert_eq!(
            resolve(&format!("/api/2/things/org.acme%3Alamp{pointer}")),
            thing(pointer)
        );
    }
}

#[test]
fn a_subject_or_resource_takes_the_rest_of_the_path() {
    let Ok(Route::Policy(_, resource)) =
        resolve("/api/2/policies/a:b/entries/l/resources/thing:/features/lamp")
    else {
        panic!("not a policy route")
    };
    assert_eq!(
        resource,
        PolicyResource::parse(&["entries", "l", "resources", "thing:", "features", "lamp"])
            .unwrap()
            .unwrap()
    );
    assert!(matches!(
        resolve("/api/2/policies/a:b/entries/l/subjects/x:y/z"),
        Ok(Route::Policy(..))
    ));
}

#[test]
fn one_slash_at_the_end_is_tolerated_but_behind_a_policy_id() {
    assert!(resolve("/api/2/things/a:b/definition/").is_ok());
    assert!(resolve("/api/2/things/a:b/policyId").is_ok());
    check_refused("/api/2/things/a:b/policyId/", "404 gateway:path.notfound");
}

#[test]
fn literals_are_byte_exact() {
    check_refused("/api/2/%74hings", "400 gateway:path.invalid");
    check_refused("/api/2/things/a:b/%61ttributes", "400 gateway:path.invalid");
    check_refused("/api/2/things;x=1", "400 gateway:path.invalid");
    check_refused("/API/2/things", "404 gateway:path.notfound");
    check_refused("/api/2/thingsX", "404 gateway:path.notfound");
    check_refused("/ws/2/more", "404 gateway:path.notfound");
    check_refused("/api/2/things/a:b/nothing", "404 gateway:path.notfound");
    check_refused(
        "/api/2/things/a:b/features/f/nothing",
        "404 gateway:path.notfound",
    );
    check_refused("/api/2/policies/a:b/%65ntries", "400 gateway:path.invalid");
}

#[test]
fn nothing_of_operators_is_here() {
    for path in [
        "/devops",
        "/devops/logging",
        "/status",
        "/status/health",
        "/metrics",
        "/ready",
        "/api/2/connections",
    ] {
        check_refused(path, "404 gateway:path.notfound");
    }
}

#[test]
fn other_versions_and_malformed_ids_have_codes_of_their_own() {
    check_refused("/api/1/things", "404 api.version.notsupported");
    check_refused("/ws/7", "404 api.version.notsupported");
    check_refused("/api/2/things/lamp", "400 things:id.invalid");
    check_refused("/api/2/policies/lamp", "400 policies:id.invalid");
    check_refused(
        "/api/2/things/a:b/attributes//c",
        "400 json.pointer.invalid",
    );
    check_refused(
        "/api/2/things/a:b/attributes/c%2F%2Fd",
        "400 json.pointer.invalid",
    );
}

#[test]
fn methods_are_checked() {
    let route = resolve("/api/2/things/a:b/policyId").unwrap();
    assert!(route.check_method(&Method::PUT).is_ok());
    let refused = route.check_method(&Method::DELETE).unwrap_err();
    assert_eq!(
        (refused.status().as_u16(), refused.code()),
        (405, "gateway:method.notallowed")
    );
}
