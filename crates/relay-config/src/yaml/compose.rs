//! Events to tree.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, Tag, options};

use super::{Entry, Kind, MAX_DEPTH, MAX_NODES, MAX_TEXT_BYTES, Mark, Node};

/// What was read of a text.
#[derive(Debug, Default)]
pub(crate) struct Composed {
    /// The first document, `None` when there is none or when it has a syntax error.
    pub(crate) root: Option<Rc<Node>>,
    /// What is wrong with it.
    pub(crate) faults: Vec<Fault>,
    /// Where a second document starts, which is not read.
    pub(crate) second_document: Option<Mark>,
}

/// A mistake of form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) mark: Mark,
    /// The key it is about, empty when it is the text as a whole.
    pub(crate) path: String,
    pub(crate) message: String,
}

/// Reads the first document of `text`. Time and memory are proportional to the text, whatever it holds.
pub(crate) fn compose(text: &str) -> Composed {
    let limits = options! {
        flow_nesting_limit: MAX_DEPTH as usize,
        block_nesting_limit: MAX_DEPTH as usize,
        emit_comments: false,
    };
    let mut composer = Composer::default();
    let mut composed = Composed::default();
    for next in Parser::new_from_str_with_options(text, limits) {
        let (event, span) = match next {
            Ok(read) => read,
            Err(error) => {
                if composed.second_document.is_none() {
                    composer.faults.push(invalid(text, error.marker(), error.kind()));
                    composer.root = None;
                }
                break;
            }
        };
        if composer.root.is_some() {
            if matches!(event, Event::DocumentStart(..)) {
                composed.second_document = Some(mark_of(&span.start));
                break;
            }
            continue;
        }
        if let Err(fault) = composer.take(&event, mark_of(&span.start)) {
            let path = composer.path();
            composer.faults.push(Fault { path, ..fault });
            composer.root = None;
            break;
        }
    }
    composed.root = composer.root;
    composed.faults = composer.faults;
    composed
}

/// Says what the parser stumbled over, and where.
fn invalid(text: &str, marker: &Marker, kind: &ErrorKind) -> Fault {
    let said = kind.to_string();
    let mark = mark_of(marker);
    if said.contains("nesting") || said.contains("recursion") {
        return Fault::new(mark, format!("nested deeper than {MAX_DEPTH} levels"));
    }
    // The parser tells where the value before began.
    match tab_in_indentation(text, mark.line) {
        Some(tab) if said.contains("tab") => {
            Fault::new(tab, "not valid YAML: a tab in the indentation, write spaces")
        }
        _ => Fault::new(mark, format!("not valid YAML: {said}")),
    }
}

/// Returns the first tab that a line is indented with, from line `first` on.
fn tab_in_indentation(text: &str, first: u32) -> Option<Mark> {
    let numbered = (1..).zip(text.lines()).skip_while(|(line, _)| *line < first);
    numbered.into_iter().find_map(|(line, content)| {
        let indentation = &content[..content.len() - content.trim_start_matches([' ', '\t']).len()];
        let before = indentation.find('\t')?;
        Some(Mark { line, col: u32::try_from(before + 1).unwrap_or(u32::MAX) })
    })
}

fn mark_of(marker: &Marker) -> Mark {
    Mark {
        line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
        col: u32::try_from(marker.col().saturating_add(1)).unwrap_or(u32::MAX),
    }
}

impl Fault {
    fn new(mark: Mark, message: impl Into<String>) -> Self {
        Self { mark, path: String::new(), message: message.into() }
    }
}

/// A collection that is not closed yet.
struct Open {
    mark: Mark,
    anchor: usize,
    tag: Option<Box<str>>,
    weight: u32,
    bytes: u64,
    depth: u32,
    items: Items,
}

enum Items {
    List(Vec<Rc<Node>>),
    Map(OpenMap),
}

#[derive(Default)]
struct OpenMap {
    entries: Vec<Entry>,
    /// Positions of the keys, kept only for mappings too long to look through.
    index: HashMap<Rc<str>, usize>,
    pending: Option<(Rc<str>, Mark, bool)>,
    merges: Vec<Rc<Node>>,
}

/// The most mistakes of form that are told.
const MAX_FAULTS: usize = 1_000;
/// From this many entries on a mapping keeps an index of its keys.
const INDEX_FROM: usize = 16;

impl OpenMap {
    fn position(&self, key: &str) -> Option<usize> {
        if self.entries.len() < INDEX_FROM {
            self.entries.iter().position(|entry| &*entry.key == key)
        } else {
            self.index.get(key).copied()
        }
    }

    fn push(&mut self, entry: Entry) {
        let position = self.entries.len();
        if position + 1 == INDEX_FROM {
            self.index = self.entries.iter().enumerate().map(|(at, e)| (Rc::clone(&e.key), at)).collect();
        }
        if position + 1 >= INDEX_FROM {
            self.index.insert(Rc::clone(&entry.key), position);
        }
        self.entries.push(entry);
    }
}

#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    pending_anchors: HashSet<usize>,
    root: Option<Rc<Node>>,
    faults: Vec<Fault>,
}

impl Composer {
    fn take(&mut self, event: &Event<'_>, mark: Mark) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = Rc::new(scalar(text, *style, tag.as_deref(), mark));
                self.define(*anchor, &node);
                self.place(node, mark)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(*anchor, tag.as_deref(), mark, Items::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.start(*anchor, tag.as_deref(), mark, Items::Map(OpenMap::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => match self.anchors.get(id) {
                Some(node) => {
                    let node = Rc::clone(node);
                    self.place(node, mark)
                }
                None if self.pending_anchors.contains(id) => {
                    Err(Fault::new(mark, "this alias stands inside the value it names"))
                }
                None => Err(Fault::new(mark, "this alias names an anchor that is not defined above")),
            },
            _ => Ok(()),
        }
    }

    fn define(&mut self, anchor: usize, node: &Rc<Node>) {
        if anchor != 0 {
            self.pending_anchors.remove(&anchor);
            self.anchors.insert(anchor, Rc::clone(node));
        }
    }

    fn start(&mut self, anchor: usize, tag: Option<&Tag>, mark: Mark, items: Items) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH as usize {
            return Err(Fault::new(mark, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if anchor != 0 {
            self.pending_anchors.insert(anchor);
        }
        self.open.push(Open { mark, anchor, tag: own_tag(tag), weight: 1, bytes: 0, depth: 1, items });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let mut size = Size { weight: open.weight, bytes: open.bytes, depth: open.depth };
        let kind = match open.items {
            Items::List(list) => Kind::List(list),
            Items::Map(map) => Kind::Map(merge(map, &mut size).map_err(|m| Fault::new(open.mark, m))?),
        };
        let node = Rc::new(Node {
            mark: open.mark,
            tag: open.tag,
            kind,
            weight: size.weight,
            bytes: size.bytes,
            depth: size.depth,
        });
        self.define(open.anchor, &node);
        self.place(node, open.mark)
    }

    /// Returns the key that is being read, such as `monitors[3].headers.x`.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match &open.items {
                Items::List(list) => path.push_str(&format!("[{}]", list.len())),
                Items::Map(map) => {
                    if let Some((key, ..)) = &map.pending {
                        if !path.is_empty() {
                            path.push('.');
                        }
                        path.push_str(&shown(key));
                    }
                }
            }
        }
        path
    }

    fn forget_pending(&mut self) {
        if let Some(Open { items: Items::Map(map), .. }) = self.open.last_mut() {
            map.pending = None;
        }
    }

    /// Puts a finished node where it belongs: as the root, an item, a key or a value.
    fn place(&mut self, node: Rc<Node>, mark: Mark) -> Result<(), Fault> {
        let level = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        if level.saturating_add(node.depth) > MAX_DEPTH + 1 {
            return Err(Fault::new(mark, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(node.weight);
        open.bytes = open.bytes.saturating_add(node.bytes);
        open.depth = open.depth.max(node.depth + 1);
        within_bounds(open.weight, open.bytes).map_err(|message| Fault::new(mark, message))?;
        match &mut open.items {
            Items::List(list) => list.push(node),
            Items::Map(map) => {
                if let Some((key, key_mark, plain)) = map.pending.take() {
                    if plain && &*key == "<<" {
                        map.merges.push(node);
                    } else if let Some(first) = map.position(&key) {
                        let first = map.entries[first].mark;
                        let message =
                            format!("given twice, first at line {} column {}", first.line, first.col);
                        map.pending = Some((key, key_mark, plain));
                        let path = self.path();
                        if self.faults.len() < MAX_FAULTS {
                            self.faults.push(Fault { mark: key_mark, path, message });
                        }
                        self.forget_pending();
                    } else {
                        map.push(Entry { key, mark: key_mark, value: node });
                    }
                } else {
                    let (text, plain) = match &node.kind {
                        Kind::Scalar { text, plain } => (&**text, *plain),
                        Kind::Null => ("", true),
                        Kind::List(_) | Kind::Map(_) => {
                            return Err(Fault::new(mark, "a key must be a single value"));
                        }
                    };
                    map.pending = Some((text.into(), mark, plain));
                }
            }
        }
        Ok(())
    }
}

/// How much a collection is when written out.
struct Size {
    weight: u32,
    bytes: u64,
    depth: u32,
}

fn within_bounds(weight: u32, bytes: u64) -> Result<(), String> {
    if weight > MAX_NODES {
        return Err(format!("more than {MAX_NODES} values once aliases are written out"));
    }
    if bytes > MAX_TEXT_BYTES {
        return Err(format!("more than {} MiB of text once aliases are written out", MAX_TEXT_BYTES >> 20));
    }
    Ok(())
}

/// Adds what `<<` names, where a key is not given already; of several sources the first wins.
fn merge(mut map: OpenMap, size: &mut Size) -> Result<Vec<Entry>, String> {
    const WRONG: &str = "a merge key (<<) takes a mapping or a list of mappings";
    for source in std::mem::take(&mut map.merges) {
        let sources = match &source.kind {
            Kind::Map(_) => std::slice::from_ref(&source),
            Kind::List(list) => list.as_slice(),
            Kind::Null | Kind::Scalar { .. } => return Err(WRONG.to_owned()),
        };
        for source in sources {
            let Kind::Map(entries) = &source.kind else { return Err(WRONG.to_owned()) };
            for entry in entries {
                if map.position(&entry.key).is_none() {
                    size.weight = size.weight.saturating_add(entry.value.weight).saturating_add(1);
                    size.bytes = size.bytes.saturating_add(entry.value.bytes);
                    size.depth = size.depth.max(entry.value.depth + 1);
                    map.push(entry.clone());
                }
            }
            within_bounds(size.weight, size.bytes)?;
        }
    }
    Ok(map.entries)
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Node {
    let plain = style == ScalarStyle::Plain;
    let is = |suffix| tag.is_some_and(|tag| tag.is_yaml_core_schema_tag(suffix));
    let null = is("null") || (plain && tag.is_none() && matches!(text, "" | "~" | "null" | "Null" | "NULL"));
    let kind = if null { Kind::Null } else { Kind::Scalar { text: text.into(), plain: plain && !is("str") } };
    Node { mark, tag: own_tag(tag), kind, weight: 1, bytes: text.len() as u64, depth: 1 }
}

fn own_tag(tag: Option<&Tag>) -> Option<Box<str>> {
    tag.filter(|tag| !tag.is_yaml_core_schema()).map(|tag| tag.original().into())
}

/// Shortens a key for a message.
fn shown(key: &str) -> String {
    key.chars().take(64).flat_map(char::escape_debug).collect()
}
