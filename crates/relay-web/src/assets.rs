//! The files of the page.

use std::{fmt::Write as _, sync::LazyLock};

use sha2::{Digest as _, Sha256};

/// An embedded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its content.
    pub content: &'static [u8],
    /// Its media type.
    pub content_type: &'static str,
    /// A strong entity tag, quotes included.
    pub etag: &'static str,
    /// Whether its address changes with its content, so that it may be kept for ever.
    pub immutable: bool,
}

macro_rules! embed {
    ($($path:literal,)*) => {
        [$(($path, include_bytes!(concat!("../assets/", $path)).as_slice()),)*]
    };
}

/// Every file that is served, by its path below `assets/`, sorted.
static FILES: [(&str, &[u8]); 64] = embed![
    "css/main.css",
    "favicon.svg",
    "js/api/client.js",
    "js/api/detail.js",
    "js/api/json.js",
    "js/api/normalize.js",
    "js/api/types.js",
    "js/config.js",
    "js/i18n.js",
    "js/logic/chart.js",
    "js/logic/color.js",
    "js/logic/favorites.js",
    "js/logic/format.js",
    "js/logic/freshness.js",
    "js/logic/heatmap.js",
    "js/logic/live.js",
    "js/logic/pins.js",
    "js/logic/search.js",
    "js/logic/sort.js",
    "js/logic/status.js",
    "js/logic/time-filter.js",
    "js/logic/url-state.js",
    "js/logic/viewport.js",
    "js/main.js",
    "js/state/detail.js",
    "js/state/live.js",
    "js/state/page.js",
    "js/state/refresh.js",
    "js/state/settings.js",
    "js/theme.js",
    "js/ui/app.js",
    "js/ui/cards.js",
    "js/ui/cells.js",
    "js/ui/charts.js",
    "js/ui/detail.js",
    "js/ui/dialog.js",
    "js/ui/facet.js",
    "js/ui/footer.js",
    "js/ui/header.js",
    "js/ui/html.js",
    "js/ui/icons.js",
    "js/ui/layout.js",
    "js/ui/method.js",
    "js/ui/picture.js",
    "js/ui/segments.js",
    "js/ui/states.js",
    "js/ui/strip.js",
    "js/ui/table.js",
    "js/ui/tip-state.js",
    "js/ui/toolbar.js",
    "js/ui/tooltip.js",
    "js/ui/windowed.js",
    "locales/en.json",
    "locales/ja.json",
    "locales/ru.json",
    "locales/zh-CN.json",
    "vendor/LICENSE-htm",
    "vendor/LICENSE-preact",
    "vendor/LICENSE-signals",
    "vendor/htm.mjs",
    "vendor/preact-hooks.mjs",
    "vendor/preact.mjs",
    "vendor/signals-core.mjs",
    "vendor/signals.mjs",
];

/// Hex digits of a hash in addresses and entity tags: 64 bits, for names that only have to differ from each other.
const SHORT: usize = 16;

/// What is computed from the files once.
struct Table {
    version: String,
    etags: Vec<String>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut all = Sha256::new();
    let mut etags = Vec::with_capacity(FILES.len());
    for (path, content) in &FILES {
        let own = Sha256::digest(content);
        all.update(path.as_bytes());
        all.update([0]);
        all.update(own);
        etags.push(format!("\"{}\"", hex(&own)));
    }
    let mut version = hex(&all.finalize());
    version.truncate(SHORT);
    Table { version, etags }
});

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

/// Returns the file of a path below `/assets/` (given without that prefix), `None` when there is none.
///
/// Paths are `<version>/<file>`. The version of another build is answered too, but not as immutable: while several
/// builds run side by side, a page of one may fetch its files from the other.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    let (version, name) = path.split_once('/')?;
    if version.len() != SHORT || !version.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let at = FILES.binary_search_by_key(&name, |(path, _)| path).ok()?;
    Some(Asset {
        content: FILES[at].1,
        content_type: content_type(name),
        etag: &TABLE.etags[at],
        immutable: version == TABLE.version,
    })
}

/// Returns where the files of this build are: the absolute path without a slash at the end.
pub(crate) fn base() -> String {
    format!("/assets/{}", TABLE.version)
}

/// Returns the content of a file by its path below `assets/`.
pub(crate) fn file(name: &str) -> Option<&'static [u8]> {
    FILES.binary_search_by_key(&name, |(path, _)| path).ok().map(|at| FILES[at].1)
}

/// Returns the modules that the page imports, so that browsers can fetch them all at once.
pub(crate) fn modules() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(path, _)| *path).filter(|path| is_module(path))
}

fn is_module(path: &str) -> bool {
    let starts = ["js/main.js", "js/theme.js", "js/api/types.js"];
    (path.ends_with(".js") || path.ends_with(".mjs")) && !starts.contains(&path)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn listing(folder: &Path, below: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                listing(&entry.path(), &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }

    #[test]
    fn the_list_is_what_lies_in_the_folder() {
        let mut found = Vec::new();
        listing(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets"), "", &mut found);
        found.retain(|name| !name.ends_with(".d.mts") && name != "index.html" && name != "vendor/README.md");
        found.sort_unstable();
        assert_eq!(FILES.map(|(path, _)| path).to_vec(), found);
    }

    #[test]
    fn files_are_found_by_version_and_name_only() {
        let version = &TABLE.version;
        let main = asset(&format!("{version}/js/main.js")).expect("the module");
        assert!(main.immutable);
        assert_eq!(main.content_type, "text/javascript; charset=utf-8");
        assert_eq!(main.etag.len(), 66);
        let other = asset("0123456789abcdef/js/main.js").expect("the module of another build");
        assert!(!other.immutable);
        for path in
            ["", "/", "js/main.js", "../js/main.js", "0123456789abcdef/", "0123456789abcdef/../Cargo.toml"]
        {
            assert_eq!(asset(path), None, "{path}");
        }
        assert_eq!(asset(&format!("{version}/js/none.js")), None);
        assert_eq!(asset(&format!("{version}/js")), None);
    }

    #[test]
    fn vendored_files_have_the_checksums_of_their_readme() {
        let readme = include_str!("../assets/vendor/README.md");
        let mut checked = 0;
        for (path, content) in &FILES {
            let Some(name) = path.strip_prefix("vendor/").filter(|name| name.ends_with(".mjs")) else {
                continue;
            };
            let row = readme
                .lines()
                .find(|line| line.starts_with(&format!("| `{name}` | `")))
                .unwrap_or_else(|| panic!("{name} is not in the table"));
            assert!(
                row.ends_with(&format!("`{}` |", hex(&Sha256::digest(content)))),
                "{name} differs: {row}"
            );
            checked += 1;
        }
        assert_eq!(checked, 5);
    }

    #[test]
    fn everything_a_module_imports_is_a_file() {
        for (path, content) in
            FILES.iter().filter(|(path, _)| path.ends_with(".js") || path.ends_with(".mjs"))
        {
            let text = std::str::from_utf8(content).expect("UTF-8");
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let imports = text.split("from").skip(1).filter_map(|rest| {
                let rest = rest.trim_start_matches(' ');
                let quote = rest.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
                rest[1..].split(quote).next()
            });
            for import in imports.filter(|import| import.ends_with("js")) {
                let mut parts: Vec<&str> = folder.split('/').collect();
                for part in import.split('/') {
                    match part {
                        "." => {}
                        ".." => drop(parts.pop()),
                        name => parts.push(name),
                    }
                }
                assert!(file(&parts.join("/")).is_some(), "{path} imports {import}");
            }
        }
    }
}
