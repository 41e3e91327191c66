//! Rules of the operator on who creates what.

use super::*;
use crate::{CreatedKind, CreationRule, CreationRules};

fn restricted() -> Fixture {
    let fixture = Fixture::new();
    let rules = CreationRules {
        grant: vec![CreationRule {
            namespaces: vec!["acme.*".to_owned()],
            ..CreationRule::default()
        }],
        revoke: vec![CreationRule {
            kinds: vec![CreatedKind::Policy],
            subjects: vec!["t:guest*".to_owned()],
            ..CreationRule::default()
        }],
    };
    let journal = Arc::clone(&fixture.journal) as Arc<dyn Journal>;
    let policies = Policies::new(journal, PolicyLimits::default()).with_creation_rules(rules);
    Fixture {
        policies: Arc::new(policies),
        ..fixture
    }
}

#[tokio::test]
async fn rules_are_about_creations_only() {
    let fixture = restricted();
    let policy = json!({ "entries": {
        "admin": admin(), "guests": entry(&["guest-7"], "+RW policy:/")
    } });
    let put = async |subject, id| fixture.put(subject, id, policy.clone()).await;
    assert_eq!(put("t:admin", "acme.x:p").await, "created");
    assert_eq!(put("t:admin", "other:p").await, "CreationRestricted");
    assert_eq!(put("t:guest-7", "acme.x:q").await, "CreationRestricted");
    assert_eq!(put("t:guest-7", "acme.x:p").await, "modified");
    let create = PolicyAction::Create(policy.clone());
    let created = fixture.execute("t:guest-7", "acme.x:q", create).await;
    assert_eq!(outcome(created), "CreationRestricted");
}
