//! The addressable parts of a thing.

use policies::Pointer;
use smallvec::SmallVec;

use crate::Error;
use crate::model;

/// What of a thing a command is about: the whole, or a part at a path.
///
/// Source: Ditto documentation, page "Protocol specification for Things".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ThingResource {
    /// `/`
    Thing,
    /// `/policyId`
    PolicyId,
    /// `/definition`
    Definition,
    /// `/attributes`
    Attributes,
    /// `/attributes/<pointer>`; the pointer is not the root.
    Attribute(Pointer),
    /// `/features`
    Features,
    /// `/features/<id>`
    Feature(String),
    /// `/features/<id>/definition`
    FeatureDefinition(String),
    /// `/features/<id>/properties`
    FeatureProperties(String),
    /// `/features/<id>/properties/<pointer>`; the pointer is not the root.
    FeatureProperty(String, Pointer),
    /// `/features/<id>/desiredProperties`
    FeatureDesiredProperties(String),
    /// `/features/<id>/desiredProperties/<pointer>`; the pointer is not the root.
    FeatureDesiredProperty(String, Pointer),
}

/// The kinds of [`ThingResource`], which error codes are named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// The whole thing.
    Thing,
    /// Its policy id.
    PolicyId,
    /// Its definition.
    Definition,
    /// All attributes.
    Attributes,
    /// One attribute.
    Attribute,
    /// All features.
    Features,
    /// One feature.
    Feature,
    /// The definition of a feature.
    FeatureDefinition,
    /// All properties of a feature.
    FeatureProperties,
    /// One property of a feature.
    FeatureProperty,
    /// All desired properties of a feature.
    FeatureDesiredProperties,
    /// One desired property of a feature.
    FeatureDesiredProperty,
}

impl ResourceKind {
    /// The word between `things:` and `.notfound` in error codes, e.g. `feature.property`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Thing => "thing",
            Self::PolicyId => "policyId",
            Self::Definition => "definition",
            Self::Attributes => "attributes",
            Self::Attribute => "attribute",
            Self::Features => "features",
            Self::Feature => "feature",
            Self::FeatureDefinition => "feature.definition",
            Self::FeatureProperties => "feature.properties",
            Self::FeatureProperty => "feature.property",
            Self::FeatureDesiredProperties => "feature.desiredProperties",
            Self::FeatureDesiredProperty => "feature.desiredProperty",
        }
    }
}

impl ThingResource {
    /// The resource at `pointer`; `None` if a thing has nothing to address there.
    pub fn parse(pointer: &Pointer) -> Option<Self> {
        let segments: SmallVec<[&str; 8]> = pointer.segments().iter().map(String::as_str).collect();
        Some(match segments.as_slice() {
            [] => Self::Thing,
            ["policyId"] => Self::PolicyId,
            ["definition"] => Self::Definition,
            ["attributes"] => Self::Attributes,
            ["attributes", rest @ ..] => Self::Attribute(tail(rest)),
            ["features"] => Self::Features,
            ["features", id] => Self::Feature((*id).to_owned()),
            ["features", id, "definition"] => Self::FeatureDefinition((*id).to_owned()),
            ["features", id, "properties"] => Self::FeatureProperties((*id).to_owned()),
            ["features", id, "properties", rest @ ..] => {
                Self::FeatureProperty((*id).to_owned(), tail(rest))
            }
            ["features", id, "desiredProperties"] => {
                Self::FeatureDesiredProperties((*id).to_owned())
            }
            ["features", id, "desiredProperties", rest @ ..] => {
                Self::FeatureDesiredProperty((*id).to_owned(), tail(rest))
            }
            _ => return None,
        })
    }

    /// Where it sits in the JSON of the thing.
    pub fn pointer(&self) -> Pointer {
        let feature = |id: &String| Pointer::from_segments(["features", id]);
        match self {
            Self::Thing => Pointer::root(),
            Self::PolicyId => Pointer::from_segments(["policyId"]),
            Self::Definition => Pointer::from_segments(["definition"]),
            Self::Attributes => Pointer::from_segments(["attributes"]),
            Self::Attribute(pointer) => Pointer::from_segments(["attributes"]).join(pointer),
            Self::Features => Pointer::from_segments(["features"]),
            Self::Feature(id) => feature(id),
            Self::FeatureDefinition(id) => feature(id).child("definition"),
            Self::FeatureProperties(id) => feature(id).child("properties"),
            Self::FeatureProperty(id, pointer) => feature(id).child("properties").join(pointer),
            Self::FeatureDesiredProperties(id) => feature(id).child("desiredProperties"),
            Self::FeatureDesiredProperty(id, pointer) => {
                feature(id).child("desiredProperties").join(pointer)
            }
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> ResourceKind {
        match self {
            Self::Thing => ResourceKind::Thing,
            Self::PolicyId => ResourceKind::PolicyId,
            Self::Definition => ResourceKind::Definition,
            Self::Attributes => ResourceKind::Attributes,
            Self::Attribute(_) => ResourceKind::Attribute,
            Self::Features => ResourceKind::Features,
            Self::Feature(_) => ResourceKind::Feature,
            Self::FeatureDefinition(_) => ResourceKind::FeatureDefinition,
            Self::FeatureProperties(_) => ResourceKind::FeatureProperties,
            Self::FeatureProperty(..) => ResourceKind::FeatureProperty,
            Self::FeatureDesiredProperties(_) => ResourceKind::FeatureDesiredProperties,
            Self::FeatureDesiredProperty(..) => ResourceKind::FeatureDesiredProperty,
        }
    }

    /// The id of the feature that it is, or is part of.
    pub fn feature_id(&self) -> Option<&str> {
        match self {
            Self::Thing
            | Self::PolicyId
            | Self::Definition
            | Self::Attributes
            | Self::Attribute(_)
            | Self::Features => None,
            Self::Feature(id)
            | Self::FeatureDefinition(id)
            | Self::FeatureProperties(id)
            | Self::FeatureProperty(id, _)
            | Self::FeatureDesiredProperties(id)
            | Self::FeatureDesiredProperty(id, _) => Some(id),
        }
    }

    /// The feature that this is a part of, but not itself.
    pub(crate) fn enclosing_feature(&self) -> Option<Self> {
        self.feature_id()
            .filter(|_| self.kind() != ResourceKind::Feature)
            .map(|id| Self::Feature(id.to_owned()))
    }

    /// Whether a field selector applies to it when it is read.
    pub(crate) const fn is_selectable(&self) -> bool {
        match self.kind() {
            ResourceKind::Thing
            | ResourceKind::Attributes
            | ResourceKind::Features
            | ResourceKind::Feature
            | ResourceKind::FeatureProperties
            | ResourceKind::FeatureDesiredProperties => true,
            ResourceKind::PolicyId
            | ResourceKind::Definition
            | ResourceKind::Attribute
            | ResourceKind::FeatureDefinition
            | ResourceKind::FeatureProperty
            | ResourceKind::FeatureDesiredProperty => false,
        }
    }

    /// Checks the keys that the path is made of.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if let Some(id) = self.feature_id() {
            model::validate_key(id)?;
        }
        match self {
            Self::Attribute(pointer)
            | Self::FeatureProperty(_, pointer)
            | Self::FeatureDesiredProperty(_, pointer) => pointer
                .segments()
                .iter()
                .try_for_each(|key| model::validate_key(key)),
            Self::Thing
            | Self::PolicyId
            | Self::Definition
            | Self::Attributes
            | Self::Features
            | Self::Feature(_)
            | Self::FeatureDefinition(_)
            | Self::FeatureProperties(_)
            | Self::FeatureDesiredProperties(_) => Ok(()),
        }
    }
}

fn tail(segments: &[&str]) -> Pointer {
    Pointer::from_segments(segments.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<ResourceKind>) {
        let pointer: Pointer = path.parse().unwrap();
        let resource = ThingResource::parse(&pointer);
        assert_eq!(
            resource.as_ref().map(ThingResource::kind),
            expected,
            "path: {path}"
        );
        if let Some(resource) = resource {
            assert_eq!(resource.pointer(), pointer, "path: {path}");
        }
    }

    #[test]
    fn every_resource_is_found_and_printed() {
        check("/", Some(ResourceKind::Thing));
        check("/policyId", Some(ResourceKind::PolicyId));
        check("/definition", Some(ResourceKind::Definition));
        check("/attributes", Some(ResourceKind::Attributes));
        check("/attributes/a/b", Some(ResourceKind::Attribute));
        check("/features", Some(ResourceKind::Features));
        check("/features/f", Some(ResourceKind::Feature));
        check(
            "/features/f/definition",
            Some(ResourceKind::FeatureDefinition),
        );
        check(
            "/features/f/properties",
            Some(ResourceKind::FeatureProperties),
        );
        check(
            "/features/f/properties/a/b",
            Some(ResourceKind::FeatureProperty),
        );
        check(
            "/features/f/desiredProperties",
            Some(ResourceKind::FeatureDesiredProperties),
        );
        check(
            "/features/f/desiredProperties/a",
            Some(ResourceKind::FeatureDesiredProperty),
        );
    }

    #[test]
    fn other_paths_address_nothing() {
        check("/nope", None);
        check("/policyId/x", None);
        check("/definition/x", None);
        check("/features/f/nope", None);
        check("/features/f/definition/0", None);
        check("/_metadata", None);
    }
}
