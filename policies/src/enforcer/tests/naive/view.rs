//! Views, naively: every member is judged by the inherited index of its own place.

use serde_json::{Map, Value};

use super::random::key_name;
use super::{Address, Index, Naive, has};

/// Where a member stands, and what holds there; no address where the policy names nothing below.
struct Place {
    address: Option<Address>,
    index: Index,
}

impl Naive<'_> {
    /// What `callers` may see of a document that stands at `address`; `{}` if that is nothing.
    pub(super) fn view(&self, callers: &[u8], address: &[u8], value: &Value) -> Value {
        let nothing = || Value::Object(Map::new());
        if !self.exists(&address[..1]) {
            return nothing();
        }
        // A document below the deepest node meets no node of its own: the keys of others are not its keys.
        let place = Place {
            address: self.exists(address).then(|| address.to_vec()),
            index: self.inherited(self.deepest(address)),
        };
        self.seen(callers, &place, value).unwrap_or_else(nothing)
    }

    fn seen(&self, callers: &[u8], place: &Place, value: &Value) -> Option<Value> {
        let is_readable = has(&place.index, callers);
        match value {
            Value::Object(members) => {
                let mut left = Map::new();
                for (key, member) in members {
                    if let Some(seen) = self.seen(callers, &self.child(place, key), member) {
                        left.insert(key.clone(), seen);
                    }
                }
                (is_readable || !left.is_empty()).then_some(Value::Object(left))
            }
            Value::Array(elements) => {
                let elements = elements.iter();
                let left: Vec<_> = elements
                    .filter_map(|element| self.seen(callers, place, element))
                    .collect();
                (is_readable || !left.is_empty()).then_some(Value::Array(left))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                is_readable.then(|| value.clone())
            }
        }
    }

    fn child(&self, place: &Place, key: &str) -> Place {
        let number = (0..=u8::MAX).find(|number| key_name(*number) == key);
        let address = place
            .address
            .iter()
            .map(|address| [&address[..], &[number.unwrap()]].concat())
            .find(|address| self.exists(address));
        let index = match &address {
            Some(address) => self.inherited(address),
            None => place.index.clone(),
        };
        Place { address, index }
    }
}
