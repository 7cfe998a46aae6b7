//! Small sums, asked in digits or words, so that a relay can pass an arithmetic challenge.

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
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Longest prompt looked at, bytes: a challenge is one short question.
const LOOKED_AT: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Plus,
    Minus,
    Times,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Number(i64),
    Op(Op),
    And,
    From,
    Verb(Op),
    Other,
}

/// Returns the result of the first small sum in `prompt`, if it holds one.
///
/// Understands `3 + 4`, `what is three plus forty-two`, `12 times 3`, `the sum of 3 and 4`, `add 3 to 4`,
/// `subtract 2 from 9`. Numbers up to nine digits.
#[must_use]
pub fn arithmetic(prompt: &str) -> Option<i64> {
    let mut end = prompt.len().min(LOOKED_AT);
    while !prompt.is_char_boundary(end) {
        end -= 1;
    }
    let tokens = tokens(&prompt[..end]);
    let mut verb = None;
    for (index, token) in tokens.iter().enumerate() {
        if let Token::Verb(op) = token {
            verb = Some(*op);
        }
        let [Token::Number(a), joint, Token::Number(b)] = tokens[index..(index + 3).min(tokens.len())] else {
            continue;
        };
        match (joint, verb) {
            (Token::Op(op), _) | (Token::And, Some(op)) => return Some(apply(op, a, b)),
            (Token::From, Some(Op::Minus)) => return Some(b - a),
            _ => {}
        }
    }
    None
}

fn apply(op: Op, a: i64, b: i64) -> i64 {
    match op {
        Op::Plus => a + b,
        Op::Minus => a - b,
        Op::Times => a * b,
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut words: Vec<String> = Vec::new();
    let mut kind = 0;
    for c in text.chars() {
        let now = if c.is_ascii_digit() {
            1
        } else if c.is_alphabetic() {
            2
        } else {
            0
        };
        if now == 0 {
            if !c.is_whitespace() {
                words.push(c.to_string());
            }
        } else if now == kind {
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        } else {
            words.push(c.to_lowercase().collect());
        }
        kind = now;
    }
    let mut tokens = Vec::new();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        index += 1;
        if let Some(tens) = TENS.iter().position(|t| t == word) {
            let mut value = 20 + 10 * tens as i64;
            let rest = if words.get(index).is_some_and(|w| w == "-") { index + 1 } else { index };
            if let Some(ones) = words.get(rest).and_then(|w| small(w)).filter(|n| (1..10).contains(n)) {
                value += ones;
                index = rest + 1;
            }
            tokens.push(Token::Number(value));
        } else if !(matches!(word.as_str(), "by" | "to") && matches!(tokens.last(), Some(Token::Op(_)))) {
            tokens.push(token(word));
        }
    }
    tokens
}

fn small(word: &str) -> Option<i64> {
    SMALL.iter().position(|s| *s == word).map(|n| n as i64)
}

fn token(word: &str) -> Token {
    if word.len() <= 9
        && let Ok(number) = word.parse()
    {
        return Token::Number(number);
    }
    if let Some(number) = small(word) {
        return Token::Number(number);
    }
    match word {
        "plus" | "+" | "added" => Token::Op(Op::Plus),
        "minus" | "-" | "−" | "less" => Token::Op(Op::Minus),
        "times" | "*" | "×" | "x" | "multiplied" => Token::Op(Op::Times),
        "and" | "to" => Token::And,
        "from" => Token::From,
        "sum" | "add" | "total" => Token::Verb(Op::Plus),
        "difference" | "subtract" => Token::Verb(Op::Minus),
        "product" | "multiply" => Token::Verb(Op::Times),
        _ => Token::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{SMALL, TENS, arithmetic};

    #[test]
    fn answers_sums_in_digits_and_words() {
        for (prompt, want) in [
            ("what is 3 plus 4?", Some(7)),
            ("What is three plus four", Some(7)),
            ("Compute 12+30.", Some(42)),
            ("twenty-three plus nineteen", Some(42)),
            ("forty two minus two, please", Some(40)),
            ("6 times seven", Some(42)),
            ("6 multiplied by 7", Some(42)),
            ("the sum of 3 and 4", Some(7)),
            ("add 3 to 4", Some(7)),
            ("3 added to 4", Some(7)),
            ("subtract 2 from 9", Some(7)),
            ("Reply with exactly: pong", None),
            ("version 3 and 4 of it", None),
            ("", None),
            ("7 × 8", Some(56)),
        ] {
            assert_eq!(arithmetic(prompt), want, "{prompt}");
        }
    }

    #[test]
    fn every_number_below_a_hundred_is_understood_in_both_spellings() {
        for number in 0..100_usize {
            let (tens, ones) = (number / 10, number % 10);
            for joint in ["-", " "] {
                let words = match (tens, ones) {
                    (0 | 1, _) => SMALL[10 * tens + ones].to_owned(),
                    (_, 0) => TENS[tens - 2].to_owned(),
                    _ => format!("{}{joint}{}", TENS[tens - 2], SMALL[ones]),
                };
                let want = Some(number as i64 + 8);
                assert_eq!(arithmetic(&format!("What is {words} plus eight?")), want, "{words}");
                assert_eq!(arithmetic(&format!("eight plus {words}")), want, "{words}");
            }
        }
    }

    #[test]
    fn long_and_odd_prompts_are_harmless() {
        assert_eq!(arithmetic(&"é".repeat(5000)), None);
        assert_eq!(arithmetic("99999999999999999999 plus 1"), None);
    }
}
