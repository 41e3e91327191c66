//! Things over HTTP: their life, their parts, views, conditions, errors and limits.

use tests::{Caller, TestGateway};

use crate::given::given_lamp;

mod catalogue;
mod checklist;
mod concurrency;
mod conformance;
mod errors;
mod followed;
mod hostile;
mod life;
mod limits;
mod parts;
mod preconditions;
mod requests;
mod views;
mod walkthrough;

const THING: &str = "/api/2/things/org.acme:lamp";

async fn with_lamp() -> (TestGateway, Caller) {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    (gateway, alice)
}
