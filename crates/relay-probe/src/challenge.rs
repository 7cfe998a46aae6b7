//! A small sum, asked in words: a real model can answer it, a canned body cannot.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use memchr::memmem;

/// What stands for the question in a body.
const PLACEHOLDER: &[u8] = b"{{CHALLENGE}}";

/// The range of both terms: small enough for every model, large enough that a guess is wrong.
const TERMS: std::ops::RangeInclusive<u8> = 11..=49;

/// Draws sums. The lock is held for one draw.
pub(crate) struct Challenger(Mutex<fastrand::Rng>);

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum {
    question: String,
    answer: String,
}

impl Challenger {
    /// Draws in the order that `seed` gives.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// Draws the next sum.
    pub(crate) fn draw(&self) -> Sum {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Sum::of(rng.u8(TERMS), rng.u8(TERMS))
    }
}

impl Sum {
    fn of(left: u8, right: u8) -> Self {
        // Letters, spaces, dashes, a question mark and a full stop: nothing that JSON would have to escape.
        let question = format!(
            "What is {} plus {}? Answer with the number in digits only.",
            in_words(left),
            in_words(right)
        );
        Self { question, answer: (left + right).to_string() }
    }

    /// Returns the number that the answer must contain.
    pub(crate) fn answer(&self) -> &str {
        &self.answer
    }

    /// Puts the question where the placeholder stands.
    pub(crate) fn ask_in(&self, body: &Bytes) -> Bytes {
        let mut asked = Vec::with_capacity(body.len() + self.question.len());
        let mut rest = 0;
        for at in memmem::find_iter(body, PLACEHOLDER) {
            asked.extend_from_slice(&body[rest..at]);
            asked.extend_from_slice(self.question.as_bytes());
            rest = at + PLACEHOLDER.len();
        }
        asked.extend_from_slice(&body[rest..]);
        Bytes::from(asked)
    }

    /// Tells whether `text` holds the answer as a whole number: `42` and `42.` do, `142`, `42.5` and `4,200` do not.
    pub(crate) fn is_answered_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        let point =
            |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|b| matches!(b, b'.' | b','));
        memmem::find_iter(bytes, self.answer.as_bytes()).any(|start| {
            let end = start + self.answer.len();
            let (before, after) = (start.checked_sub(1), Some(end));
            let continues_left = digit(before) || (point(before) && digit(start.checked_sub(2)));
            let continues_right = digit(after) || (point(after) && digit(Some(end + 1)));
            !continues_left && !continues_right
        })
    }
}

/// Spells a number from 11 to 99.
fn in_words(number: u8) -> String {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] =
        ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    if let Some(word) = SMALL.get(usize::from(number)) {
        return (*word).to_owned();
    }
    let tens = TENS.get(usize::from(number / 10)).copied().unwrap_or_default();
    match number % 10 {
        0 => tens.to_owned(),
        ones => format!("{tens}-{}", SMALL[usize::from(ones)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_in_words_and_takes_the_place_of_the_placeholder() {
        let sum = Sum::of(12, 30);
        let body = sum.ask_in(&Bytes::from_static(b"{\"q\":\"{{CHALLENGE}}\",\"again\":\"{{CHALLENGE}}\"}"));
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        let question = "What is twelve plus thirty? Answer with the number in digits only.";
        assert_eq!(body, format!("{{\"q\":\"{question}\",\"again\":\"{question}\"}}"));
        assert!(!sum.is_answered_in(&body));
        assert_eq!((in_words(11).as_str(), in_words(49).as_str()), ("eleven", "forty-nine"));
    }

    #[test]
    fn the_answer_counts_as_a_whole_number_only() {
        let sum = Sum::of(12, 30);
        for (text, holds) in [
            ("42", true),
            ("It is 42.", true),
            ("12+30=42, of course", true),
            ("**42**", true),
            ("forty-two", false),
            ("142", false),
            ("420", false),
            ("42.5", false),
            ("4,200 or 1,42", false),
            ("142 or 42", true),
            ("", false),
        ] {
            assert_eq!(sum.is_answered_in(text), holds, "{text}");
        }
    }

    #[test]
    fn draws_differ_and_follow_the_seed() {
        let draws = |seed| {
            let challenger = Challenger::new(seed);
            (0..8).map(|_| challenger.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        assert!(draws(3).windows(2).any(|pair| pair[0] != pair[1]));
    }
}
