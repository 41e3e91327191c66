//! Names the parts of a policy that commands address.

use crate::model::{Placeholders, subject_id};
use crate::{Error, Label, Pointer, PolicyId, ResourceKey, SubjectId, model};

/// A policy or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyResource {
    /// The whole policy.
    Policy,
    /// All its entries.
    Entries,
    /// One entry.
    Entry(Label),
    /// All subjects of an entry.
    Subjects(Label),
    /// One subject of an entry.
    Subject(Label, SubjectId),
    /// All resources of an entry.
    Resources(Label),
    /// One resource of an entry.
    Resource(Label, ResourceKey),
    /// The namespaces that an entry is about.
    Namespaces(Label),
    /// Whether an entry may be imported.
    Importable(Label),
    /// What referencing entries may add to an entry.
    AllowedAdditions(Label),
    /// The entries whose content an entry takes over.
    References(Label),
    /// All its imports.
    Imports,
    /// One import.
    Import(PolicyId),
    /// The explicitly imported entries of an import.
    ImportEntries(PolicyId),
    /// The transitive imports of an import.
    ImportTransitiveImports(PolicyId),
}

/// What kind of part a [`PolicyResource`] is, in the words of Ditto's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyResourceKind {
    /// The whole policy, or all its entries.
    Policy,
    /// One entry, or a part of it without a kind of its own.
    Entry,
    /// All subjects of an entry.
    Subjects,
    /// One subject.
    Subject,
    /// All resources of an entry.
    Resources,
    /// One resource.
    Resource,
    /// All imports.
    Imports,
    /// One import, or a part of it.
    Import,
}

impl PolicyResourceKind {
    /// The word for it, as in `policies:<word>.notfound`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Entry => "entry",
            Self::Subjects => "subjects",
            Self::Subject => "subject",
            Self::Resources => "resources",
            Self::Resource => "resource",
            Self::Imports => "imports",
            Self::Import => "import",
        }
    }
}

impl std::fmt::Display for PolicyResourceKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PolicyResource {
    /// Reads the path segments after a policy's id, percent-decoded; `None` if nothing is there.
    ///
    /// Subject ids and resource keys may contain slashes: all remaining segments belong to them.
    ///
    /// # Errors
    ///
    /// The grammar of a label, subject id, resource key or policy id in the path is broken.
    pub fn parse(segments: &[&str]) -> Result<Option<Self>, Error> {
        Ok(match segments {
            [] => Some(Self::Policy),
            ["entries"] => Some(Self::Entries),
            ["entries", label, rest @ ..] => Self::parse_entry(model::label(label)?, rest)?,
            ["imports"] => Some(Self::Imports),
            ["imports", id, rest @ ..] => Self::parse_import(model::policy_id(id)?, rest),
            _ => None,
        })
    }

    fn parse_entry(label: Label, rest: &[&str]) -> Result<Option<Self>, Error> {
        Ok(match rest {
            [] => Some(Self::Entry(label)),
            ["subjects"] => Some(Self::Subjects(label)),
            ["subjects", id @ ..] => Some(Self::Subject(label, path_subject(&id.join("/"))?)),
            ["resources"] => Some(Self::Resources(label)),
            ["resources", key @ ..] => Some(Self::Resource(label, path_key(&key.join("/"))?)),
            ["namespaces"] => Some(Self::Namespaces(label)),
            ["importable"] => Some(Self::Importable(label)),
            ["allowedAdditions"] => Some(Self::AllowedAdditions(label)),
            ["references"] => Some(Self::References(label)),
            _ => None,
        })
    }

    fn parse_import(id: PolicyId, rest: &[&str]) -> Option<Self> {
        match rest {
            [] => Some(Self::Import(id)),
            ["entries"] => Some(Self::ImportEntries(id)),
            ["transitiveImports"] => Some(Self::ImportTransitiveImports(id)),
            _ => None,
        }
    }

    /// What kind of part it is.
    pub fn kind(&self) -> PolicyResourceKind {
        match self {
            Self::Policy | Self::Entries => PolicyResourceKind::Policy,
            Self::Entry(_)
            | Self::Namespaces(_)
            | Self::Importable(_)
            | Self::AllowedAdditions(_)
            | Self::References(_) => PolicyResourceKind::Entry,
            Self::Subjects(_) => PolicyResourceKind::Subjects,
            Self::Subject(..) => PolicyResourceKind::Subject,
            Self::Resources(_) => PolicyResourceKind::Resources,
            Self::Resource(..) => PolicyResourceKind::Resource,
            Self::Imports => PolicyResourceKind::Imports,
            Self::Import(_) | Self::ImportEntries(_) | Self::ImportTransitiveImports(_) => {
                PolicyResourceKind::Import
            }
        }
    }

    /// Where it stands in the policy; slashes in subject ids and resource keys separate, as they do in request paths.
    pub fn pointer(&self) -> Pointer {
        let entry = |label: &Label| Pointer::from_segments(["entries", label.as_str()]);
        let import = |id: &PolicyId| Pointer::from_segments(["imports", id.as_str()]);
        match self {
            Self::Policy => Pointer::root(),
            Self::Entries => Pointer::from_segments(["entries"]),
            Self::Entry(label) => entry(label),
            Self::Subjects(label) => entry(label).child("subjects"),
            Self::Subject(label, id) => entry(label)
                .child("subjects")
                .join(&key_pointer(id.as_str())),
            Self::Resources(label) => entry(label).child("resources"),
            Self::Resource(label, key) => entry(label)
                .child("resources")
                .join(&key_pointer(&key.to_string())),
            Self::Namespaces(label) => entry(label).child("namespaces"),
            Self::Importable(label) => entry(label).child("importable"),
            Self::AllowedAdditions(label) => entry(label).child("allowedAdditions"),
            Self::References(label) => entry(label).child("references"),
            Self::Imports => Pointer::from_segments(["imports"]),
            Self::Import(id) => import(id),
            Self::ImportEntries(id) => import(id).child("entries"),
            Self::ImportTransitiveImports(id) => import(id).child("transitiveImports"),
        }
    }

    /// The entry that it is or belongs to.
    pub fn label(&self) -> Option<&Label> {
        match self {
            Self::Entry(label)
            | Self::Subjects(label)
            | Self::Subject(label, _)
            | Self::Resources(label)
            | Self::Resource(label, _)
            | Self::Namespaces(label)
            | Self::Importable(label)
            | Self::AllowedAdditions(label)
            | Self::References(label) => Some(label),
            Self::Policy
            | Self::Entries
            | Self::Imports
            | Self::Import(_)
            | Self::ImportEntries(_)
            | Self::ImportTransitiveImports(_) => None,
        }
    }
}

/// The keys that a member name with slashes stands for, so that what a policy says about a part of itself holds for
/// reads of the part and of the whole alike.
pub(crate) fn key_pointer(name: &str) -> Pointer {
    if !name.contains('/') {
        return Pointer::from_segments([name]);
    }
    let segments = name.split('/').filter(|segment| !segment.is_empty());
    Pointer::from_segments(segments.map(|each| each.replace("~1", "/").replace("~0", "~")))
}

/// A subject id in a path; the one legacy placeholder without a `:` is written in the current form.
fn path_subject(text: &str) -> Result<SubjectId, Error> {
    let text = text.replace("${request.subjectId}", "{{ request:subjectId }}");
    subject_id(&text, Placeholders::Keep)
}

fn path_key(text: &str) -> Result<ResourceKey, Error> {
    text.parse().map_err(|source| Error::InvalidResourceKey {
        text: text.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, &str)>) {
        let segments: Vec<&str> = path.split('/').filter(|each| !each.is_empty()).collect();
        let parsed = PolicyResource::parse(&segments).ok().flatten();
        let pointer = parsed.as_ref().map(|each| each.pointer().to_string());
        let found = parsed.as_ref().zip(pointer.as_deref());
        let found = found.map(|(each, pointer)| (each.kind().as_str(), pointer));
        assert_eq!(found, expected, "path: {path}");
    }

    #[test]
    fn every_part_has_a_path() {
        check("/", Some(("policy", "/")));
        check("/entries", Some(("policy", "/entries")));
        check("/entries/a", Some(("entry", "/entries/a")));
        for part in ["namespaces", "importable", "allowedAdditions", "references"] {
            let path = format!("/entries/a/{part}");
            check(&path, Some(("entry", &path)));
        }
        for part in ["subjects", "resources"] {
            let path = format!("/entries/a/{part}");
            check(&path, Some((part, &path)));
        }
        check("/imports", Some(("imports", "/imports")));
        check("/imports/a:b", Some(("import", "/imports/a:b")));
        for part in ["entries", "transitiveImports"] {
            let path = format!("/imports/a:b/{part}");
            check(&path, Some(("import", &path)));
        }
    }

    #[test]
    fn keys_may_contain_slashes() {
        let path = "/entries/a/resources/thing:/features/lamp";
        check(path, Some(("resource", path)));
        check(
            "/entries/a/resources/thing:",
            Some(("resource", "/entries/a/resources/thing:")),
        );
        let path = "/entries/a/subjects/x:b/c";
        check(path, Some(("subject", path)));
    }

    #[test]
    fn other_paths_are_refused() {
        check("/nope", None);
        check("/entries/a/nope", None);
        check("/entries/a/references/b", None);
        check("/entries/imported-x", None);
        check("/entries/a/subjects/kim", None);
        check("/entries/a/resources/thing", None);
        check("/imports/nocolon", None);
        check("/imports/a:b/nope", None);
    }
}
