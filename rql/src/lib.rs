//! Resource Query Language: conditions of commands and filters of streams, parsed once into a typed tree.
//!
//! Evaluated on JSON documents; knows no thing, no policy and no HTTP.
//! Source: Ditto documentation, page "RQL expressions".

mod compare;
mod error;
mod evaluate;
mod parse;
mod pattern;
mod predicate;
mod property;
mod time;

pub use error::Error;
pub use evaluate::{Document, Fields};
pub use pattern::Pattern;
pub use predicate::{Comparison, Expression, Literal, Predicate};
pub use property::{Path, Placeholder, Property};
pub use time::{TimeExpression, TimeExpressionError};
