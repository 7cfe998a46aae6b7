//! The HTML of the page.

use std::fmt::Write as _;

use crate::{
    Language, assets,
    meta::{Meta, Subject, escape},
};

const TEMPLATE: &str = include_str!("../assets/index.html");

/// What the server knows about the page it is to write. Nothing in it needs to be escaped.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageInput<'a> {
    /// The path asked for, without query, such as `/`, `/en/` or `/ru/p/acme`.
    pub path: &'a str,
    /// Title of the site, `None` for the built-in one.
    pub title: Option<&'a str>,
    /// The site's own address, such as `https://status.example.org`, for canonical links.
    pub public_base_url: &'a str,
    /// Whether the data is simulated, which the page then says.
    pub demo: bool,
    /// Whether the site has a feed of what happened, which the head then names.
    pub feed: bool,
    /// A note for the footer, plain text.
    pub footer_note: Option<&'a str>,
    /// Where visitors can subscribe.
    pub subscribe_url: Option<&'a str>,
    /// Providers that have a page: those with a visible monitor.
    pub providers: &'a [Provider<'a>],
}

/// A provider that has a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider<'a> {
    /// Its name in addresses.
    pub slug: &'a str,
    /// Its display name.
    pub name: &'a str,
}

/// A page made for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Html {
    /// 200, or 404 when the path leads nowhere; the body is a page in either case.
    pub status: u16,
    /// The whole document.
    pub body: String,
    /// Whether other sites may show it in a frame: provider pages only.
    pub embeddable: bool,
    /// `script-src` sources that it needs beyond `'self'`.
    pub script_sources: &'static [&'static str],
}

/// Writes the page of a path. Every path has one: an unknown path or provider gets the page with status 404 that asks
/// search engines to forget it.
#[must_use]
pub fn page(input: &PageInput<'_>) -> Html {
    let (language, rest) = Language::split(input.path);
    let subject = subject(rest, input.providers);
    let meta = Meta::of(&subject, language, input, rest);
    let provider = match subject {
        Subject::Provider(provider) => Some(provider),
        Subject::Home | Subject::Missing => None,
    };
    let missing = matches!(subject, Subject::Missing);
    let assets = assets::base();
    let flag = |on: bool| if on { "true" } else { "false" }.to_owned();
    let body = fill(TEMPLATE, |name| match name {
        "lang" => language.tag().to_owned(),
        "og_locale" => language.open_graph().to_owned(),
        "prefix" => language.prefix().to_owned(),
        "title" => escape(&meta.title),
        "site" => escape(&meta.site),
        "description" => escape(&meta.description),
        "links" => meta.links.clone(),
        "data" => meta.data.clone(),
        "assets" => assets.clone(),
        "preloads" => preloads(&assets),
        "provider" => provider.map(|provider| escape(provider.slug)).unwrap_or_default(),
        "provider_name" => provider.map(|provider| escape(provider.name)).unwrap_or_default(),
        "demo" => flag(input.demo),
        "missing" => flag(missing),
        "footer_note" => escape(input.footer_note.unwrap_or_default()),
        "subscribe_url" => escape(input.subscribe_url.unwrap_or_default()),
        "noscript" => escape(language.text("meta.noscript")),
        _ => String::new(),
    });
    Html {
        status: if missing { 404 } else { 200 },
        body,
        embeddable: provider.is_some(),
        script_sources: &[],
    }
}

fn subject<'a>(rest: &str, providers: &'a [Provider<'a>]) -> Subject<'a> {
    if rest == "/" {
        return Subject::Home;
    }
    rest.strip_prefix("/p/")
        .and_then(|slug| providers.iter().find(|provider| provider.slug == slug))
        .map_or(Subject::Missing, Subject::Provider)
}

/// Lets browsers fetch all modules at once instead of discovering them import by import.
fn preloads(assets: &str) -> String {
    assets::modules().fold(String::new(), |mut text, module| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "<link rel=\"modulepreload\" href=\"{assets}/{module}\">");
        text
    })
}

/// Replaces each `{{name}}` once, from left to right: what a value contains is never looked at again.
fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        text.push_str(&value(name));
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDERS: &[Provider<'_>] = &[
        Provider { slug: "acme", name: "Acme & Söhne" },
        Provider { slug: "evil", name: "\"><script>alert(1)</script> {{demo}}" },
    ];

    fn input(path: &str) -> PageInput<'_> {
        PageInput {
            path,
            public_base_url: "https://status.example.org",
            providers: PROVIDERS,
            ..PageInput::default()
        }
    }

    #[test]
    fn each_language_has_its_own_home() {
        for language in Language::ALL {
            let path = format!("{}/", language.prefix());
            let page = page(&input(&path));
            assert_eq!((page.status, page.embeddable), (200, false));
            assert!(page.body.contains(&format!("<html lang=\"{}\">", language.tag())));
            assert!(page.body.contains(&format!("<title>{}</title>", language.text("meta.title"))));
            let canonical = format!("<link rel=\"canonical\" href=\"https://status.example.org{path}\">");
            assert!(page.body.contains(&canonical), "{}", page.body);
            assert_eq!(page.body.matches("hreflang=").count(), 5);
            assert!(!page.body.contains("noindex"));
        }
    }

    #[test]
    fn the_feed_is_named_where_there_is_one() {
        let link = "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"A &amp; B\" \
                    href=\"https://status.example.org/feed.atom\">";
        for path in ["/", "/ja/", "/en/p/acme"] {
            let with = PageInput { feed: true, title: Some("A & B"), ..input(path) };
            assert!(page(&with).body.contains(link), "{path}");
            assert!(!page(&PageInput { feed: false, ..with }).body.contains("atom"), "{path}");
        }
        assert!(!page(&PageInput { feed: true, ..input("/p/none") }).body.contains("atom"));
    }

    #[test]
    fn provider_pages_may_be_embedded_and_name_their_provider() {
        let page = page(&input("/en/p/acme"));
        assert_eq!((page.status, page.embeddable), (200, true));
        assert!(page.body.contains("<title>Acme &amp; Söhne status · Relay Pulse</title>"));
        assert!(page.body.contains("data-provider=\"acme\" data-provider-name=\"Acme &amp; Söhne\""));
        assert!(page.body.contains("hreflang=\"ja\" href=\"https://status.example.org/ja/p/acme\""));
        assert!(page.body.contains("hreflang=\"x-default\" href=\"https://status.example.org/p/acme\""));
    }

    #[test]
    fn whatever_is_unknown_is_a_page_with_404_that_is_not_indexed() {
        for path in
            ["", "/en", "/p/", "/p/none", "/p/Acme", "/p/acme/", "/x", "/en/p/acme/x", "/<script>", "//"]
        {
            let page = page(&input(path));
            assert_eq!((page.status, page.embeddable), (404, false), "{path}");
            assert!(page.body.contains("<meta name=\"robots\" content=\"noindex\">"), "{path}");
            assert!(page.body.contains("data-missing=\"true\""), "{path}");
            assert!(!page.body.contains("canonical"), "{path}");
            assert!(!page.body.contains("<script>"), "{path}");
        }
    }

    #[test]
    fn values_are_escaped_and_not_filled_again() {
        let hostile = PageInput {
            title: Some("<b>\"T\"</b>"),
            footer_note: Some("'><img src=x onerror=alert(1)>"),
            subscribe_url: Some("javascript:\"x\""),
            demo: true,
            ..input("/en/p/evil")
        };
        let body = page(&hostile).body;
        assert!(body.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt; {{demo}} status · &lt;b&gt;"));
        assert!(body.contains("data-footer-note=\"&#39;&gt;&lt;img"));
        assert!(!body.contains("<script>alert") && !body.contains("<img") && !body.contains("<b>"));
        assert!(body.contains("data-demo=\"true\""));
    }

    #[test]
    fn the_data_block_is_json_that_cannot_end_its_element() {
        for (path, about) in
            [("/", None), ("/en/p/acme", Some("Acme & Söhne")), ("/ja/p/evil", Some(PROVIDERS[1].name))]
        {
            let body = page(&input(path)).body;
            let block = body.split_once("<script type=\"application/ld+json\">").expect("a block").1;
            let json = block.split_once("</script>").expect("an end").0;
            let data: serde_json::Value = serde_json::from_str(json).expect("JSON");
            assert_eq!(data["url"], format!("https://status.example.org{path}"));
            assert_eq!(data["about"]["name"].as_str(), about);
            assert!(!json.contains('<'), "{json}");
        }
        assert!(!page(&input("/p/none")).body.contains("ld+json"));
    }

    #[test]
    fn nothing_in_the_page_needs_more_than_its_own_files() {
        let page = page(&input("/"));
        assert!(page.script_sources.is_empty());
        assert!(!page.body.contains(" style=") && !page.body.contains("<style"));
        for script in page.body.split("<script").skip(1) {
            let tag = script.split_once('>').expect("an end").0;
            // A block of data is not run, so no policy has to allow it.
            assert!(tag.contains("src=\"/assets/") || tag == " type=\"application/ld+json\"", "{tag}");
        }
        let own = page.body.split("/assets/").skip(1);
        for path in own.map(|rest| rest.split('"').next().unwrap_or_default()) {
            assert!(assets::asset(path).is_some_and(|asset| asset.immutable), "{path}");
        }
        assert!(!page.body.contains("{{"));
    }
}
