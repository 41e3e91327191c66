//! What can be wrong with the text of an expression.

/// The text is no expression that can be evaluated. Positions count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More bytes than [`crate::Predicate::BYTES_MAX`].
    #[error("it has {length} bytes, of which {length_max} are allowed")]
    TooLong {
        /// How many it has.
        length: usize,
        /// How many it may have.
        length_max: usize,
    },
    /// More nested `and`, `or` and `not` than [`crate::Predicate::DEPTH_MAX`].
    #[error("at character {position} it is nested more than {depth_max} levels deep")]
    TooDeep {
        /// Where.
        position: usize,
        /// How deep it may be.
        depth_max: usize,
    },
    /// Something else was expected.
    #[error("at character {position} there should be {expected}")]
    Syntax {
        /// Where.
        position: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The path of a property has an empty segment.
    #[error("at character {position} the property `{property}` has an empty segment")]
    EmptySegment {
        /// Where the property starts.
        position: usize,
        /// The property as written.
        property: String,
    },
    /// Nothing has such a property.
    #[error("at character {position} the property `{property}` is unknown")]
    UnknownProperty {
        /// Where the property starts.
        position: usize,
        /// The property as written.
        property: String,
    },
    /// The property can only be asked for with `exists` and `empty`.
    #[error("at character {position} the property `{property}` has no single value to compare")]
    NotComparable {
        /// Where the property starts.
        position: usize,
        /// The property as written.
        property: String,
    },
    /// A pattern of `like` or `ilike` would take too much memory.
    #[error("the pattern that ends at character {position} is too long")]
    PatternTooLong {
        /// Where it ends.
        position: usize,
    },
}

impl Error {
    /// Whether the text is well-formed, but names a property that cannot be used.
    pub const fn is_about_property(&self) -> bool {
        matches!(
            self,
            Self::UnknownProperty { .. } | Self::NotComparable { .. }
        )
    }
}
