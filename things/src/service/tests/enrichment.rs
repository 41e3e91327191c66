//! Tests of further fields for receivers of signals.

use super::*;

#[tokio::test]
async fn a_receiver_gets_what_he_may_read_now() {
    let world = World::new();
    let thing =
        json!({"attributes": {"a": 1, "b": 2}, "features": {"f": {"properties": {"p": 3}}}});
    world.put(ALICE, "/", thing).await.is("created");
    let enrich = |who: &str, fields: &str| {
        world
            .things
            .enrich(
                &"a:t".parse().unwrap(),
                &selector(fields),
                &[who.parse().unwrap()],
                context(ALICE).now,
            )
            .unwrap()
    };
    let fields = "attributes/b,features/*/properties/p,_revision";
    let all = json!({"attributes": {"b": 2}, "features": {"f": {"properties": {"p": 3}}}, "_revision": 1});
    assert_eq!(enrich(ALICE, fields), Some(all));
    assert_eq!(enrich(BOB, fields), None);
    world
        .given_policy(
            "a:t",
            json!({"r": entry(BOB, json!({"thing:/attributes/b": grant(&["READ"])}))}),
        )
        .await;
    assert_eq!(
        enrich(BOB, fields),
        Some(json!({"attributes": {"b": 2}, "_revision": 1}))
    );
    assert_eq!(enrich(ALICE, "nope"), None);
    world.delete(ALICE, "/").await.is("deleted");
    assert_eq!(enrich(ALICE, fields), None);
}
