//! Which parts of a request are secrets, whoever wrote them there.

use url::Url;

/// Headers whose values are credentials, though their names do not say so.
const CREDENTIALS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Words in the names of headers and parameters whose values are secrets.
const WORDS: [&str; 7] = ["key", "token", "secret", "password", "passwd", "signature", "credential"];

/// Tells whether what has this name is a secret: a header that carries credentials, or a parameter that is called like
/// one. Letters of either case are the same.
#[must_use]
pub fn is_telling(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    CREDENTIALS.contains(&name.as_str()) || WORDS.iter().any(|word| name.contains(word))
}

/// Returns the secrets in the value of a header: what follows the scheme of an `Authorization`, the values of cookies,
/// the value of any other header with a telling name.
#[must_use]
pub fn of_header<'a>(name: &str, value: &'a str) -> Vec<&'a str> {
    let value = value.trim();
    if !is_telling(name) {
        return Vec::new();
    }
    if name.trim().eq_ignore_ascii_case("cookie") {
        let pairs = value.split(';').filter_map(|pair| pair.split_once('='));
        return pairs.map(|(_, value)| value.trim()).filter(|value| !value.is_empty()).collect();
    }
    match value.split_once(' ') {
        Some((scheme, credentials)) if is_scheme(scheme) => vec![credentials.trim()],
        _ => vec![value],
    }
}

/// Tells whether a word before credentials is no part of them.
fn is_scheme(word: &str) -> bool {
    ["bearer", "basic", "token", "key", "apikey", "digest"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// Returns the secrets in an address, decoded: the password, the user's name where there is no password, and the
/// values of parameters with telling names.
#[must_use]
pub fn of_address(url: &Url) -> Vec<String> {
    let userinfo = url.password().unwrap_or_else(|| url.username());
    let decoded = percent_decode(userinfo);
    let query = url.query_pairs().filter(|(name, _)| is_telling(name)).map(|(_, value)| value.into_owned());
    [decoded].into_iter().chain(query).filter(|secret| !secret.is_empty()).collect()
}

fn percent_decode(text: &str) -> String {
    // A plus is a plus outside of queries.
    let query = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(query.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_give_away_what_they_carry() {
        for (name, value, expected) in [
            ("Authorization", "Bearer abc", vec!["abc"]),
            ("authorization", "abc", vec!["abc"]),
            ("Proxy-Authorization", "Basic dTpwdw==", vec!["dTpwdw=="]),
            ("x-api-key", " abc ", vec!["abc"]),
            ("X-Relay-Token", "Token abc", vec!["abc"]),
            ("x-secret", "two words", vec!["two words"]),
            ("Cookie", "session=abc; theme = dark; flag; empty=", vec!["abc", "dark"]),
            ("Accept", "text/plain", vec![]),
        ] {
            assert_eq!(of_header(name, value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn addresses_give_away_passwords_and_telling_parameters() {
        for (address, expected) in [
            ("https://u:p%40w@a.example/v1", vec!["p@w"]),
            ("https://t+k%2F1@a.example/v1", vec!["t+k/1"]),
            ("https://a.example/v1?key=a%20b&x=1&Access_Token=c", vec!["a b", "c"]),
            ("https://a.example/v1?x=1#key=2", vec![]),
        ] {
            assert_eq!(of_address(&address.parse().expect("a url")), expected, "{address}");
        }
    }
}
