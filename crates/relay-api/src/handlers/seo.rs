//! `GET /robots.txt` and `GET /sitemap.xml`

use std::{collections::BTreeSet, fmt::Write};

use http::{HeaderValue, StatusCode, header};

use crate::{
    response::{self, Response},
    state::State,
    svg::escape,
};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const XML: HeaderValue = HeaderValue::from_static("application/xml; charset=utf-8");
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// Language tags and what their addresses begin with. The first one is the default.
const LANGUAGES: [(&str, &str); 5] =
    [("zh-CN", ""), ("en", "/en"), ("ru", "/ru"), ("ja", "/ja"), ("x-default", "")];

pub(crate) fn robots(state: &State) -> Response {
    let index = state.index();
    let base = &index.snapshot.site.public_base_url;
    let text = format!("User-agent: *\nDisallow: /api/\nSitemap: {base}/sitemap.xml\n");
    let mut response = response::content(StatusCode::OK, TEXT, text);
    response.headers_mut().insert(header::CACHE_CONTROL, A_DAY);
    response
}

pub(crate) fn sitemap(state: &State) -> Response {
    let index = state.index();
    let visible = index.snapshot.monitors.iter().filter(|monitor| monitor.is_visible());
    let slugs: BTreeSet<&str> = visible.map(|monitor| &*monitor.listing.provider_slug).collect();
    let base = escape(&index.snapshot.site.public_base_url);
    let mut xml = String::from(concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\"",
        " xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n",
    ));
    let pages =
        std::iter::once("/".to_owned()).chain(slugs.iter().map(|slug| format!("/p/{}", escape(slug))));
    for page in pages {
        let _ = write!(xml, "  <url>\n    <loc>{base}{page}</loc>\n");
        for (language, prefix) in LANGUAGES {
            let _ = writeln!(
                xml,
                "    <xhtml:link rel=\"alternate\" hreflang=\"{language}\" href=\"{base}{prefix}{page}\"/>"
            );
        }
        xml.push_str("  </url>\n");
    }
    xml.push_str("</urlset>\n");
    let mut response = response::content(StatusCode::OK, XML, xml);
    response.headers_mut().insert(header::CACHE_CONTROL, AN_HOUR);
    response
}
