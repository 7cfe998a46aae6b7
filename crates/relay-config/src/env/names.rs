//! The names under which a monitor's key is looked up.

/// Returns the variable names to try for a monitor without a name of its own, in order, each once: with the channel,
/// then without, each in the strict spelling and then in the older one.
pub(crate) fn key_names(provider: &str, service: &str, channel: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |parts: &[&str], spell: fn(&str) -> String| {
        if let Some(name) = key_variable(parts, spell)
            && !names.contains(&name)
        {
            names.push(name);
        }
    };
    if !channel.is_empty() {
        add(&[provider, service, channel], strict);
        add(&[provider, service, channel], older);
    }
    add(&[provider, service], strict);
    add(&[provider, service], older);
    names
}

/// Returns `MONITOR_<parts>_API_KEY`, or `None` when nothing is left of a part.
fn key_variable(parts: &[&str], spell: fn(&str) -> String) -> Option<String> {
    let mut name = "MONITOR".to_owned();
    for part in parts {
        let part = spell(part.trim());
        if part.is_empty() {
            return None;
        }
        name.push('_');
        name.push_str(&part);
    }
    Some(name + "_API_KEY")
}

/// Upper case; everything but A–Z and 0–9 becomes `_`, runs collapse, none at the ends.
fn strict(part: &str) -> String {
    let mut spelled = String::new();
    for c in part.chars().flat_map(char::to_uppercase) {
        if c.is_ascii_uppercase() || c.is_ascii_digit() {
            spelled.push(c);
        } else if !spelled.is_empty() && !spelled.ends_with('_') {
            spelled.push('_');
        }
    }
    spelled.truncate(spelled.trim_end_matches('_').len());
    spelled
}

/// The spelling of older versions: upper case, `-` becomes `_`, all else stays.
fn older(part: &str) -> String {
    part.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_from_the_narrow_to_the_wide() {
        assert_eq!(
            key_names("88code", "cc", "vip-1"),
            ["MONITOR_88CODE_CC_VIP_1_API_KEY", "MONITOR_88CODE_CC_API_KEY"]
        );
        assert_eq!(key_names("a", "cc", ""), ["MONITOR_A_CC_API_KEY"]);
    }

    #[test]
    fn runs_collapse_in_the_strict_spelling_only() {
        assert_eq!(key_names("a.b--c", "cc", ""), ["MONITOR_A_B_C_CC_API_KEY", "MONITOR_A.B__C_CC_API_KEY"]);
        assert_eq!(strict("--x__y--"), "X_Y");
    }

    #[test]
    fn a_chinese_channel_stays_in_the_older_spelling() {
        assert_eq!(
            key_names("duck", "cx", "免费"),
            ["MONITOR_DUCK_CX_免费_API_KEY", "MONITOR_DUCK_CX_API_KEY"]
        );
        assert_eq!(key_names("鸭", "cx", ""), ["MONITOR_鸭_CX_API_KEY"]);
        assert_eq!(key_names("---", "cx", ""), ["MONITOR_____CX_API_KEY"]);
    }
}
