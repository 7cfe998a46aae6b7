//! Children take over what their parent says.

use std::collections::HashMap;

use crate::{
    reader::{Field, Located, Reader},
    schema::{
        monitors::Monitor,
        values::{List, Text, TextMap},
    },
    spending::size_of,
    yaml::Mark,
};

/// A monitor with everything it inherits.
#[derive(Debug)]
pub(crate) struct Member<'t> {
    /// Its position in the file.
    pub(crate) index: usize,
    /// Where it starts.
    pub(crate) mark: Mark,
    /// What it says itself.
    pub(crate) own: &'t Monitor,
    /// What holds for it.
    pub(crate) whole: Monitor,
    /// The position of its parent among the members.
    pub(crate) parent: Option<usize>,
    /// Whether its parent could not be found: what it lacks is not worth telling then.
    pub(crate) orphan: bool,
}

impl Member<'_> {
    /// Returns provider, service and channel, trimmed.
    pub(crate) fn psc(&self) -> (&str, &str, &str) {
        (text(&self.whole.provider), text(&self.whole.service), text(&self.whole.channel))
    }
}

/// Returns the trimmed text of a setting, empty when it is not set.
pub(crate) fn text(field: &Field<Text>) -> &str {
    field.as_ref().map_or("", |located| located.value.0.trim())
}

/// Returns a setting's text unless nothing is left of it.
pub(crate) fn given(field: &Field<Text>) -> Option<&Located<Text>> {
    field.as_ref().filter(|located| !located.value.0.trim().is_empty())
}

/// Applies inheritance to all monitors; what is wrong with parents and keys is reported.
pub(crate) fn inherit<'t>(monitors: &'t List<Monitor>, reader: &mut Reader<'_>) -> Vec<Member<'t>> {
    let mut members: Vec<Member<'t>> = monitors
        .iter()
        .map(|(index, located)| Member {
            index,
            mark: located.mark,
            own: &located.value,
            whole: located.value.clone(),
            parent: None,
            orphan: false,
        })
        .collect();
    let roots = roots(&members);
    let above: Vec<&Monitor> = monitors.iter().map(|(_, located)| &located.value).collect();
    let mut sizes = HashMap::new();
    for at in 0..members.len() {
        let Some(path) = given(&members[at].own.parent) else { continue };
        if reader.spending.is_spent() {
            break;
        }
        let found = reader.within_item(members[at].index, |reader| {
            reader.within("parent", |reader| find_parent(path, &members, &roots, at, reader))
        });
        let named = path_parts(&path.value.0);
        let (index, own) = (members[at].index, members[at].own);
        reader.within_item(index, |reader| same_as_parent(own, &named, reader));
        let member = &mut members[at];
        let mark = path.mark;
        for (field, part) in [
            (&mut member.whole.provider, named.0),
            (&mut member.whole.service, named.1),
            (&mut member.whole.channel, named.2),
        ] {
            *field = Some(Located { value: Text(part), mark });
        }
        match found {
            Some(parent) => {
                member.parent = Some(parent);
                let size = *sizes.entry(parent).or_insert_with(|| size_of(above[parent]));
                match reader.spending.take(size) {
                    Ok(()) => take_over(&mut member.whole, above[parent]),
                    Err(message) => {
                        member.orphan = true;
                        reader.error(Mark::default(), message);
                    }
                }
            }
            None => member.orphan = true,
        }
    }
    unique(&members, reader);
    members
}

/// Splits `provider/service/channel`; the channel may be missing.
fn path_parts(path: &str) -> (String, String, String) {
    let mut parts = path.trim().splitn(3, '/').map(|part| part.trim().to_owned());
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

/// Entries without parent, by provider, service and channel.
fn roots(members: &[Member<'_>]) -> HashMap<(String, String, String), Vec<usize>> {
    let mut roots: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, member) in members.iter().enumerate().filter(|(_, member)| given(&member.own.parent).is_none()) {
        let (provider, service, channel) = member.psc();
        roots.entry((provider.to_owned(), service.to_owned(), channel.to_owned())).or_default().push(at);
    }
    roots
}

/// After this many errors a missing parent is no longer explained.
const MAX_EXPLAINED: usize = 20;
const NO_PARENT: &str = "no entry without parent has this provider, service and channel";

fn find_parent(
    path: &Located<Text>,
    members: &[Member<'_>],
    roots: &HashMap<(String, String, String), Vec<usize>>,
    at: usize,
    reader: &mut Reader<'_>,
) -> Option<usize> {
    let named = path_parts(&path.value.0);
    if named.0.is_empty() || named.1.is_empty() {
        reader.error(path.mark, "must be provider/service/channel of the parent entry");
        return None;
    }
    match roots.get(&named).map(Vec::as_slice) {
        Some([parent]) => {
            if given(&members[*parent].own.model).is_none() {
                let line = members[*parent].mark.line;
                reader.error(path.mark, format!("the parent at line {line} must have a model"));
            }
            Some(*parent)
        }
        Some([first, second, ..]) => {
            let (first, second) = (members[*first].mark.line, members[*second].mark.line);
            reader.error(
                path.mark,
                format!("the parent is defined more than once, at line {first} and line {second}"),
            );
            None
        }
        _ => {
            // A file with this many mistakes is told the plain truth only: looking for reasons takes long.
            if reader.count_errors() > MAX_EXPLAINED {
                reader.error(path.mark, NO_PARENT);
                return None;
            }
            // What an entry says of its own place goes before what its parent would give it.
            let is_named = |member: &Member<'_>| {
                let inherited =
                    given(&member.own.parent).map(|path| path_parts(&path.value.0)).unwrap_or_default();
                let part = |own, above: &str, part: &str| given(own).map_or(above, |_| text(own)) == part;
                part(&member.own.provider, &inherited.0, &named.0)
                    && part(&member.own.service, &inherited.1, &named.1)
                    && part(&member.own.channel, &inherited.2, &named.2)
            };
            let claims = |member: &Member<'_>| given(&member.own.provider).is_some() && is_named(member);
            let message = if claims(&members[at]) {
                "a monitor cannot be its own parent; no entry without parent has this provider, service and channel"
                    .to_owned()
            } else if let Some((_, child)) =
                members.iter().enumerate().find(|(i, member)| *i != at && is_named(member))
            {
                format!("the entry at line {} is a child itself and cannot be a parent", child.mark.line)
            } else {
                NO_PARENT.to_owned()
            };
            reader.error(path.mark, message);
            None
        }
    }
}

fn same_as_parent(own: &Monitor, named: &(String, String, String), reader: &mut Reader<'_>) {
    for (key, field, part) in [
        ("provider", &own.provider, &named.0),
        ("service", &own.service, &named.1),
        ("channel", &own.channel, &named.2),
    ] {
        if let Some(located) = given(field)
            && located.value.0.trim() != part
        {
            reader.within(key, |reader| {
                reader.error(located.mark, "differs from the one in parent; leave it out")
            });
        }
    }
}

/// Takes over each setting that the child does not give.
fn take_over(child: &mut Monitor, parent: &Monitor) {
    macro_rules! each {
        ($($field:ident),* $(,)?) => { $( if child.$field.is_none() { child.$field.clone_from(&parent.$field); } )* };
    }
    if child.board() == parent.board() || child.board.is_none() {
        each!(cold_reason);
    }
    for (flag, reason, parent_flag, parent_reason) in [
        (&mut child.hidden, &mut child.hidden_reason, &parent.hidden, &parent.hidden_reason),
        (&mut child.disabled, &mut child.disabled_reason, &parent.disabled, &parent.disabled_reason),
    ] {
        if parent_flag.as_ref().is_some_and(|located| located.value) {
            flag.clone_from(parent_flag);
            if given(reason).is_none() {
                reason.clone_from(parent_reason);
            }
        }
    }
    child.headers = match (child.headers.take(), &parent.headers) {
        (Some(own), Some(inherited)) => {
            Some(Located { mark: own.mark, value: merged(own.value, &inherited.value) })
        }
        (own, inherited) => own.or_else(|| inherited.clone()),
    };
    each!(
        category,
        sponsor,
        url,
        method,
        body,
        success_contains,
        expect,
        connection,
        proxy,
        max_response_bytes,
        private_networks,
        interval,
        slow_latency,
        timeout,
        provider_name,
        service_name,
        channel_name,
        provider_slug,
        provider_url,
        sponsor_url,
        sponsor_level,
        price_min,
        price_max,
        listed_since,
        board,
        badges,
    );
}

/// The parent's headers with the child's in their place or behind them; names compare without regard to case.
fn merged(own: TextMap, inherited: &TextMap) -> TextMap {
    let mut own = own.0;
    let mut all = Vec::with_capacity(own.len() + inherited.0.len());
    for header in &inherited.0 {
        match own.iter().position(|(name, _)| name.value.trim().eq_ignore_ascii_case(header.0.value.trim())) {
            Some(at) => all.push(own.remove(at)),
            None => all.push(header.clone()),
        }
    }
    all.extend(own);
    TextMap(all)
}

/// Reports keys that are there twice, and groups with two first layers.
fn unique(members: &[Member<'_>], reader: &mut Reader<'_>) {
    let mut keys: HashMap<(&str, &str, &str, &str), Mark> = HashMap::new();
    let mut groups: HashMap<(&str, &str, &str), Mark> = HashMap::new();
    for member in members {
        let (provider, service, channel) = member.psc();
        if provider.is_empty() || service.is_empty() {
            continue;
        }
        let key = (provider, service, channel, text(&member.own.model));
        let at = member.mark;
        let is_root = given(&member.own.parent).is_none();
        let first_root = if is_root { groups.insert(key_group(key), at) } else { None };
        let message = if let Some(first) = keys.insert(key, at) {
            keys.insert(key, first);
            format!("the same provider, service, channel and model as the monitor at line {}", first.line)
        } else if let Some(first) = first_root {
            groups.insert(key_group(key), first);
            let path = [provider, service, channel].join("/");
            let path: String =
                path.trim_end_matches('/').chars().take(200).flat_map(char::escape_debug).collect();
            format!(
                "the monitors at line {} and line {} both lead this provider, service and channel; \
                 give one of them parent: {path}",
                first.line, at.line
            )
        } else {
            continue;
        };
        reader.within_item(member.index, |reader| reader.error(at, message));
    }
}

fn key_group<'k>(key: (&'k str, &'k str, &'k str, &'k str)) -> (&'k str, &'k str, &'k str) {
    (key.0, key.1, key.2)
}
