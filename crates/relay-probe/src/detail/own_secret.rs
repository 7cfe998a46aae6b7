//! Finds a secret of the probe's own in a text, however an upstream spells it.

use std::borrow::Cow;

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};

use super::MASK;

/// Keys shorter than this are masked only as they are, so that ordinary words survive.
const SPELLED: usize = 6;

/// The shortest piece of base64 that is taken for a part of the key.
const BASE64: usize = 8;

/// How much of a key's beginning is replaced at least where its rest is missing: an answer is cut at the bound on bodies,
/// and upstreams repeat keys in part. It is always at least the half of the key.
const BEGINNING: usize = 8;

/// How much white space may stand between two bytes of a key that a page or a log has wrapped.
const GAP: usize = 3;

/// Replaces `key` in `text`: as it is, percent-encoded once or twice, escaped for JSON or HTML, in either case,
/// wrapped, in hexadecimal digits, or inside base64, as Basic credentials have it. Only spellings that begin in the first `limit` bytes are
/// looked for, and what follows those is dropped.
pub(super) fn replace<'a>(text: &'a str, key: &str, limit: usize) -> Cow<'a, str> {
    let key = key.trim();
    if key.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = Cow::Borrowed(text);
    for form in forms(key) {
        if masked.contains(&form) {
            masked = Cow::Owned(masked.replace(&form, MASK));
        }
    }
    if key.len() < SPELLED {
        return masked;
    }
    match replace_spelled(masked.as_bytes(), key.as_bytes(), limit) {
        Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        None => masked,
    }
}

/// The spellings that are replaced as a whole, the longest first, so that none leaves the rest of another behind.
fn forms(key: &str) -> Vec<String> {
    let mut forms = vec![key.to_owned()];
    // Non-ASCII letters have more spellings than bytes.
    let escaped = serde_json::to_string(key).unwrap_or_default();
    forms.push(escaped.trim_matches('"').to_owned());
    if key.len() >= SPELLED {
        let digits: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
        forms.extend([digits.to_ascii_uppercase(), digits]);
        for alphabet in [&alphabet::STANDARD, &alphabet::URL_SAFE] {
            let engine = GeneralPurpose::new(alphabet, NO_PAD);
            forms
                .extend((0..3).map(|shift| inside_base64(&engine, key, shift)).filter(|f| f.len() >= BASE64));
        }
    }
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
}

/// Returns the characters of base64 that depend on nothing but the key when it begins `shift` bytes after the start of
/// a group of three.
fn inside_base64(engine: &GeneralPurpose, key: &str, shift: usize) -> String {
    let shifted = [&vec![0; shift], key.as_bytes()].concat();
    let encoded = engine.encode(&shifted);
    // A character holds six bits: those that share bits with what is before or after the key do not count.
    let from = (shift * 8).div_ceil(6);
    let to = shifted.len() * 8 / 6;
    encoded.get(from..to).unwrap_or_default().to_owned()
}

fn replace_spelled(text: &[u8], key: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut done = 0;
    let mut at = 0;
    while at < text.len().min(limit) {
        match spelled(&text[at..], key) {
            Some(length) => {
                let out = out.get_or_insert_default();
                out.extend_from_slice(&text[done..at]);
                out.extend_from_slice(MASK.as_bytes());
                at += length;
                done = at;
            }
            None => at += 1,
        }
    }
    let end = text.len().min(limit.max(done));
    if out.is_none() && end == text.len() {
        return None;
    }
    let mut out = out.unwrap_or_default();
    out.extend_from_slice(&text[done..end]);
    Some(out)
}

/// Returns how many bytes at the start of `text` spell the key, or enough of its beginning.
fn spelled(text: &[u8], key: &[u8]) -> Option<usize> {
    let mut at = 0;
    for (place, byte) in key.iter().enumerate() {
        match after_gap(&text[at..], *byte, place > 0) {
            Some(length) => at += length,
            None => return (place >= BEGINNING.max(key.len().div_ceil(2))).then_some(at),
        }
    }
    Some(at)
}

/// Returns how many bytes at the start of `text` spell one byte, after white space when there may be some.
fn after_gap(text: &[u8], byte: u8, may_gap: bool) -> Option<usize> {
    let (mut at, mut gaps) = (0, 0);
    loop {
        // A space of the key itself may stand in the gap.
        if let Some(length) = unit(&text[at..], byte) {
            return Some(at + length);
        }
        at += space(&text[at..]).filter(|_| may_gap && gaps < GAP)?;
        gaps += 1;
    }
}

/// Returns how many bytes at the start of `text` spell one byte. An escape is tried first: `&amp;` is more than `&`.
fn unit(text: &[u8], byte: u8) -> Option<usize> {
    let first = *text.first()?;
    escaped(text, first, byte).or_else(|| first.eq_ignore_ascii_case(&byte).then_some(1))
}

fn escaped(text: &[u8], first: u8, byte: u8) -> Option<usize> {
    let is_hex = |from: usize| hex(text.get(from..from + 2)?).filter(|found| *found == byte);
    match first {
        b'+' => (byte == b' ').then_some(1),
        b'%' if text.starts_with(b"%25") && is_hex(3).is_some() => Some(5),
        b'%' => is_hex(1).map(|_| 3),
        b'\\' => {
            // JSON within JSON escapes its backslashes again.
            let run = text.iter().take_while(|b| **b == b'\\').count();
            match &text[run..] {
                [b'u', b'0', b'0', ..] => is_hex(run + 3).map(|_| run + 5),
                [b'x', ..] if is_hex(run + 1).is_some() => Some(run + 3),
                rest => (rest.first() == Some(&byte)).then_some(run + 1),
            }
        }
        b'&' => {
            let end = text.iter().take(8).position(|b| *b == b';')?;
            (entity(&text[1..end])? == byte).then_some(end + 1)
        }
        _ => None,
    }
}

/// Returns how many bytes at the start of `text` spell white space, or what is not seen.
fn space(text: &[u8]) -> Option<usize> {
    let first = *text.first()?;
    match text.get(1) {
        _ if first.is_ascii_whitespace() => Some(1),
        // Characters without width that break words: U+200B to U+200D and U+FEFF.
        _ if ["\u{200b}", "\u{200c}", "\u{200d}", "\u{feff}"]
            .iter()
            .any(|c| text.starts_with(c.as_bytes())) =>
        {
            Some(3)
        }
        Some(b'n' | b'r' | b't') if first == b'\\' => Some(2),
        _ => b" \t\r\n".iter().find_map(|byte| escaped(text, first, *byte)),
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Reads the name of an HTML entity that stands for one byte of ASCII.
fn entity(name: &[u8]) -> Option<u8> {
    match name {
        b"amp" => Some(b'&'),
        b"lt" => Some(b'<'),
        b"gt" => Some(b'>'),
        b"quot" => Some(b'"'),
        b"apos" => Some(b'\''),
        [b'#', b'x' | b'X', digits @ ..] => hex(digits),
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn masked(text: &str, key: &str) -> String {
        replace(text, key, usize::MAX).into_owned()
    }

    #[test]
    fn every_spelling_disappears() {
        let key = "Ab/c d+e\"f&g<7";
        for spelling in [
            "Ab/c d+e\"f&g<7",
            "AB/C D+E\"F&G<7",
            "Ab%2Fc+d%2Be%22f%26g%3C7",
            "Ab%2fc%20d%2be%22f%26g%3c7",
            "%41%62%2F%63%20%64%2B%65%22%66%26%67%3C%37",
            "Ab%252Fc%2520d%252Be%2522f%2526g%253C7",
            r#"Ab\/c d+e\"f&g<7"#,
            r"Ab\u002fc\u0020d\u002Be\u0022f\u0026g\u003c7",
            r"Ab\x2fc\x20d\x2be\x22f\x26g\x3c7",
            "Ab/c d+e&quot;f&amp;g&lt;7",
            "Ab&#x2F;c&#32;d&#43;e&#34;f&#38;g&#60;7",
            "Ab/c\n d+e\"\r\n f&g<7",
            "Ab/c%0A d+e\"%20\\n\\tf&g<7",
            r#"Ab\\\/c d+e\\\"f&g<7"#,
            r"Ab\\u002fc d+e\\x22f&g<7",
            "Ab/c d\u{200b}+e\"f\u{feff}&g<7",
            "41622f6320642b65226626673c37",
            "41622F6320642B65226626673C37",
            "Ab/c d+e\"f&g",
        ] {
            assert_eq!(masked(&format!("it is {spelling}."), key), "it is ***.", "{spelling}");
        }
        assert_eq!(masked("Ab/c is another one", key), "Ab/c is another one");
        assert_eq!(masked("Ab/c d is another one", key), "Ab/c d is another one", "less than its half");
        assert_eq!(masked("nothing", " "), "nothing");
        assert_eq!(masked("a b %61", "a"), "*** b %61", "a short key is no spelling");
    }

    #[test]
    fn base64_gives_nothing_away_wherever_the_key_stands() {
        let key = "sk-hidden-1234567890";
        for user in ["", "u:", "us:", "user:"] {
            for after in ["", "!", "!!"] {
                let plain = format!("{user}{key}{after}");
                for encoded in [BASE64_STANDARD.encode(&plain), BASE64_URL_SAFE_NO_PAD.encode(&plain)] {
                    let shown = masked(&encoded, key);
                    assert!(shown.contains("***") && shown.len() < 16, "{plain}: {shown}");
                }
            }
        }
    }

    #[test]
    fn what_begins_before_the_limit_is_found_whole_and_nothing_follows_it() {
        let key = "sk-hidden-1234567890";
        let text = format!("{} %73k-hidden-1234567890 rest", "x".repeat(100));
        assert_eq!(replace(&text, key, 105), format!("{} ***", "x".repeat(100)));
        assert_eq!(replace(&text, key, 50), "x".repeat(50));
        assert_eq!(replace("ä%", "ä€ä€ä€", usize::MAX), "ä%");
    }
}
