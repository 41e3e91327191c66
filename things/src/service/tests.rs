//! The service over a real store: what the conformance of a gateway to things rests on.

mod adoption;
mod authorization;
mod conditions;
mod creation;
mod durability;
mod enrichment;
mod events;
mod history;
mod metadata;
mod migration;
mod parts;
mod preconditions;
mod reads;

use std::sync::Mutex;

use journal::{Embedded, EmbeddedOptions};
use policies::{
    Credential, DittoHeaders, FieldSelector, PolicyAction, PolicyCommand, PolicyLimits,
    PolicyResource, Principal, ProviderKind,
};
use serde_json::{Value, json};

use super::*;
use crate::{RetrievedBody, ThingResource};

/// A store with things and policies, and every event of a thing so far.
struct World {
    things: Things,
    policies: Arc<Policies>,
    events: Arc<Mutex<Vec<Arc<ThingEvent>>>>,
    journal: Arc<Embedded>,
    folder: tempfile::TempDir,
}

const ALICE: &str = "nginx:alice";
const BOB: &str = "nginx:bob";

impl World {
    fn new() -> Self {
        Self::with_size_max(100 * 1024)
    }

    fn with_size_max(thing_size_max: usize) -> Self {
        Self::open(tempfile::tempdir().unwrap(), thing_size_max)
    }

    fn open(folder: tempfile::TempDir, thing_size_max: usize) -> Self {
        let journal = Embedded::open(folder.path(), EmbeddedOptions::default()).unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&events);
        journal.subscribe(Box::new(move |records| {
            let things = records
                .iter()
                .filter(|record| record.entity.kind == EntityKind::Thing)
                .map(|record| ThingEvent::of_record(record).unwrap());
            sink.lock().unwrap().extend(things);
        }));
        let policies = Arc::new(Policies::new(journal.clone(), PolicyLimits::default()));
        Self {
            things: things_of(&journal, &policies, thing_size_max),
            policies,
            events,
            journal,
            folder,
        }
    }

    /// The same after a restart.
    fn reopened(self) -> Self {
        let Self {
            things,
            policies,
            journal,
            folder,
            ..
        } = self;
        journal.close();
        drop((things, policies, journal));
        Self::open(folder, 100 * 1024)
    }

    /// Executes `action` on the resource at `path` of thing `a:t`.
    async fn run(&self, who: &str, path: &str, action: ThingAction) -> Outcome {
        self.run_with(&context(who), path, action).await
    }

    async fn run_with(&self, context: &CommandContext, path: &str, action: ThingAction) -> Outcome {
        self.run_on("a:t", context, path, action).await
    }

    async fn run_on(
        &self,
        thing_id: &str,
        context: &CommandContext,
        path: &str,
        action: ThingAction,
    ) -> Outcome {
        let command = ThingCommand {
            thing_id: thing_id.parse().unwrap(),
            resource: ThingResource::parse(&path.parse().unwrap()).unwrap(),
            action,
        };
        Outcome(self.things.execute(context, command).await)
    }

    /// As [`World::run`], with headers that few commands carry.
    async fn run_headed(
        &self,
        (who, headers): (&str, &[(&'static str, &str)]),
        path: &str,
        action: ThingAction,
    ) -> Outcome {
        let command = ThingCommand {
            thing_id: "a:t".parse().unwrap(),
            resource: ThingResource::parse(&path.parse().unwrap()).unwrap(),
            action,
        };
        match twin_headers(headers) {
            Ok(headers) => Outcome(
                self.things
                    .execute_with(&context(who), command, headers)
                    .await,
            ),
            Err(error) => Outcome(Err(error)),
        }
    }

    async fn put(&self, who: &str, path: &str, value: Value) -> Outcome {
        self.run(who, path, ThingAction::Modify(value)).await
    }

    async fn patch(&self, who: &str, path: &str, value: Value) -> Outcome {
        self.run(who, path, ThingAction::Merge(value)).await
    }

    async fn delete(&self, who: &str, path: &str) -> Outcome {
        self.run(who, path, ThingAction::Delete).await
    }

    async fn read(&self, who: &str, path: &str) -> Outcome {
        self.run(who, path, ThingAction::Retrieve { fields: None })
            .await
    }

    async fn select(&self, who: &str, path: &str, fields: &str) -> Outcome {
        let fields = Some(selector(fields));
        self.run(who, path, ThingAction::Retrieve { fields }).await
    }

    /// Replaces a policy as Alice, who keeps all rights; `others` are further entries.
    async fn given_policy(&self, policy_id: &str, others: Value) {
        let mut entries = json!({"owner": entry(ALICE, json!({
            "thing:/": grant(&["READ", "WRITE"]), "policy:/": grant(&["READ", "WRITE"]),
        }))});
        edit_members(&mut entries, others);
        self.policy_action(policy_id, PolicyAction::Modify(json!({"entries": entries})))
            .await;
    }

    async fn policy_action(&self, policy_id: &str, action: PolicyAction) {
        let command = PolicyCommand {
            policy_id: policy_id.parse().unwrap(),
            resource: PolicyResource::Policy,
            action,
        };
        self.policies
            .execute(&context(ALICE), command)
            .await
            .unwrap();
    }

    async fn has_policy(&self, policy_id: &str) -> bool {
        let policy_id = policy_id.parse().unwrap();
        let enforcer = self.policies.enforcer(&policy_id, "a", context(ALICE).now);
        enforcer.unwrap().is_some()
    }

    fn last_event(&self) -> Arc<ThingEvent> {
        Arc::clone(self.events.lock().unwrap().last().unwrap())
    }

    fn event_count(&self) -> usize {
        self.events.lock().unwrap().len()
    }
}

fn twin_headers(headers: &[(&'static str, &str)]) -> Result<Option<Arc<TwinHeaders>>, Error> {
    let lookup = |name: &'static str| {
        let found = headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| std::borrow::Cow::Borrowed(*value))
    };
    Ok(TwinHeaders::parse(&lookup)?.map(Arc::new))
}

fn things_of(journal: &Arc<Embedded>, policies: &Arc<Policies>, thing_size_max: usize) -> Things {
    let limits = ThingLimits {
        thing_size_max,
        default_namespace: "org.eclipse.ditto".to_owned(),
    };
    Things::new(journal.clone(), Arc::clone(policies), limits)
}

fn edit_members(entries: &mut Value, others: Value) {
    let Value::Object(others) = others else {
        panic!("entries are an object");
    };
    entries.as_object_mut().unwrap().extend(others);
}

/// An entry of a policy with one subject.
fn entry(subject: &str, resources: Value) -> Value {
    json!({"subjects": {subject: {"type": "t"}}, "resources": resources})
}

fn grant(permissions: &[&str]) -> Value {
    json!({"grant": permissions, "revoke": []})
}

fn revoke(permissions: &[&str]) -> Value {
    json!({"grant": [], "revoke": permissions})
}

fn selector(text: &str) -> FieldSelector {
    text.parse().unwrap()
}

fn context(who: &str) -> CommandContext {
    CommandContext {
        principal: Principal::new(
            ProviderKind::PreAuthenticated,
            vec![who.parse().unwrap()],
            None,
            Credential::default(),
        ),
        headers: DittoHeaders {
            correlation_id: "c-1".into(),
            ..DittoHeaders::default()
        },
        now: "2026-08-18T09:20:00.5Z".parse().unwrap(),
        origin: None,
        reach: None,
    }
}

/// What came of a command, in a form that a test can compare in one line.
struct Outcome(Result<ThingResponse, Error>);

impl Outcome {
    /// `created`, `modified`, `deleted`, `read`, or the name of the error.
    fn word(&self) -> String {
        match &self.0 {
            Ok(ThingResponse::Created { .. }) => "created".to_owned(),
            Ok(ThingResponse::Modified { .. }) => "modified".to_owned(),
            Ok(ThingResponse::Deleted { .. }) => "deleted".to_owned(),
            Ok(ThingResponse::Retrieved { .. }) => "read".to_owned(),
            Err(
                error @ (Error::NotFound { resource, .. } | Error::NotModifiable { resource, .. }),
            ) => {
                format!("{} {}", resource.kind().as_str(), error_name(error))
            }
            Err(error) => error_name(error),
        }
    }

    #[track_caller]
    fn is(&self, expected: &str) {
        assert_eq!(self.word(), expected, "{:?}", self.0);
    }

    #[track_caller]
    fn etag(&self) -> Option<String> {
        match &self.0 {
            Ok(
                ThingResponse::Created { etag, .. }
                | ThingResponse::Modified { etag, .. }
                | ThingResponse::Retrieved { etag, .. },
            ) => etag.map(|etag| etag.to_string()),
            Ok(ThingResponse::Deleted { .. }) => None,
            Err(Error::PreconditionFailed { etag, .. } | Error::Equal { etag, .. }) => {
                etag.map(|etag| etag.to_string())
            }
            Err(Error::NotModified { etag, .. }) => Some(etag.to_string()),
            Err(error) => panic!("no tag: {error:?}"),
        }
    }

    /// The JSON that was read or created.
    #[track_caller]
    fn value(self) -> Value {
        match self.0.unwrap() {
            ThingResponse::Retrieved { body, .. } => body.into_value().unwrap(),
            ThingResponse::Created { value, .. } => value,
            other @ (ThingResponse::Modified { .. } | ThingResponse::Deleted { .. }) => {
                panic!("no value: {other:?}")
            }
        }
    }

    fn revision(&self) -> u64 {
        match self.0.as_ref().unwrap() {
            ThingResponse::Created { revision, .. }
            | ThingResponse::Modified { revision, .. }
            | ThingResponse::Deleted { revision }
            | ThingResponse::Retrieved { revision, .. } => *revision,
        }
    }
}

/// The variant's name.
fn error_name(error: &Error) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '('])
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn an_unrestricted_read_returns_the_stored_bytes() {
    let world = World::new();
    world
        .put(ALICE, "/", json!({"attributes": {"b": 1, "a": 2}}))
        .await
        .is("created");
    let Ok(ThingResponse::Retrieved {
        body: RetrievedBody::Json(bytes),
        ..
    }) = world.read(ALICE, "/").await.0
    else {
        panic!("the bytes should not have been parsed");
    };
    assert_eq!(
        std::str::from_utf8(&bytes).unwrap(),
        r#"{"thingId":"a:t","policyId":"a:t","attributes":{"b":1,"a":2}}"#
    );
}

#[tokio::test]
async fn writers_of_one_thing_take_turns() {
    let world = Arc::new(World::new());
    world.put(ALICE, "/", json!({})).await.is("created");
    let writers: Vec<_> = (0..20)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let path = format!("/attributes/a{number}");
                world.put(ALICE, &path, json!(number)).await.is("created");
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let read = world.read(ALICE, "/attributes").await;
    assert_eq!(read.revision(), 21);
    assert_eq!(read.value().as_object().unwrap().len(), 20);
}
