//! Every command line of this program that README, docs/ and the examples of deployments show is understood.

#[path = "../../tests/integration/docs/markdown.rs"]
mod markdown;

use std::{fs, path::Path};

use clap::error::ErrorKind;

use super::*;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Returns the arguments, with the program's name, when the words start this program.
fn ours(words: &[String]) -> Option<Vec<String>> {
    let words = if words.first().is_some_and(|word| word == "sudo") { &words[1..] } else { words };
    let named = words.first()?.rsplit('/').next() == Some("relay-server");
    let run = words.first()? == "cargo"
        && words.get(1)? == "run"
        && !words.iter().any(|word| matches!(word.as_str(), "--package" | "-p"));
    let rest = match (named, words.iter().position(|word| word == "--")) {
        (true, _) => &words[1..],
        (_, Some(at)) if run => &words[at + 1..],
        (_, None) if run => &[],
        _ => return None,
    };
    Some(std::iter::once("relay-server".to_owned()).chain(rest.iter().cloned()).collect())
}

/// Makes sure that a line is understood; asking for help is fine too.
fn understand(place: &str, words: &[String]) {
    understand_but(place, words, &[]);
}

/// Makes sure that a line is understood, or wrong in one of these ways only.
fn understand_but(place: &str, words: &[String], forgiven: &[ErrorKind]) {
    if let Err(error) = Cli::try_parse_from(words)
        && !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
        && !forgiven.contains(&error.kind())
    {
        panic!("{place}: `{}` is not understood: {error}", words.join(" "));
    }
}

#[test]
fn commands_of_blocks_are_understood() {
    let mut understood = 0;
    for (path, text) in markdown::documents(root()) {
        let blocks = markdown::blocks(&path, &text);
        for block in blocks.iter().filter(|block| block.language == "sh" && !block.is_exempt) {
            for words in markdown::commands(&block.text).iter().filter_map(|words| ours(words)) {
                understand(&block.place, &words);
                understood += 1;
            }
        }
    }
    assert!(understood >= 5, "the documents lost their examples");
}

/// In running text a command stands between backticks, and may leave out what it needs; `<!-- untested: REASON -->` in the same line exempts it.
#[test]
fn commands_in_the_text_are_understood() {
    let mut understood = 0;
    for (path, text) in markdown::documents(root()) {
        let mut fenced = false;
        let lines = text.lines().filter(|line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fence && !fenced && !line.contains("<!-- untested: ")
        });
        let prose = lines.collect::<Vec<_>>().join("\n");
        for quoted in prose.split('`').skip(1).step_by(2).filter(|quoted| quoted.starts_with("relay-server "))
        {
            for words in markdown::commands(&quoted.replace('\n', " ")).iter().filter_map(|words| ours(words))
            {
                understand_but(
                    &path,
                    &words,
                    &[ErrorKind::MissingRequiredArgument, ErrorKind::MissingSubcommand],
                );
                understood += 1;
            }
        }
    }
    assert!(understood >= 5, "the documents lost their commands");
}

#[test]
fn commands_of_deployments_are_understood() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("readable");
    let unit = read("docs/deploy/relay-server.service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    understand("relay-server.service", &ours(&markdown::commands(start)[0]).expect("this program"));
    let mut understood = 0;
    for (path, begin) in
        [("Dockerfile", "CMD ["), ("compose.yaml", "command: ["), ("docs/deploy/kubernetes.yaml", "args: [")]
    {
        for line in read(path).lines().filter_map(|line| line.trim().strip_prefix(begin)) {
            let words = line.trim_end_matches(']').split(", ").map(|word| word.trim_matches('"').to_owned());
            let words: Vec<String> = std::iter::once("relay-server".to_owned()).chain(words).collect();
            understand(path, &words);
            understood += 1;
        }
    }
    assert!(understood >= 4, "the examples lost their commands");
}

#[test]
fn strangers_are_left_alone() {
    let of = |line: &str| ours(&markdown::commands(line)[0]).map(|words| words.join(" "));
    assert_eq!(of("cargo run --release -- demo").as_deref(), Some("relay-server demo"));
    assert_eq!(of("sudo /usr/local/bin/relay-server check").as_deref(), Some("relay-server check"));
    assert_eq!(of("cargo run -p xtask -- tidy"), None);
    assert_eq!(of("cargo xtask tidy"), None);
    assert_eq!(of("tar x relay-server"), None);
}
