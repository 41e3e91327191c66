//! What an expression looks at: a path into a document, or a placeholder.

use std::fmt;

/// A property of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// A place in the document.
    Path(Path),
    /// Something that stands beside the document.
    Placeholder {
        /// Which family.
        placeholder: Placeholder,
        /// What of it, e.g. `action` in `topic:action`.
        name: String,
    },
}

/// The families of placeholders that may stand for a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `topic:…`
    Topic,
    /// `resource:…`
    Resource,
    /// `entity:…`
    Entity,
    /// `thing:…`
    Thing,
    /// `feature:…`
    Feature,
    /// `header:…`
    Header,
    /// `time:…`
    Time,
}

impl Placeholder {
    const ALL: [(&str, Self); 7] = [
        ("topic:", Self::Topic),
        ("resource:", Self::Resource),
        ("entity:", Self::Entity),
        ("thing:", Self::Thing),
        ("feature:", Self::Feature),
        ("header:", Self::Header),
        ("time:", Self::Time),
    ];
}

/// A path into a document: keys from the root down. Arrays on the way are walked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Box<[String]>);

/// Why a text is no property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PropertyFault {
    EmptySegment,
    Unknown,
}

impl Property {
    /// Reads a property, whose escapes are resolved.
    pub(crate) fn parse(text: &str) -> Result<Self, PropertyFault> {
        let family = Placeholder::ALL
            .into_iter()
            .find_map(|(prefix, placeholder)| Some((placeholder, text.strip_prefix(prefix)?)));
        match family {
            Some((_, "")) => Err(PropertyFault::Unknown),
            Some((placeholder, name)) => Ok(Self::Placeholder {
                placeholder,
                name: name.to_owned(),
            }),
            None => Path::parse(text).map(Self::Path),
        }
    }

    /// Whether it has one value that can be compared, and not only members.
    pub(crate) fn is_comparable(&self) -> bool {
        match self {
            Self::Placeholder { .. } => true,
            Self::Path(path) => !matches!(
                path.keys().as_slice(),
                ["features", _] | ["features", _, "properties" | "desiredProperties"]
            ),
        }
    }
}

impl Path {
    fn parse(text: &str) -> Result<Self, PropertyFault> {
        let keys: Box<[String]> = text
            .strip_prefix('/')
            .unwrap_or(text)
            .split('/')
            .map(|key| key.replace("~1", "/").replace("~0", "~"))
            .collect();
        if keys.iter().any(String::is_empty) {
            return Err(PropertyFault::EmptySegment);
        }
        let path = Self(keys);
        if path.is_known() {
            Ok(path)
        } else {
            Err(PropertyFault::Unknown)
        }
    }

    fn is_known(&self) -> bool {
        matches!(
            self.keys().as_slice(),
            ["thingId"
                | "policyId"
                | "definition"
                | "_namespace"
                | "_revision"
                | "_created"
                | "_modified"]
                | ["attributes" | "_metadata", _, ..]
                | ["features", _]
                | [
                    "features",
                    _,
                    "definition" | "properties" | "desiredProperties"
                ]
                | ["features", _, "properties" | "desiredProperties", _, ..]
        )
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    /// The keys, from the root down.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// How many keys lead to the features of which any may match; `None` if the path names no `*` there.
    pub fn wildcard(&self) -> Option<usize> {
        match self.keys().as_slice() {
            ["features", "*", ..] => Some(1),
            ["_metadata", "features", "*", ..] => Some(2),
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|key| {
            let key = key.replace('~', "~0").replace('/', "~1");
            write!(formatter, "/{key}")
        })
    }
}
