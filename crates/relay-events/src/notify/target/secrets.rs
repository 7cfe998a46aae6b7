//! What a receiver may not repeat to whoever reads its answer.

use std::{borrow::Cow, cmp::Reverse};

use relay_core::{
    Secret,
    secret::credentials::{of_address, of_header},
};
use url::Url;

use super::Destination;

/// What is shorter would tear holes into every other word.
const LEAST: usize = 4;

/// From how many bytes on a piece of a path or query is taken for a token: addresses of chats are secrets as a whole, but
/// their words are not.
const PIECE: usize = 7;

/// Puts stars in the place of everything in `text` that is a secret of `destination`: the whole of what was configured,
/// and what of it can stand alone.
pub(super) fn mask(destination: &Destination, text: &str) -> String {
    let mut secrets: Vec<Cow<'_, str>> = Vec::new();
    match destination {
        Destination::Webhook(webhook) => {
            secrets.extend(of_chat(webhook.url.expose()));
            for (name, value) in &webhook.headers {
                secrets.push(value.expose().into());
                secrets.extend(of_header(name.as_str(), value.expose()).into_iter().map(Cow::Borrowed));
            }
        }
        Destination::Service(_, settings) => {
            secrets.extend(settings.url.iter().flat_map(|url| of_chat(url.expose())));
            let given = [&settings.token, &settings.secret].into_iter().flatten();
            secrets.extend(given.map(|secret| Cow::Borrowed(Secret::expose(secret))));
        }
        Destination::Email(email) => {
            secrets.extend(email.password.as_ref().map(|password| Cow::Borrowed(password.expose())));
        }
    }
    secrets.retain(|secret| secret.len() >= LEAST);
    secrets.sort_by_key(|secret| Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(&**secret, "***"))
}

/// Returns an address, its credentials, and the pieces of its path and query that look like tokens.
fn of_chat(address: &str) -> Vec<Cow<'_, str>> {
    let mut found = vec![Cow::Borrowed(address)];
    let Ok(url) = address.trim().parse::<Url>() else { return found };
    found.extend(of_address(&url).into_iter().map(Cow::Owned));
    let segments = url.path_segments().into_iter().flatten().map(str::to_owned);
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    found.extend(segments.chain(values).filter(|piece| is_token(piece)).map(Cow::Owned));
    // As it is sent: what only a browser sees is left out.
    let sent = [
        url.path().to_owned(),
        url.query().map_or_else(String::new, |query| format!("{}?{query}", url.path())),
    ];
    found.extend(
        sent.into_iter().filter(|path| path.bytes().any(|byte| byte.is_ascii_digit())).map(Cow::Owned),
    );
    found
}

/// Tells whether a piece of an address is no word: long, and with a digit in it.
fn is_token(piece: &str) -> bool {
    piece.len() >= PIECE && piece.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, Method};

    use super::{super::Webhook, *};

    #[test]
    fn the_tokens_of_an_address_and_of_headers_are_hidden_alone_too() {
        let url =
            "https://u:pass-word@hooks.example/services/T0123456/B7654321/AbCdEf123?t=Query12345&x=plain";
        let headers = vec![(HeaderName::from_static("authorization"), Secret::new("Bearer of-the-header"))];
        let destination = Destination::Webhook(Webhook {
            url: Secret::new(url),
            method: Method::POST,
            headers,
            body: None,
        });
        for (said, shown) in [
            (url, "***"),
            ("no service T0123456 for AbCdEf123", "no service *** for ***"),
            ("POST /services/T0123456/B7654321/AbCdEf123 is gone", "POST *** is gone"),
            ("t=Query12345&x=plain", "t=***&x=plain"),
            ("user u with pass-word and of-the-header", "user u with *** and ***"),
            ("Authorization: Bearer of-the-header", "Authorization: ***"),
            ("the services are fine", "the services are fine"),
        ] {
            assert_eq!(mask(&destination, said), shown);
        }
    }
}
