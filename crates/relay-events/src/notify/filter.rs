//! Which events a notification is about.

use relay_core::event::NewEvent;

/// Globs over the parts of an event's key; `None` lets everything pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Over the provider.
    pub provider: Option<Glob>,
    /// Over the service.
    pub service: Option<Glob>,
    /// Over the channel.
    pub channel: Option<Glob>,
    /// Over the model; for an event of a channel, over any of its models.
    pub model: Option<Glob>,
}

impl Filter {
    /// Tells whether `event` is one of these.
    #[must_use]
    pub fn matches(&self, event: &NewEvent) -> bool {
        let fits = |glob: &Option<Glob>, text: &str| glob.as_ref().is_none_or(|glob| glob.matches(text));
        let key = &event.key;
        fits(&self.provider, key.provider())
            && fits(&self.service, key.service())
            && fits(&self.channel, key.channel())
            && match &event.meta.channel {
                Some(channel) => {
                    self.model.is_none()
                        || channel.model_states.iter().any(|(model, ..)| fits(&self.model, model))
                }
                None => fits(&self.model, key.model()),
            }
    }
}

/// A pattern in which `*` stands for any characters, none among them; case does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// What stands between the stars, in lower case.
    parts: Vec<String>,
}

impl Glob {
    /// Makes the pattern; every text is one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self { parts: pattern.to_lowercase().split('*').map(str::to_owned).collect() }
    }

    /// Tells whether the whole of `text` is like the pattern. Takes time in proportion to the product of both lengths
    /// at most.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let Some((first, others)) = self.parts.split_first() else { return text.is_empty() };
        let Some((last, middle)) = others.split_last() else { return text == *first };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            // The earliest place leaves the most for what follows.
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stand_for_anything_and_case_for_nothing() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "Anything", true),
            ("", "", true),
            ("", "a", false),
            ("Open*", "openAI", true),
            ("*ai", "OpenAI", true),
            ("*pen*", "OpenAI", true),
            ("o*i", "OpenAI", true),
            ("o*x*i", "OpenAI", false),
            ("ab*ba", "aba", false),
            ("ÄÖ*", "äöü", true),
            ("a**b", "ab", true),
            ("openai", "openai2", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    /// The plainest reading, without any thought of time.
    fn plainly(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|skipped| plainly(rest, &text[skipped..])),
            ([p, pattern @ ..], [t, text @ ..]) => p == t && plainly(pattern, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn globs_agree_with_a_plain_reading(pattern in "[ab*]{0,7}", text in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Glob::new(&pattern).matches(&text), plainly(&chars(&pattern), &chars(&text)));
        }
    }
}
