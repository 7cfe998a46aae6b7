//! Makes the one line that says why.

mod credentials;
mod own_secret;

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

pub(crate) use credentials::secrets_of;

/// The most characters of a detail.
pub const MAX_CHARS: usize = 512;

/// How much of a text is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// How much of a text the key is looked for in: what is looked at afterwards, and the keys that have left it.
const SEARCHED: usize = 4 * LOOKED_AT;

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
/// nothing in it that is one of `secrets` or looks like a key or token.
#[must_use]
pub fn detail(text: &str, secrets: &[&str]) -> String {
    // The own secrets go first, in every spelling. Of what is left only the start is looked at, up to a whole word, so that
    // no half of a token stands at its end.
    let without_own = replace_own(text, secrets, SEARCHED);
    let masked = mask_shapes(start_of(&without_own));
    let words = masked.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::with_capacity(masked.len());
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(MAX_CHARS - 1)
        && line[end..].chars().nth(1).is_some()
    {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Replaces `secrets`, everything that looks like a key or token, and the query and userinfo of addresses.
#[must_use]
pub fn mask(text: &str, secrets: &[&str]) -> String {
    mask_shapes(&replace_own(text, secrets, usize::MAX))
}

fn replace_own<'a>(text: &'a str, secrets: &[&str], limit: usize) -> Cow<'a, str> {
    secrets.iter().fold(Cow::Borrowed(text), |text, secret| match own_secret::replace(&text, secret, limit) {
        Cow::Borrowed(_) => text,
        Cow::Owned(masked) => Cow::Owned(masked),
    })
}

fn mask_shapes(text: &str) -> String {
    let masked = QUERIES.replace_all(text, "$1$2");
    let masked = USERINFO.replace_all(&masked, "$1");
    let masked = SCHEMES.replace_all(&masked, format!("$1 {MASK}"));
    let masked = NAMED.replace_all(&masked, format!("$1$2{MASK}"));
    SECRETS.replace_all(&masked, MASK).into_owned()
}

/// Returns the first 16 KiB, without a word that goes on behind them, but at least the half of it.
fn start_of(text: &str) -> &str {
    let start = &text[..text.floor_char_boundary(LOOKED_AT)];
    if start.len() == text.len() {
        return text;
    }
    let end = start.rfind(char::is_whitespace).unwrap_or_default().max(LOOKED_AT / 2);
    &start[..start.floor_char_boundary(end)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_tokens_and_queries_disappear() {
        for (text, expected) in [
            ("nothing to hide: skip-level task-list risk", "nothing to hide: skip-level task-list risk"),
            ("Incorrect API key provided: sk-abc***xyz9.", "Incorrect API key provided: ***"),
            ("key sk-proj-a1b2c3d4 and sk-ant-api03-zzzzzz!", "key *** and ***!"),
            ("AIzaSyD-abcdefghij", "***"),
            ("jwt eyJhbGciOiJI.eyJzdWIi.sig_na-ture end", "jwt *** end"),
            ("Authorization: Bearer abcd1234 was refused", "Authorization: Bearer *** was refused"),
            ("authorization: basic dXNlcjpwdw==", "authorization: basic ***"),
            (r#"{"api_key": "abcdef"}"#, r#"{"api_key": "***"}"#),
            ("GET https://user:pw@x.example/a?key=1#f, and more", "GET https://x.example/a and more"),
            ("see http://x.example/a?b", "see http://x.example/a"),
            ("at https://u@x.example/a", "at https://x.example/a"),
            ("token gsk_abcdefghijklmn and ghp_abcdefghijklmn", "token *** and ***"),
        ] {
            assert_eq!(mask(text, &[]), expected, "{text}");
        }
        assert_eq!(mask("my own pass word here", &["pass word"]), "my own *** here");
        assert_eq!(mask("short", &[""]), "short");
    }

    #[test]
    fn a_detail_is_one_short_line() {
        assert_eq!(detail("  one\r\n two\tthree\u{7}\n", &[]), "one two three");
        let long = detail(&"ä ".repeat(10_000), &[]);
        assert_eq!(long.chars().count(), MAX_CHARS);
        assert!(long.ends_with('…'));
    }

    proptest! {
        #[test]
        fn an_own_secret_never_survives(
            before in ".{0,600}", after in ".{0,80}", key in "[!-~]{6,40}",
        ) {
            let shown = detail(&format!("{before}{key}{after}"), &[&key]);
            prop_assert!(shown.chars().count() <= MAX_CHARS);
            let is_elsewhere = before.contains(&key) || after.contains(&key) || MASK.contains(&key);
            prop_assert!(is_elsewhere || !shown.contains(&key), "{}", shown);
        }
    }
}
