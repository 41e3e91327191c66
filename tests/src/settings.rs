//! Configuration files for test gateways. They are written as JSON, which is YAML too.

use serde_json::{Value, json};

/// A gateway on free ports of the loopback interface that believes every local peer's `x-ditto-pre-authenticated` and
/// lets nobody wait who fails: every test comes from one address.
pub fn open_settings() -> Value {
    json!({
        "http_server": { "listen_addr": "127.0.0.1:0", "tls_config": "dev_mode" },
        "auth": { "pre_authenticated": { "enabled": true }, "brute_force": false },
        "devops": { "listen_addr": "127.0.0.1:0", "tls_config": "dev_mode" },
        "store": { "path": "data" },
        "logging": { "level": "debug" }
    })
}

/// `base` with every member of `overlay` put over it, object by object.
pub fn merged(base: Value, overlay: Value) -> Value {
    match (base, overlay) {
        (Value::Object(mut base), Value::Object(overlay)) => {
            for (name, value) in overlay {
                let previous = base.remove(&name).unwrap_or(Value::Null);
                base.insert(name, merged(previous, value));
            }
            Value::Object(base)
        }
        (_, overlay) => overlay,
    }
}
