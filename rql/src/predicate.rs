//! The typed tree of an expression.

use std::str::FromStr;

use serde_json::Number;

use crate::property::{Path, Placeholder, Property};
use crate::{Error, Pattern, TimeExpression, parse};

/// A parsed expression.
///
/// Source: Ditto documentation, page "RQL expressions".
#[derive(Debug, Clone)]
pub struct Predicate(Expression);

/// One operator with its operands.
#[derive(Debug, Clone)]
pub enum Expression {
    /// `eq`, `ne`, `gt`, `ge`, `lt`, `le`.
    Compare(Property, Comparison, Literal),
    /// `in`: equal to one of these.
    In(Property, Vec<Literal>),
    /// `like` and `ilike`.
    Like(Property, Pattern),
    /// `exists`.
    Exists(Property),
    /// `empty`.
    Empty(Property),
    /// `and`.
    And(Vec<Expression>),
    /// `or`.
    Or(Vec<Expression>),
    /// `not`.
    Not(Box<Expression>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// A value that stands in an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`, or a placeholder without a value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits or a decimal.
    Number(Number),
    /// A quoted text.
    Text(String),
    /// `time:…`, evaluated when the expression is.
    Time(TimeExpression),
}

impl Predicate {
    /// The longest expression.
    pub const BYTES_MAX: usize = 16 * 1024;

    /// The deepest nesting of `and`, `or` and `not`.
    pub const DEPTH_MAX: usize = 32;

    /// Parses the filter of a stream, which may name placeholders like `topic:action` as properties.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::parse(text, &|_| true).map(Self)
    }

    /// Parses the condition of a command, which knows no placeholder but `time:…`.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn parse_condition(text: &str) -> Result<Self, Error> {
        parse::parse(text, &|placeholder| *placeholder == Placeholder::Time).map(Self)
    }

    /// The outermost operator.
    pub const fn expression(&self) -> &Expression {
        &self.0
    }

    /// Every property, in the order of the text.
    pub fn properties(&self) -> Vec<&Property> {
        let mut properties = Vec::new();
        self.0.collect(&mut properties);
        properties
    }

    /// The paths into the document that the outcome depends on.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.properties()
            .into_iter()
            .filter_map(|property| match property {
                Property::Path(path) => Some(path),
                Property::Placeholder { .. } => None,
            })
    }
}

impl FromStr for Predicate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl Expression {
    fn collect<'e>(&'e self, properties: &mut Vec<&'e Property>) {
        match self {
            Self::Compare(property, ..)
            | Self::In(property, _)
            | Self::Like(property, _)
            | Self::Exists(property)
            | Self::Empty(property) => properties.push(property),
            Self::And(operands) | Self::Or(operands) => {
                for operand in operands {
                    operand.collect(properties);
                }
            }
            Self::Not(operand) => operand.collect(properties),
        }
    }
}
