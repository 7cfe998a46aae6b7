//! YAML text to a located tree: every node knows its line and column, scalars stay exactly as written.
//!
//! The text is read event by event and composed here, because nothing else keeps the place of a *good* value (which
//! rules that span several fields need) together with the spelling of scalars beside merge keys. Anchors, aliases and
//! merge keys are resolved while composing: an alias shares the node it names, so that memory stays proportional to
//! the file, and what the tree would be when written out in full is bounded by [`MAX_NODES`],
//! [`MAX_TEXT_BYTES`] and [`MAX_DEPTH`].

mod compose;

use std::rc::Rc;

pub(crate) use compose::compose;

/// The most nodes a document may have with every alias written out.
pub(crate) const MAX_NODES: u32 = 1_000_000;
/// The most bytes of text a document may have with every alias written out.
pub(crate) const MAX_TEXT_BYTES: u64 = 64 * 1024 * 1024;
/// The deepest nesting, aliases written out.
pub(crate) const MAX_DEPTH: u32 = 128;

/// A place in the text, both parts counted from 1; zeros when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Mark {
    pub(crate) line: u32,
    pub(crate) col: u32,
}

/// One node of the tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    /// A tag of the document's own, such as `!include`; those of YAML's core are resolved.
    pub(crate) tag: Option<Box<str>>,
    pub(crate) kind: Kind,
    /// How many nodes this is when written out, itself included.
    weight: u32,
    /// How many bytes of text this is when written out.
    bytes: u64,
    /// How deep it is, 1 for a scalar.
    depth: u32,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Nothing: an absent value, `~` or `null`.
    Null,
    /// Text exactly as written, escapes resolved; `plain` when without quotes.
    Scalar { text: Box<str>, plain: bool },
    /// A sequence.
    List(Vec<Rc<Node>>),
    /// A mapping in the order of the text, merged entries last; keys are unique.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Rc<str>,
    pub(crate) mark: Mark,
    pub(crate) value: Rc<Node>,
}

impl Node {
    /// Makes a scalar of text that stands outside the file.
    pub(crate) fn text(text: &str, mark: Mark) -> Self {
        let kind = Kind::Scalar { text: text.into(), plain: true };
        Self { mark, tag: None, kind, weight: 1, bytes: text.len() as u64, depth: 1 }
    }

    /// Returns what the node is, for messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// Tells whether the node counts as not given: null or an empty string.
    pub(crate) fn is_unset(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Scalar { text, .. } => text.is_empty() && self.tag.is_none(),
            Kind::List(_) | Kind::Map(_) => false,
        }
    }
}
