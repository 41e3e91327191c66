//! What is served, described as OpenAPI 3.1: made from the table of routes, the same for everybody.
//!
//! Invariant: nothing here has seen a configuration, so that nothing of one can be told but whether the page is served.

#![expect(
    clippy::indexing_slicing,
    reason = "assigning to a member of an object of our own making inserts it"
)]

mod headers;
mod operation;
mod parameters;
mod responses;
mod schemas;
mod subject;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::routes::RouteName;

/// The document as it is sent, with the page that shows it if that is served.
pub(crate) fn document(serves_docs: bool) -> Bytes {
    static WITH_PAGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(describe(true).to_string()));
    static WITHOUT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(describe(false).to_string()));
    let document = if serves_docs { &WITH_PAGE } else { &WITHOUT };
    Bytes::clone(document)
}

/// The whole document.
///
/// Source: OpenAPI Specification 3.1.1, section 4.8.1.
fn describe(serves_docs: bool) -> Value {
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Twinward",
            "summary": "A gateway to digital twins that speaks the HTTP API of Eclipse Ditto.",
            "description": "Where a header field may stand in the query instead, it may stand in both, with one value.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "proxy": [] }],
        "tags": subject::TAGS.map(|(name, description)| json!({ "name": name, "description": description })),
        "paths": paths(serves_docs),
        "components": {
            "schemas": schemas::all(),
            "parameters": parameters::all(serves_docs),
            "headers": headers::all(),
            "responses": responses::all(),
            "securitySchemes": security_schemes(),
        },
    })
}

fn paths(serves_docs: bool) -> Map<String, Value> {
    let mut paths = Map::new();
    let is_served = |name: RouteName| serves_docs || !name.is_of_page();
    for name in RouteName::ALL.iter().filter(|name| is_served(**name)) {
        let operations = name.methods().iter().map(|method| {
            let operation = operation::describe(*name, method);
            (method.as_str().to_ascii_lowercase(), operation)
        });
        let mut item: Map<String, Value> = operations.collect();
        let parameters = parameters::of_path(name.template());
        if !parameters.is_empty() {
            item.insert("parameters".to_owned(), parameters.into());
        }
        paths.insert(name.template().to_owned(), item.into());
    }
    paths
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of an OpenID provider that the gateway trusts, or an API key.",
        },
        "proxy": {
            "type": "apiKey",
            "in": "header",
            "name": "x-ditto-pre-authenticated",
            "description": "Subjects that a trusted proxy vouches for; dropped when anybody else sends it.",
        },
        "token": {
            "type": "apiKey",
            "in": "query",
            "name": "access_token",
            "description": "A token for the handshake of a WebSocket, for browsers, which cannot set headers there.",
        },
    })
}

#[cfg(test)]
mod tests;
