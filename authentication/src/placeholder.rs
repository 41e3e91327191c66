//! Templates: text with `{{ placeholders }}` and functions, read once and resolved per credential.
//!
//! Source: Ditto documentation, page "Placeholders". The separator of `fn:split` is taken literally here.

mod format;
mod function;
mod like;
mod parse;

use function::{Argument, Function};

/// A text that was understood: `{{ jwt:sub }}`, `{{ jwt:realm/roles | fn:lower() }}@plant`.
#[derive(Debug, Clone)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    Pipeline {
        /// `None` starts from [`Resolution::Unresolved`].
        start: Option<Placeholder>,
        functions: Vec<Function>,
    },
}

/// `prefix:name`, e.g. `jwt:realm/roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Placeholder {
    prefix: String,
    name: String,
}

/// Where the values of placeholders come from.
pub trait PlaceholderSource {
    /// The values of `prefix:name`, in order; none if it has no value.
    fn values(&self, prefix: &str, name: &str) -> Vec<String>;
}

/// What a template came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// At least one value.
    Resolved(Vec<String>),
    /// A placeholder had no value.
    Unresolved,
    /// `fn:delete()` said so.
    Deleted,
}

impl Resolution {
    /// The values, possibly none.
    pub fn into_values(self) -> Vec<String> {
        match self {
            Self::Resolved(values) => values,
            Self::Unresolved | Self::Deleted => Vec::new(),
        }
    }

    fn of(values: Vec<String>) -> Self {
        if values.is_empty() {
            Self::Unresolved
        } else {
            Self::Resolved(values)
        }
    }
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Braces, quotes or parentheses do not match, or a stage is empty.
    #[error("malformed at `{near}`")]
    Malformed {
        /// Where.
        near: String,
    },
    /// No placeholder has this prefix here.
    #[error("placeholder `{placeholder}` is not known here")]
    UnknownPlaceholder {
        /// The placeholder.
        placeholder: String,
    },
    /// No function has this name.
    #[error("function `{function}` is not known")]
    UnknownFunction {
        /// The function.
        function: String,
    },
    /// The arguments do not fit the function.
    #[error("arguments of function `{function}` do not fit")]
    Signature {
        /// The function.
        function: String,
    },
    /// More functions in one placeholder than allowed.
    #[error("more than {} functions in one placeholder", Template::FUNCTIONS_MAX)]
    TooComplex,
}

/// The values of a template would exceed [`Template::VALUES_MAX`] or [`Template::BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a template resolves to too many values")]
pub struct TooManyValues;

impl Template {
    /// The most functions in one placeholder.
    pub const FUNCTIONS_MAX: usize = 10;
    /// The most values of a template, and of each of its stages.
    pub const VALUES_MAX: usize = 1000;
    /// The most bytes in these values together.
    pub const BYTES_MAX: usize = 256 * 1024;

    /// Reads a template whose placeholders have one of these prefixes.
    ///
    /// # Errors
    ///
    /// [`TemplateError`], so that it can be reported where the template is configured.
    pub fn parse(text: &str, prefixes: &[&str]) -> Result<Self, TemplateError> {
        parse::template(text, prefixes)
    }

    /// The names that follow `prefix:` in this template, in arguments of functions too, in their order.
    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.parts
            .iter()
            .flat_map(Part::placeholders)
            .filter(move |placeholder| placeholder.prefix == prefix)
            .map(|placeholder| placeholder.name.as_str())
    }

    /// The cartesian product of the parts: one part without a value leaves nothing, deleted parts do not count.
    ///
    /// # Errors
    ///
    /// [`TooManyValues`] before more memory is spent.
    pub fn resolve(&self, source: &dyn PlaceholderSource) -> Result<Resolution, TooManyValues> {
        let mut product = vec![String::new()];
        let mut deleted = 0;
        for part in &self.parts {
            product = match part.resolve(source)? {
                Resolution::Resolved(values) => multiply(&product, &values)?,
                Resolution::Unresolved => return Ok(Resolution::Unresolved),
                Resolution::Deleted => {
                    deleted += 1;
                    continue;
                }
            };
        }
        if deleted > 0 && deleted == self.parts.len() {
            return Ok(Resolution::Deleted);
        }
        Ok(Resolution::Resolved(product))
    }
}

impl Part {
    fn placeholders(&self) -> Vec<&Placeholder> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Pipeline { start, functions } => {
                let arguments = functions.iter().flat_map(Function::arguments);
                let named = arguments.filter_map(Argument::placeholder);
                start.iter().chain(named).collect()
            }
        }
    }

    fn resolve(&self, source: &dyn PlaceholderSource) -> Result<Resolution, TooManyValues> {
        match self {
            Self::Literal(text) => Ok(Resolution::Resolved(vec![text.clone()])),
            Self::Pipeline { start, functions } => {
                let values = start.as_ref().map(|placeholder| placeholder.values(source));
                let start = bounded(Resolution::of(values.unwrap_or_default()))?;
                functions.iter().try_fold(start, |input, function| {
                    bounded(function.apply(input, source)?)
                })
            }
        }
    }
}

impl Placeholder {
    fn values(&self, source: &dyn PlaceholderSource) -> Vec<String> {
        source.values(&self.prefix, &self.name)
    }
}

/// Every left text with every right one behind it, the left order first.
fn multiply(left: &[String], right: &[String]) -> Result<Vec<String>, TooManyValues> {
    let bytes = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
    let total = bytes(left) * right.len() + bytes(right) * left.len();
    if left.len() * right.len() > Template::VALUES_MAX || total > Template::BYTES_MAX {
        return Err(TooManyValues);
    }
    let pairs = left
        .iter()
        .flat_map(|left| right.iter().map(move |right| (left, right)));
    Ok(pairs
        .map(|(left, right)| format!("{left}{right}"))
        .collect())
}

fn bounded(resolution: Resolution) -> Result<Resolution, TooManyValues> {
    if let Resolution::Resolved(values) = &resolution {
        let bytes: usize = values.iter().map(String::len).sum();
        if values.len() > Template::VALUES_MAX || bytes > Template::BYTES_MAX {
            return Err(TooManyValues);
        }
    }
    Ok(resolution)
}

#[cfg(test)]
mod tests;
