//! Which monitors a command line means.

use std::{collections::BTreeSet, fmt, sync::Arc};

use regex::Regex;
use relay_core::{Monitor, MonitorKey};

/// How many names are offered, or listed, before the rest is only counted.
const NAMES: usize = 3;

/// How alike two names must be for one to be offered instead of the other, 0–1.
const ALIKE: f64 = 0.75;

/// What to probe.
#[derive(Debug, PartialEq)]
pub(crate) struct Selection {
    /// The monitors to probe, in configuration order.
    pub(crate) chosen: Vec<Arc<Monitor>>,
    /// Those that were meant, but that nobody probes unless they are named exactly.
    pub(crate) skipped: Vec<MonitorKey>,
}

/// A glob that means no monitor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unmatched {
    glob: String,
    /// The names most like it, best first.
    alike: Vec<String>,
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no monitor matches {:?}", self.glob)?;
        if !self.alike.is_empty() {
            write!(f, "; did you mean {}?", self.alike.join(" or "))?;
        }
        Ok(())
    }
}

/// Chooses the monitors that any of `globs` means; no globs mean all.
///
/// # Errors
/// The globs that mean none, with the names most like them.
pub(crate) fn select(monitors: &[Arc<Monitor>], globs: &[String]) -> Result<Selection, Vec<Unmatched>> {
    let globs: Vec<KeyGlob> = globs.iter().map(|glob| KeyGlob::new(glob)).collect();
    let lost: Vec<Unmatched> = globs
        .iter()
        .filter(|glob| !monitors.iter().any(|monitor| glob.matches(&monitor.key)))
        .map(|glob| Unmatched { glob: glob.text.clone(), alike: alike(glob, monitors) })
        .collect();
    if !lost.is_empty() {
        return Err(lost);
    }
    let mut selection = Selection { chosen: Vec::new(), skipped: Vec::new() };
    for monitor in monitors {
        if !globs.is_empty() && !globs.iter().any(|glob| glob.matches(&monitor.key)) {
            continue;
        }
        if monitor.is_active() || globs.iter().any(|glob| glob.names(&monitor.key)) {
            selection.chosen.push(monitor.clone());
        } else {
            selection.skipped.push(monitor.key.clone());
        }
    }
    Ok(selection)
}

/// Says who was skipped and what to do about it; `None` when nobody was.
pub(crate) fn tell_skipped(skipped: &[MonitorKey]) -> Option<String> {
    let names: Vec<String> = skipped.iter().take(NAMES).map(ToString::to_string).collect();
    let names = names.join(", ");
    let more = skipped.len().saturating_sub(NAMES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!skipped.is_empty()).then(|| {
        format!("skipped, being disabled or on the cold board: {names}{more}; a full key probes one")
    })
}

/// A pattern of keys, whatever the case: `*` is anything, also across parts, and `?` one character. Without a slash it
/// is about the provider; with one it is about the key from its beginning, and may stop before its end.
#[derive(Debug)]
struct KeyGlob {
    text: String,
    /// `None` when it is too long to be anybody's key.
    pattern: Option<Regex>,
}

impl KeyGlob {
    fn new(text: &str) -> Self {
        let mut source = String::from("(?is)^");
        let mut rest = text;
        while let Some(at) = rest.find(['*', '?']) {
            source += &regex::escape(&rest[..at]);
            source += if rest[at..].starts_with('*') { ".*" } else { "." };
            rest = &rest[at + 1..];
        }
        source += &regex::escape(rest);
        source += if text.contains('/') { "(/.*)?$" } else { "$" };
        Self { text: text.to_owned(), pattern: Regex::new(&source).ok() }
    }

    fn matches(&self, key: &MonitorKey) -> bool {
        let Some(pattern) = &self.pattern else { return false };
        if !self.text.contains('/') {
            return pattern.is_match(key.provider());
        }
        pattern.is_match(&key.to_string()) || pattern.is_match(&all_parts(key))
    }

    /// Tells whether it is the whole key and nothing else.
    fn names(&self, key: &MonitorKey) -> bool {
        let text = self.text.to_lowercase();
        text == key.to_string().to_lowercase() || text == all_parts(key).to_lowercase()
    }
}

/// Returns the four parts, empty ones included, so that a pattern of four parts fits every key.
fn all_parts(key: &MonitorKey) -> String {
    format!("{}/{}/{}/{}", key.provider(), key.service(), key.channel(), key.model())
}

fn alike(glob: &KeyGlob, monitors: &[Arc<Monitor>]) -> Vec<String> {
    let wanted = glob.text.to_lowercase();
    let names: BTreeSet<String> = monitors
        .iter()
        .map(|monitor| {
            let key = &monitor.key;
            if wanted.contains('/') { key.to_string() } else { key.provider().to_owned() }
        })
        .collect();
    let mut scored: Vec<(f64, String)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    // Stable, so that equals stay in the order of their names.
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(NAMES).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, matching: &[&str]) {
        let keys = [
            MonitorKey::from_parts("Acme", "chat", "vip", "gpt-5"),
            MonitorKey::from_parts("Acme", "chat", "", "gpt-5"),
            MonitorKey::from_parts("acme-two", "cc", "", ""),
            MonitorKey::from_parts("中转站", "cc", "主", ""),
        ];
        let glob = KeyGlob::new(glob);
        let found: Vec<String> =
            keys.iter().filter(|key| glob.matches(key)).map(ToString::to_string).collect();
        assert_eq!(found, matching, "{}", glob.text);
    }

    #[test]
    fn a_glob_without_a_slash_is_about_the_provider() {
        check("acme", &["Acme/chat/vip/gpt-5", "Acme/chat//gpt-5"]);
        check("ACME*", &["Acme/chat/vip/gpt-5", "Acme/chat//gpt-5", "acme-two/cc"]);
        check("chat", &[]);
        check("中?站", &["中转站/cc/主"]);
        check("*", &["Acme/chat/vip/gpt-5", "Acme/chat//gpt-5", "acme-two/cc", "中转站/cc/主"]);
    }

    #[test]
    fn a_glob_with_a_slash_is_about_the_key_and_may_stop_early() {
        check("acme/chat", &["Acme/chat/vip/gpt-5", "Acme/chat//gpt-5"]);
        check("*/gpt-5", &["Acme/chat/vip/gpt-5", "Acme/chat//gpt-5"]);
        check("acme/chat//*", &["Acme/chat//gpt-5"]);
        check("*/cc/*/*", &["acme-two/cc", "中转站/cc/主"]);
        check("acme/ch", &[]);
        check("acme.two/cc", &[]);
    }

    #[test]
    fn only_a_whole_key_names_a_monitor() {
        let key = MonitorKey::from_parts("Acme", "cc", "", "");
        for (glob, names) in
            [("acme/cc", true), ("acme/cc//", true), ("acme", false), ("acme/*", false), ("acme/cc/", false)]
        {
            assert_eq!(KeyGlob::new(glob).names(&key), names, "{glob}");
        }
    }

    #[test]
    fn the_skipped_are_listed_up_to_a_few() {
        let key = |name: &str| MonitorKey::from_parts(name, "cc", "", "");
        assert_eq!(tell_skipped(&[]), None);
        let said = tell_skipped(&["a", "b", "c", "d", "e"].map(key)).expect("some");
        assert!(said.contains("a/cc, b/cc, c/cc and 2 more;"), "{said}");
    }
}
