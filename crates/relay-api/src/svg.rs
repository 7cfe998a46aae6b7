//! Drawing a badge: two boxes with a word in each.

/// The colour of a badge's right half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Green,
    Yellow,
    Red,
    Grey,
}

impl Colour {
    const fn hex(self) -> &'static str {
        match self {
            Self::Green => "#2e9e4f",
            Self::Yellow => "#b58105",
            Self::Red => "#c93c37",
            Self::Grey => "#6e7681",
        }
    }
}

/// Longest text of one half, in characters; the rest is cut.
const MAX_CHARS: usize = 60;
/// Space around a text, pixels.
const PADDING: usize = 6;

/// Draws a badge of 20 pixels height.
pub(crate) fn badge(label: &str, value: &str, colour: Colour) -> String {
    let (label, value) = (cut(label), cut(value));
    let (left, right) = (width(&label) + 2 * PADDING, width(&value) + 2 * PADDING);
    let (label, value) = (escape(&label), escape(&value));
    let (total, fill) = (left + right, colour.hex());
    let (label_at, value_at) = (left / 2, left + right / 2);
    let font = "Verdana,DejaVu Sans,Geneva,sans-serif";
    format!(
        concat!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" "##,
            r##"aria-label="{label}: {value}"><title>{label}: {value}</title>"##,
            r##"<clipPath id="r"><rect width="{total}" height="20" rx="3" fill="#fff"/></clipPath>"##,
            r##"<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#444c56"/>"##,
            r##"<rect x="{left}" width="{right}" height="20" fill="{fill}"/></g>"##,
            r##"<g fill="#fff" text-anchor="middle" font-family="{font}" font-size="11">"##,
            r##"<text x="{label_at}" y="14">{label}</text><text x="{value_at}" y="14">{value}</text></g></svg>"##,
            "\n"
        ),
        total = total,
        left = left,
        right = right,
        fill = fill,
        font = font,
        label = label,
        value = value,
        label_at = label_at,
        value_at = value_at,
    )
}

/// Replaces what means something in XML text and attributes, and drops what XML cannot hold.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML 1.0 has no place for these, escaped or not.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_CHARS).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// Estimates the pixels of a text at 11 pixels Verdana: wide for ideographs, narrow for thin letters.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | '!' => 4,
            'f' | 't' | 'r' | ' ' | '(' | ')' | '-' | '/' => 5,
            'm' | 'w' | 'M' | 'W' | '%' | '@' => 11,
            c if c.is_ascii_uppercase() => 8,
            c if c.is_ascii() => 7,
            _ => 11,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_cut() {
        let svg = badge("<script>&\"'\u{1b}", &"x".repeat(500), Colour::Red);
        assert!(svg.contains("&lt;script&gt;&amp;&quot;&#39;"), "{svg}");
        assert!(!svg.contains('\u{1b}'));
        assert!(svg.len() < 1500);
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }
}
