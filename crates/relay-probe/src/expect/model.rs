//! Whether two names mean the same model.

/// Tells whether an answer by `answered` is what was asked of `wanted`: the same name, or the same name with and
/// without a date or version number at the end (`gpt-4o` and `gpt-4o-2024-08-06`, `…-latest` and `…-20241022`,
/// `gemini-1.5-pro` and `gemini-1.5-pro-002`). Case, and a path in front such as `models/` or `openai/`, do not matter.
pub(super) fn is_same(wanted: &str, answered: &str) -> bool {
    let (wanted, answered) = (normal(wanted), normal(answered));
    let wanted = wanted.strip_suffix("-latest").unwrap_or(&wanted);
    let answered = answered.strip_suffix("-latest").unwrap_or(&answered);
    !wanted.is_empty() && (wanted == answered || dates(wanted, answered) || dates(answered, wanted))
}

fn normal(name: &str) -> String {
    name.trim().rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
}

/// Tells whether `dated` is `name` with nothing but a date or a version number behind it.
fn dates(name: &str, dated: &str) -> bool {
    let Some(rest) = dated.strip_prefix(name) else { return false };
    let rest = rest.strip_prefix("-preview").or_else(|| rest.strip_prefix("-exp")).unwrap_or(rest);
    let Some(number) = rest.strip_prefix(['-', '@', ':']) else { return false };
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    (3..=8).contains(&digits) && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_do_not_matter_and_names_do() {
        for (wanted, answered, same) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "GPT-4o-2024-08-06", true),
            ("gpt-4", "gpt-4-0613", true),
            ("gpt-4o-2024-08-06", "gpt-4o", true),
            ("claude-sonnet-4", "claude-sonnet-4-20250514", true),
            ("claude-sonnet-4", "claude-sonnet-4@20250514", true),
            ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022", true),
            ("gemini-1.5-pro", "gemini-1.5-pro-002", true),
            ("gemini-2.5-pro", "gemini-2.5-pro-preview-05-06", true),
            ("openai/gpt-4o", "gpt-4o-2024-08-06", true),
            ("models/gemini-2.0-flash", "gemini-2.0-flash", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4", "gpt-4-32k", false),
            ("gpt-4", "gpt-4o", false),
            ("claude-opus-4", "claude-opus-4-1", false),
            ("claude-opus-4-1", "claude-haiku-4-5", false),
            ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20", false),
            ("", "", false),
            ("gpt-4o", "", false),
        ] {
            assert_eq!(is_same(wanted, answered), same, "{wanted} {answered}");
        }
    }
}
