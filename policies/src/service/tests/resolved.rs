//! The view of a policy with everything that holds.

use super::*;
use crate::PolicyView;

fn labels(text: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(text).unwrap();
    let mut labels: Vec<String> = value["entries"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    labels.sort();
    labels
}

#[tokio::test]
async fn it_has_what_is_imported_and_what_roots_add() {
    let mut fixture = Fixture::new().with_roots("a.*", "ops:root");
    let reader = entry(&["kim"], "+R policy:/");
    fixture
        .given(
            "ops:root",
            json!({"AUD": entry(&["o"], "+R thing:/"), "r": reader}),
            json!({}),
        )
        .await;
    fixture
        .given(
            "b:roles",
            json!({"DRIVER": entry(&["d"], "+W thing:/"), "r": reader}),
            json!({}),
        )
        .await;
    let own = json!({"admin": admin(), "AUD": entry(&["z"], "+W thing:/"), "r": reader});
    fixture.given("a.x:p", own, json!({"b:roles": {}})).await;
    fixture.headers.policy_view = PolicyView::Resolved;
    let expected = [
        "AUD",
        "admin",
        "imported-b:roles-DRIVER",
        "imported-b:roles-r",
        "nsimported-ops:root-AUD",
        "nsimported-ops:root-r",
        "r",
    ];
    assert_eq!(labels(&fixture.get("t:kim", "a.x:p").await), expected);
    fixture.headers.policy_view = PolicyView::Original;
    assert_eq!(
        labels(&fixture.get("t:kim", "a.x:p").await),
        ["AUD", "admin", "r"]
    );
}

#[tokio::test]
async fn what_its_source_hides_stays_hidden() {
    let mut fixture = Fixture::new();
    let secret = json!({"s": entry(&["d"], "+R thing:/"), "admin": admin()});
    fixture.given("b:roles", secret, json!({})).await;
    let own = json!({"admin": admin(), "r": entry(&["kim"], "+R policy:/")});
    fixture.given("a:p", own, json!({"b:roles": {}})).await;
    fixture.headers.policy_view = PolicyView::Resolved;
    assert_eq!(labels(&fixture.get("t:kim", "a:p").await), ["admin", "r"]);
}

#[tokio::test]
async fn conditions_do_not_count_and_there_is_no_tag() {
    let mut fixture = Fixture::new();
    fixture
        .given(
            "a:p",
            json!({"admin": admin(), "r": entry(&["kim"], "+R policy:/")}),
            json!({}),
        )
        .await;
    fixture.headers.policy_view = PolicyView::Resolved;
    fixture.if_none_match("*");
    let action = PolicyAction::Retrieve { fields: None };
    match fixture.execute("t:kim", "a:p", action).await {
        Ok(PolicyResponse::Retrieved { etag, .. }) => assert_eq!(etag, None),
        other => panic!("not read: {other:?}"),
    }
    let hidden = fixture.get("t:nobody", "a:p").await;
    assert_eq!(hidden, "policy.notfound");
}
