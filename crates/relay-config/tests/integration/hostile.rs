//! Input that is broken or made to hurt: a clear error, soon, and never a panic.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use relay_config::{Environment, load, load_str};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::MONITOR;

/// Far more than any of these takes in a debug build on a busy machine, and far less than a quadratic reader needs.
const SOON: std::time::Duration = std::time::Duration::from_secs(20);

/// Loads a text that must be refused soon, and returns what is told.
fn refused(text: &str) -> String {
    let start = Instant::now();
    let problems = load_str(text, "c.yaml", &Environment::new()).expect_err("this must be refused");
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    problems.to_string()
}

fn refused_file(path: &Path) -> String {
    let start = Instant::now();
    let problems = load(path, &Environment::new()).expect_err("this must be refused");
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    problems.to_string()
}

fn has(told: &str, words: &str) {
    assert!(told.contains(words), "{words:?} is missing in: {}", told.chars().take(500).collect::<String>());
}

#[test]
fn deep_nesting() {
    for text in ["[".repeat(20_000), "[".repeat(200_000), "{a: ".repeat(20_000), "- ".repeat(20_000)] {
        has(&refused(&text), "deep");
    }
    let blocks = (0..20_000).map(|depth| " ".repeat(depth % 200) + "a:\n").collect::<String>();
    refused(&blocks);
    let nested = (0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect::<String>();
    has(&refused(&nested), "deep");
}

#[test]
fn a_tab_in_the_indentation_is_shown_where_it_is() {
    let told = refused("interval: 1m\nmonitors:\n  - provider: a\n\tservice: cc\n");
    has(&told, "c.yaml:4:1: not valid YAML: a tab in the indentation, write spaces");
    let text =
        "monitors:\n  - provider: a\n    body: |\n      one\n      \ttwo\n    service: cc\n  \tchannel: x\n";
    has(&refused(text), "c.yaml:7:3: not valid YAML: a tab in the indentation");
}

#[test]
fn nesting_by_aliases() {
    let mut text = String::from("x-0: &a0 [1]\n");
    for depth in 1..400 {
        text.push_str(&format!("x-{depth}: &a{depth} [*a{}]\n", depth - 1));
    }
    has(&refused(&text), "nested deeper than 128 levels");
}

#[test]
fn bombs_of_aliases() {
    let mut laughs = String::from("x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("x-{level}: &a{level} [{aliases}]\n"));
    }
    has(&refused(&laughs), "more than 1000000 values");

    let wide = format!("x-a: &a [{}]\nx-b: [{}]\n", "1,".repeat(2_000), "*a,".repeat(20_000));
    has(&refused(&wide), "more than 1000000 values");

    let long = format!("x-a: &a {}\nx-b: [{}]\n", "x".repeat(1_000_000), "*a,".repeat(1_000));
    has(&refused(&long), "MiB of text");
}

#[test]
fn bombs_of_merge_keys() {
    let entries = (0..2_000).map(|at| format!("k{at}: 1, ")).collect::<String>();
    let merges = "  - {<<: *a}\n".repeat(2_000);
    has(&refused(&format!("x-a: &a {{{entries}}}\nx-b:\n{merges}")), "more than 1000000 values");
}

#[test]
fn bombs_of_inheritance_and_placeholders() {
    let children = |count: usize| {
        (0..count).map(|at| format!("  - {{parent: acme/cc, model: m{at}}}\n")).collect::<String>()
    };
    let parent = MONITOR.to_owned() + "    model: m\n";
    let fat = format!("{parent}    body: {}\n{}", "x".repeat(2_000_000), children(600));
    has(&refused(&fat), "grows beyond 256 MiB");
    let model = "m".repeat(100_000);
    let multiplied = format!("{MONITOR}    model: {model}\n    body: '{}'\n", "{{MODEL}}".repeat(10_000));
    has(&refused(&multiplied), "grows beyond 256 MiB");
}

#[test]
fn many_problems_are_bounded() {
    let unknown: String = (0..50_000).map(|at| format!("k{at}: 1\n")).collect();
    has(&refused(&(MONITOR.to_owned() + &unknown)), "more than 10000 problems");
}

#[test]
fn long_lists_take_no_quadratic_time() {
    let headers: String = (0..100_000).map(|at| format!("h{at}: x, ")).collect();
    has(&refused(&format!("{MONITOR}    headers: {{{headers}}}\n")), "more than 500 entries");
    let orphans: String = (0..8_000).map(|at| format!("  - {{parent: no/such/{at}, model: m}}\n")).collect();
    has(&refused(&(MONITOR.to_owned() + &orphans)), "no entry without parent");
    let twice = "a: 1\n".repeat(100_000);
    has(&refused(&twice), "given twice");
    let monitors = "  - {}\n".repeat(100_001);
    has(&refused(&format!("monitors:\n{monitors}")), "more than 100000 items");
    let badges = "x, ".repeat(200);
    has(&refused(&format!("{MONITOR}    badges: [{badges}]\n")), "more than 100 items");
    let patterns: String = (0..1_001).map(|at| format!("{{path: a, matches: 'x{at}'}}, ")).collect();
    has(&refused(&format!("{MONITOR}    expect: {{json: [{patterns}]}}\n")), "more than 1000 different");
}

#[test]
fn broken_text() {
    for text in [
        "\u{0}",
        "monitors: \u{0}",
        "\u{feff}\u{feff}: [",
        "%YAML 9.9\n---\n[",
        "\"",
        "'",
        "|\n\tx",
        "!!int &a",
        "? [",
        "*",
        "&",
        "- - - ]",
    ] {
        refused(text);
    }
    let long_key = format!("{}: 1\n{MONITOR}", "k".repeat(100_000));
    refused(&long_key);
}

/// A folder with a configuration whose body is included from here.
struct Folder {
    dir: TempDir,
}

impl Folder {
    fn with(include: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("data")).expect("a folder");
        let text = format!("{MONITOR}    body: '!include {include}'\n");
        fs::write(dir.path().join("config.yaml"), text).expect("a file");
        Self { dir }
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config.yaml")
    }

    fn data(&self, name: &str) -> PathBuf {
        self.dir.path().join("data").join(name)
    }

    fn refused(&self) -> String {
        let told = refused_file(&self.config());
        has(&told, "monitors[0].body");
        told
    }
}

fn fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).expect("a pipe");
}

#[test]
fn files_that_are_none() {
    let dir = tempfile::tempdir().expect("a folder");
    has(&refused_file(dir.path()), "is a directory");
    has(&refused_file(&dir.path().join("missing.yaml")), "there is no such file");
    let pipe = dir.path().join("pipe.yaml");
    fifo(&pipe);
    has(&refused_file(&pipe), "is not a plain file");
    has(&refused_file(Path::new("/dev/zero")), "is not a plain file");
    let link = dir.path().join("loop.yaml");
    symlink("loop.yaml", &link).expect("a link");
    refused_file(&link);
}

#[test]
fn files_that_are_too_large_or_no_text() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.yaml");
    let file = fs::File::create(&path).expect("a file");
    file.set_len(100 * 1024 * 1024).expect("a sparse file");
    has(&refused_file(&path), "larger than 16 MiB");
    fs::write(&path, b"a: 1\nb: \xff\n").expect("a file");
    has(&refused_file(&path), "not UTF-8 (line 2)");
    fs::write(&path, format!("\u{feff}{MONITOR}")).expect("a file");
    assert!(load(&path, &Environment::new()).is_ok(), "a mark of the byte order is fine");
    fs::write(&path, format!("{MONITOR}# {}", "x".repeat(3 * 1024 * 1024))).expect("a file");
    assert!(load(&path, &Environment::new()).is_ok(), "3 MiB are fine");
}

#[test]
fn a_dotenv_that_is_none() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.yaml");
    fs::write(&path, MONITOR).expect("a file");
    fs::create_dir(dir.path().join(".env")).expect("a folder");
    has(&refused_file(&path), ".env: is a directory");
}

#[test]
fn includes_that_lead_elsewhere() {
    for (include, words) in [
        ("/etc/passwd", "must be relative"),
        ("../secret", "must not hold .."),
        ("data/../../secret", "must not hold .."),
        ("other/x.json", "under data/"),
        ("data", "under data/"),
        ("data/missing.json", "there is no such file"),
    ] {
        has(&Folder::with(include).refused(), words);
    }
}

#[test]
fn includes_through_links_stay_inside() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret"), "x").expect("a file");

    let folder = Folder::with("data/out");
    symlink(outside.path().join("secret"), folder.data("out")).expect("a link");
    has(&folder.refused(), "leads out of data/");

    let folder = Folder::with("data/sub/secret");
    symlink(outside.path(), folder.data("sub")).expect("a link");
    has(&folder.refused(), "leads out of data/");

    // `data` itself may be a link: that is how ConfigMaps are mounted.
    let folder = Folder::with("data/secret");
    fs::remove_dir(folder.dir.path().join("data")).expect("a removal");
    symlink(outside.path(), folder.dir.path().join("data")).expect("a link");
    assert!(load(&folder.config(), &Environment::new()).is_ok());
}

#[test]
fn includes_that_are_no_files() {
    let folder = Folder::with("data/x");
    fifo(&folder.data("x"));
    has(&folder.refused(), "is not a plain file");

    let folder = Folder::with("data/x");
    fs::create_dir(folder.data("x")).expect("a folder");
    has(&folder.refused(), "is a directory");

    let folder = Folder::with("data/x");
    fs::write(folder.data("x"), vec![b'x'; 1024 * 1024 + 1]).expect("a file");
    has(&folder.refused(), "larger than 1 MiB");

    let folder = Folder::with("data/x");
    fs::write(folder.data("x"), b"\xff").expect("a file");
    has(&folder.refused(), "not UTF-8");
}

#[test]
fn an_include_is_read_in_both_forms() {
    for form in ["'!include data/x.json'", "!include data/x.json", "\"!include  ./data/x.json\""] {
        let folder = Folder::with("data/x.json");
        fs::write(folder.data("x.json"), " {\"a\": 1}\n").expect("a file");
        fs::write(folder.config(), format!("{MONITOR}    body: {form}\n")).expect("a file");
        let loaded =
            load(&folder.config(), &Environment::new()).unwrap_or_else(|problems| panic!("{problems}"));
        let monitor = &loaded.config.monitors[0];
        assert_eq!(monitor.probe.body, "{\"a\": 1}");
        assert_eq!(monitor.listing.template_name.as_deref(), Some("x.json"));
        assert_eq!(loaded.sources.len(), 2, "{:?}", loaded.sources);
    }
}
