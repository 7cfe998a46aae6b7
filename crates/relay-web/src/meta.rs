//! What search engines and link previews read: titles, descriptions, canonical address, alternates.

use std::fmt::Write as _;

use crate::{Language, PageInput, Provider};

/// Name of the product, and of a site that has no title of its own.
const PRODUCT: &str = "Relay Pulse";

/// What the head of one page says.
pub(crate) struct Meta {
    pub(crate) site: String,
    pub(crate) title: String,
    pub(crate) description: String,
    /// Canonical and alternate links, or the request not to be indexed; HTML.
    pub(crate) links: String,
    /// A JSON-LD data block about the page; HTML.
    pub(crate) data: String,
}

/// Which page a path leads to.
pub(crate) enum Subject<'a> {
    /// The list of everything.
    Home,
    /// One provider.
    Provider(&'a Provider<'a>),
    /// Nothing.
    Missing,
}

impl Meta {
    /// Writes the head's words. `rest` is the path within the language.
    pub(crate) fn of(subject: &Subject<'_>, language: Language, input: &PageInput<'_>, rest: &str) -> Self {
        let base = input.public_base_url;
        let name = input.title.filter(|title| !title.trim().is_empty());
        let shown = name.unwrap_or(PRODUCT);
        let (title, description) = match subject {
            Subject::Home => (
                name.unwrap_or_else(|| language.text("meta.title")).to_owned(),
                language.text("meta.description").to_owned(),
            ),
            Subject::Provider(provider) => {
                let fill = |key| language.text(key).replace("{provider}", provider.name);
                (format!("{} · {shown}", fill("meta.provider_title")), fill("meta.provider_description"))
            }
            Subject::Missing => (
                format!("{} · {shown}", language.text("meta.not_found_title")),
                language.text("meta.description").to_owned(),
            ),
        };
        let links = match subject {
            Subject::Missing => "<meta name=\"robots\" content=\"noindex\">\n".to_owned(),
            Subject::Home | Subject::Provider(_) => {
                links(language, base, rest) + &if input.feed { feed(base, shown) } else { String::new() }
            }
        };
        let address = format!("{}{}{rest}", base.trim_end_matches('/'), language.prefix());
        let data = match subject {
            Subject::Missing => String::new(),
            Subject::Home => data(&title, &description, &address, language, shown, None),
            Subject::Provider(provider) => {
                data(&title, &description, &address, language, shown, Some(provider.name))
            }
        };
        Self { site: shown.to_owned(), title, description, links, data }
    }
}

/// Writes the page down in the words of schema.org.
fn data(
    title: &str,
    description: &str,
    address: &str,
    language: Language,
    site: &str,
    about: Option<&str>,
) -> String {
    let mut page = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "WebPage",
        "name": title,
        "description": description,
        "url": address,
        "inLanguage": language.tag(),
        "isPartOf": {"@type": "WebSite", "name": site},
    });
    if let Some(name) = about {
        page["about"] = serde_json::json!({"@type": "Organization", "name": name});
    }
    // Inside a script element nothing is unescaped: what could end it is written as JSON escapes instead.
    let json = page.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    format!("<script type=\"application/ld+json\">{json}</script>\n")
}

fn links(language: Language, base: &str, rest: &str) -> String {
    let base = escape(base.trim_end_matches('/'));
    let rest = escape(rest);
    let mut text = String::new();
    let own = language.prefix();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "<link rel=\"canonical\" href=\"{base}{own}{rest}\">");
    let _ = writeln!(text, "<meta property=\"og:url\" content=\"{base}{own}{rest}\">");
    for other in Language::ALL {
        let (tag, prefix) = (other.tag(), other.prefix());
        let _ = writeln!(text, "<link rel=\"alternate\" hreflang=\"{tag}\" href=\"{base}{prefix}{rest}\">");
    }
    let _ = writeln!(text, "<link rel=\"alternate\" hreflang=\"x-default\" href=\"{base}{rest}\">");
    text
}

/// Names the feed of what happened, under the title it has itself.
fn feed(base: &str, site: &str) -> String {
    let (base, site) = (escape(base.trim_end_matches('/')), escape(site));
    format!(
        "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"{site}\" href=\"{base}/feed.atom\">\n"
    )
}

/// Makes a text safe between tags and inside quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
