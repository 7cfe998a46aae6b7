//! Makes the one line that says why.

use std::sync::LazyLock;

use regex::Regex;

/// The most characters of a detail.
pub const MAX_CHARS: usize = 512;

/// What takes the place of a secret.
const MASK: &str = "***";

/// Shapes of keys and tokens, each a group around what is masked: keys by their well-known beginnings, JSON web
/// tokens, whatever follows `Bearer`, and values of parameters and members that are named like keys.
static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    let shapes = [
        r"\b(?:sk|pk|rk|ak)[-_][A-Za-z0-9*._-]{6,}",
        r"\bAIza[A-Za-z0-9_-]{10,}",
        r"\b(?:gsk|xai|hf|glpat|github_pat|gh[opsru]|nvapi|pplx|r8|fw|tgp_v1)[-_][A-Za-z0-9_-]{10,}",
        r"\bAKIA[A-Z0-9]{12,}",
        r"\bya29\.[A-Za-z0-9_.-]{10,}",
        r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?",
    ];
    compiled(&shapes.join("|"))
});

/// `Bearer …` and `Basic …`: the scheme stays.
static SCHEMES: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"(?i)\b(bearer|basic)(?:\s+|%20|\+)[^\s"',;<>]{4,}"#));

/// `api_key=…`, `"x-api-key": "…"` and the like: the name stays.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"(?i)\b((?:x-)?(?:goog-)?api[-_]?key|access[-_]?token|auth[-_]?token|secret|password)(["']?\s*[:=]\s*["']?)[^\s"',;&<>]{4,}"#,
    )
});

/// Addresses: the query and the userinfo go.
static QUERIES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r#"(?i)\b((?:https?|wss?|socks5h?)://)(?:[^\s/?#"'<>@]*@)?([^\s?#"'<>]*)[?#][^\s"'<>]*"#)
});

static USERINFO: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"(?i)\b((?:https?|wss?|socks5h?)://)[^\s/?#"'<>@]*@"#));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns are constants, and a test uses them all")
}

/// Makes a detail of `text`: one line, at most [`MAX_CHARS`] characters, addresses without query and userinfo, and
/// nothing in it that is `key` or looks like a key or token.
#[must_use]
pub fn detail(text: &str, key: Option<&str>) -> String {
    // What comes out is at most 512 characters: more than this need not be looked at, and a key that is cut in half
    // here lies far behind the end of what is kept.
    let start = truncated(text, 8 * MAX_CHARS);
    let masked = mask(start, key);
    let mut line = String::with_capacity(masked.len().min(MAX_CHARS));
    let mut kept = 0;
    for word in masked.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if kept > 0 {
            line.push(' ');
            kept += 1;
        }
        for c in word.chars() {
            if kept >= MAX_CHARS - 1 {
                line.push('…');
                return line;
            }
            line.push(c);
            kept += 1;
        }
    }
    line
}

/// Replaces `key`, everything that looks like a key or token, and the query and userinfo of addresses.
#[must_use]
pub fn mask(text: &str, key: Option<&str>) -> String {
    let mut masked = text.to_owned();
    for form in key.into_iter().flat_map(forms_of) {
        masked = masked.replace(&form, MASK);
    }
    let masked = QUERIES.replace_all(&masked, "$1$2");
    let masked = USERINFO.replace_all(&masked, "$1");
    let masked = SCHEMES.replace_all(&masked, format!("$1 {MASK}"));
    let masked = NAMED.replace_all(&masked, format!("$1$2{MASK}"));
    SECRETS.replace_all(&masked, MASK).into_owned()
}

/// The spellings in which an upstream may repeat a key: as it is, percent-encoded, escaped for JSON.
fn forms_of(key: &str) -> Vec<String> {
    if key.trim().is_empty() {
        return Vec::new();
    }
    let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let escaped = serde_json::to_string(key).unwrap_or_default();
    let mut forms = vec![key.to_owned(), encoded, escaped.trim_matches('"').to_owned()];
    // The longest first, so that no form leaves the rest of a longer one behind.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
}

fn truncated(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
