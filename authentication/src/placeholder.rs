//! Templates: text with `{{ placeholders }}` and functions.
//!
//! Source: Ditto documentation, page "Placeholders".

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
        function: &'static str,
    },
    /// More functions in one placeholder than allowed.
    #[error("more than 10 functions in one placeholder")]
    TooComplex,
}
