"""What both runs share: a thing and policies that are there again before every request, and credentials that are wrong.

The test that starts Schemathesis says in the environment where the gateway is (TWINWARD_URL) and who asks
(TWINWARD_TOKEN, a token of `acme:alice`).
"""

import os
from urllib.parse import quote

import requests
import schemathesis
from hypothesis import strategies
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import _auth_retry

EVERYTHING = {"grant": ["READ", "WRITE", "EXECUTE"], "revoke": []}
ENTRIES = {
    "owner": {
        "subjects": {"acme:alice": {"type": "test"}},
        "resources": {"policy:/": EVERYTHING, "thing:/": EVERYTHING, "message:/": EVERYTHING},
    },
    "spare": {
        "subjects": {"acme:bob": {"type": "test"}},
        "resources": {"thing:/features": EVERYTHING},
        "allowedAdditions": ["subjects"],
    },
}
DOCUMENTS = {
    "policies/org.acme:other": {"entries": ENTRIES},
    "policies/org.acme:policy": {"entries": ENTRIES, "imports": {"org.acme:other": {"entries": ["owner"]}}},
    "things/org.acme:lamp": {
        "policyId": "org.acme:policy",
        "definition": "org.acme:lamp:1.0.0",
        "attributes": {"site": {"hall": 3}, "serial": "A-1"},
        "features": {
            "lamp": {
                "definition": ["org.acme:lamp:1.0.0"],
                "properties": {"on": False, "watts": 4.5},
                "desiredProperties": {"on": True},
            }
        },
    },
}

# Of each pair a request has one at most, which neither description can say.
EXCLUSIVE = [
    ("put-metadata", "delete-metadata"),
    ("live-channel-condition", "get-metadata"),
    # What would be answered has no body then.
    ("requested-acks", "response-required"),
    ("at-historical-revision", "at-historical-timestamp"),
    ("at-historical-revision", "policy-view"),
    ("at-historical-timestamp", "policy-view"),
]

# A wrong token that is one, as the check means it: what is none is 400 `jwt:invalid`, as in Ditto.
WRONG_TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJodHRwczovL25vYm9keS5pbnZhbGlkIn0.AA"
_auth_retry.INVALID_AUTH_HEADERS["_bearer_auth"] = f"Bearer {WRONG_TOKEN}"

REFERENCES = [{"import": "org.acme:other", "entry": "owner"}]

REFUSALS = (400, 401, 403, 404, 405, 412, 413, 414, 415, 431)

CONDITIONS = [
    "exists(thingId)",
    'eq(attributes/serial,"A-1")',
    "and(gt(features/lamp/properties/watts,1),not(exists(attributes/nope)))",
]
schemathesis.openapi.format("rql", strategies.sampled_from(CONDITIONS))
# What expires has to do so in the future.
schemathesis.openapi.format("date-time", strategies.sampled_from(["2126-11-21T08:00:00Z", "2199-12-31T23:59:59.5Z"]))

owner = requests.Session()
owner.headers["Authorization"] = "Bearer " + os.environ["TWINWARD_TOKEN"]


class Given:
    """The documents above, put back after every request that may have changed them."""

    last_body = None
    is_changed = True

    def restore(self):
        for path, document in DOCUMENTS.items():
            if self.put(path, document).status_code != 403:
                continue
            # The lamp follows a policy that does not exist. A thing of that name brings one.
            for policy_id in policy_ids(self.last_body):
                self.put("things/" + quote(policy_id, safe=""), {})
            self.put(path, document).raise_for_status()

    def put(self, path, document):
        return owner.put(f"{os.environ['TWINWARD_URL']}/api/2/{path}", json=document)


def policy_ids(body, name="policyId"):
    """Every policy id of a body, which may be one itself."""
    if isinstance(body, dict):
        return [each for key, value in body.items() for each in policy_ids(value, key)]
    return [body] if name == "policyId" and isinstance(body, str) else []


given = Given()


@schemathesis.hook
def filter_headers(context, headers):
    """A field without a value counts as none, whatever its schema says of values."""
    return "" not in (headers or {}).values()


@schemathesis.hook
def before_call(context, case, kwargs):
    if given.is_changed:
        given.restore()
    given.last_body = case.body
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
        reconcile(case.query, case.headers)
        body = storable(case.body, REFERENCES)
        if body != case.body:
            case.body = body


@schemathesis.hook
def after_call(context, case, response):
    # 408 and 424: it is done, and somebody has not acknowledged it.
    given.is_changed = case.method not in ("GET", "HEAD") and response.status_code not in REFUSALS


def storable(body, references=()):
    """The same within rules that no description can say: references to what exists, keys of at most 256 bytes."""
    if isinstance(body, dict):
        return {key: storable(value) for key, value in body.items() if len(key.encode()) <= 256}
    if isinstance(body, list) and body and all(isinstance(each, dict) and "entry" in each for each in body):
        return list(references)
    return body


def reconcile(query, headers):
    """Leaves out what contradicts itself: a header that has another value in the query, or excludes another one."""
    for name in [name for name in query or {} if name in (headers or {})]:
        del query[name]
    for kept, dropped in EXCLUSIVE:
        if any(kept in place for place in (query or {}, headers or {})):
            for place in (query, headers):
                if place and dropped in place:
                    del place[dropped]
