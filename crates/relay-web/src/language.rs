//! Languages of the page.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::assets;

/// A language the page speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Simplified Chinese, the default: its addresses have no prefix.
    Chinese,
    /// English.
    English,
    /// Russian.
    Russian,
    /// Japanese.
    Japanese,
}

impl Language {
    /// All languages, the default first.
    pub const ALL: [Self; 4] = [Self::Chinese, Self::English, Self::Russian, Self::Japanese];

    /// Returns the language tag, such as `zh-CN`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
            Self::Russian => "ru",
            Self::Japanese => "ja",
        }
    }

    /// Returns what its addresses begin with: `/en` and so on, nothing for the default.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Chinese => "",
            Self::English => "/en",
            Self::Russian => "/ru",
            Self::Japanese => "/ja",
        }
    }

    /// Returns the tag as Open Graph spells it.
    pub(crate) const fn open_graph(self) -> &'static str {
        match self {
            Self::Chinese => "zh_CN",
            Self::English => "en_US",
            Self::Russian => "ru_RU",
            Self::Japanese => "ja_JP",
        }
    }

    /// Splits a path into its language and the path within that language, which begins with a slash.
    #[must_use]
    pub fn split(path: &str) -> (Self, &str) {
        Self::ALL
            .into_iter()
            .filter(|language| !language.prefix().is_empty())
            .find_map(|language| {
                let rest = path.strip_prefix(language.prefix())?;
                rest.starts_with('/').then_some((language, rest))
            })
            .unwrap_or((Self::Chinese, path))
    }

    /// Returns the text of a key, or the key itself where the language lacks it (a test keeps that from happening).
    pub(crate) fn text(self, key: &'static str) -> &'static str {
        static WORDS: LazyLock<[BTreeMap<String, String>; 4]> = LazyLock::new(|| {
            Language::ALL.map(|language| {
                assets::file(&format!("locales/{}.json", language.tag()))
                    .and_then(|content| serde_json::from_slice(content).ok())
                    .unwrap_or_default()
            })
        });
        WORDS[self as usize].get(key).map_or(key, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_into_language_and_rest() {
        for (path, language, rest) in [
            ("/", Language::Chinese, "/"),
            ("/en/", Language::English, "/"),
            ("/ru/p/acme", Language::Russian, "/p/acme"),
            ("/ja/p/", Language::Japanese, "/p/"),
            ("/en", Language::Chinese, "/en"),
            ("/english/", Language::Chinese, "/english/"),
            ("/EN/", Language::Chinese, "/EN/"),
            ("", Language::Chinese, ""),
        ] {
            assert_eq!(Language::split(path), (language, rest), "{path}");
        }
    }

    #[test]
    fn every_language_is_at_its_own_place_and_has_words() {
        for (place, language) in Language::ALL.into_iter().enumerate() {
            assert_eq!(language as usize, place);
            assert_ne!(language.text("meta.title"), "meta.title");
        }
    }

    #[test]
    fn all_languages_have_the_same_keys_and_placeholders() {
        fn words(language: Language) -> BTreeMap<String, String> {
            let content = assets::file(&format!("locales/{}.json", language.tag())).expect("a file");
            serde_json::from_slice(content).expect("JSON")
        }
        fn placeholders(text: &str) -> Vec<&str> {
            let mut found: Vec<_> =
                text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
            found.sort_unstable();
            found
        }
        let english = words(Language::English);
        for language in Language::ALL {
            let own = words(language);
            assert!(own.keys().eq(english.keys()), "{language:?} has other keys");
            for (key, text) in &own {
                assert!(!text.trim().is_empty(), "{language:?} {key}");
                assert_eq!(placeholders(text), placeholders(&english[key]), "{language:?} {key}");
            }
        }
    }
}
