//! Reading a Dockerfile.

use crate::workspace::File;

/// Words of names whose values must come at run time.
const SECRETS: [&str; 4] = ["KEY", "TOKEN", "PASSWORD", "SECRET"];

/// One instruction, in upper case, and the rest of its line.
type Instruction = (String, String);

/// The instructions of a Dockerfile.
pub(super) struct Containerfile {
    stages: Vec<Vec<Instruction>>,
}

impl Containerfile {
    /// Reads the instructions; comments are left out, and continued lines are one.
    pub(super) fn parse(text: &str) -> Self {
        let mut stages: Vec<Vec<Instruction>> = Vec::new();
        let mut whole = String::new();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            if let Some(begun) = line.strip_suffix('\\') {
                whole.push_str(begun);
                continue;
            }
            whole.push_str(line);
            let taken = std::mem::take(&mut whole);
            let Some((word, rest)) = taken.trim().split_once(' ') else { continue };
            let word = word.to_uppercase();
            if word == "FROM" {
                stages.push(Vec::new());
            }
            if let Some(stage) = stages.last_mut() {
                stage.push((word, rest.trim().to_owned()));
            }
        }
        Self { stages }
    }

    /// Returns what is wrong.
    pub(super) fn findings(&self, files: &[File], ignore: &str) -> Vec<String> {
        let mut findings: Vec<String> = self.bases().into_iter().flat_map(unpinned).collect();
        if self.stages.len() < 2 {
            findings.push("what compiles must be another stage than what runs".to_owned());
        }
        for (word, rest) in self.stages.iter().flatten() {
            if matches!(word.as_str(), "ENV" | "ARG") && SECRETS.iter().any(|secret| rest.contains(secret)) {
                findings.push(format!("{word} {rest}: secrets come at run time"));
            }
            if word == "ADD" {
                findings.push("ADD unpacks and downloads: COPY does neither".to_owned());
            }
        }
        for source in self.sources() {
            if !files.iter().any(|file| is_at(&file.path, source) && !is_ignored(&file.path, ignore)) {
                findings
                    .push(format!("COPY {source}: there is no such file, or .dockerignore leaves it out"));
            }
        }
        for wanted in [".env", "target/x", ".git/HEAD", "relay.db", "config/.env", "a/b.db-wal"] {
            if !is_ignored(wanted, ignore) {
                findings.push(format!(".dockerignore lets {wanted} into the build"));
            }
        }
        findings.extend(self.last_stage());
        findings.into_iter().map(|finding| format!("Dockerfile: {finding}")).collect()
    }

    /// Returns what is wrong with the stage that runs.
    fn last_stage(&self) -> Vec<String> {
        let last = |wanted: &str| {
            let stage = self.stages.last().into_iter().flatten();
            stage.filter(|(word, _)| word == wanted).map(|(_, rest)| rest.as_str()).next_back()
        };
        let mut findings = Vec::new();
        let user = last("USER").and_then(|user| user.split(':').next()?.parse::<u32>().ok());
        if user.is_none_or(|user| user == 0) {
            // Kubernetes' runAsNonRoot cannot check a name.
            findings.push("USER must be a number, and not 0".to_owned());
        }
        if !last("HEALTHCHECK").is_some_and(|check| check.contains("[\"relay-server\", \"healthcheck\"]")) {
            findings.push("HEALTHCHECK must be relay-server healthcheck, without a shell".to_owned());
        }
        if last("ENTRYPOINT") != Some("[\"relay-server\"]") {
            findings.push("ENTRYPOINT must be the program alone, so that signals reach it".to_owned());
        }
        if last("VOLUME").is_none() {
            findings.push("the database must be in a volume".to_owned());
        }
        findings
    }

    /// Returns the images that stages begin with, those of other stages left out.
    fn bases(&self) -> Vec<&str> {
        let froms: Vec<&str> = self
            .stages
            .iter()
            .flatten()
            .filter(|(word, _)| word == "FROM")
            .map(|(_, rest)| rest.as_str())
            .collect();
        let names: Vec<&str> = froms.iter().filter_map(|from| from.split(" AS ").nth(1)).collect();
        let images = froms.iter().filter_map(|from| from.split_whitespace().next());
        images.filter(|image| !names.contains(image)).collect()
    }

    /// Returns what is copied from outside.
    fn sources(&self) -> Vec<&str> {
        let copies =
            self.stages.iter().flatten().filter(|(word, rest)| word == "COPY" && !rest.contains("--from="));
        copies
            .flat_map(|(_, rest)| {
                let words: Vec<&str> = rest.split_whitespace().collect();
                words[..words.len().saturating_sub(1)].to_vec()
            })
            .collect()
    }

    /// Returns the paths of the files that are copied from outside.
    pub(super) fn copied(&self, files: &[File], ignore: &str) -> Vec<String> {
        let sources = self.sources();
        let wanted = files.iter().filter(|file| !is_ignored(&file.path, ignore));
        wanted
            .filter(|file| sources.iter().any(|source| is_at(&file.path, source)))
            .map(|file| file.path.clone())
            .collect()
    }

    /// Returns the commands of the first stage.
    pub(super) fn build_commands(&self) -> Vec<String> {
        let stage = self.stages.first().into_iter().flatten();
        stage.filter(|(word, _)| word == "RUN").map(|(_, rest)| rest.clone()).collect()
    }
}

/// Returns what is wrong with an image: anything but a tag that names a version.
fn unpinned(image: &str) -> Option<String> {
    let tag = image.rsplit_once(':').map(|(_, tag)| tag);
    let version = tag.filter(|tag| tag.starts_with(|c: char| c.is_ascii_digit()) && tag.contains('.'));
    version.is_none().then(|| format!("FROM {image}: the tag must name a version"))
}

/// Tells whether a file is what a source names, or below it.
fn is_at(path: &str, source: &str) -> bool {
    path.strip_prefix(source).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Tells whether `.dockerignore` leaves a file out: lines name a path from the root, or after two stars any name, in
/// which one star is anything.
fn is_ignored(path: &str, ignore: &str) -> bool {
    let lines = ignore.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.into_iter().any(|line| match line.strip_prefix("**/") {
        Some(name) => path.split('/').any(|part| match name.strip_prefix('*') {
            Some(end) => part.ends_with(end),
            None => part == name,
        }),
        None => is_at(path, line),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# a comment\nFROM rust:1.2.3-slim AS build\nCOPY Cargo.toml src ./\nRUN one \\\n  two\n\
                        FROM debian:12.1-slim\nCOPY --from=build /x /x\nVOLUME /data\nUSER 65532:65532\n\
                        HEALTHCHECK --retries=3 CMD [\"relay-server\", \"healthcheck\"]\nENTRYPOINT [\"relay-server\"]\n";
    const IGNORE: &str = "# nothing of these\n.git\ntarget\n**/.env\n**/*.db\n**/*.db-wal\n";

    fn findings(text: &str) -> Vec<String> {
        let files = [File::of("Cargo.toml", ""), File::of("src/lib.rs", "")];
        Containerfile::parse(text).findings(&files, IGNORE)
    }

    #[test]
    fn a_good_one_has_no_findings_and_its_commands_are_whole() {
        assert_eq!(findings(GOOD), [""; 0]);
        assert_eq!(Containerfile::parse(GOOD).build_commands(), ["one   two"]);
    }

    #[test]
    fn each_rule_is_checked() {
        for (good, bad) in [
            ("debian:12.1-slim", "debian"),
            ("debian:12.1-slim", "debian:latest"),
            ("rust:1.2.3-slim", "rust:stable"),
            ("65532:65532", "root"),
            ("USER 65532:65532\n", ""),
            ("COPY Cargo.toml src", "COPY Cargo.toml gone"),
            ("COPY Cargo.toml src", "ADD Cargo.toml src"),
            ("VOLUME /data\n", ""),
            ("VOLUME /data\n", "VOLUME /data\nENV API_KEY=abc\n"),
            ("[\"relay-server\", \"healthcheck\"]", "curl -f localhost"),
            ("ENTRYPOINT [\"relay-server\"]", "ENTRYPOINT relay-server"),
        ] {
            assert_eq!(findings(&GOOD.replace(good, bad)).len(), 1, "{good} -> {bad}");
        }
    }

    #[test]
    fn what_is_ignored_is_not_copied() {
        let files = [File::of("src/lib.rs", ""), File::of("src/.env", ""), File::of("srcs/x.rs", "")];
        assert_eq!(Containerfile::parse(GOOD).copied(&files, IGNORE), ["src/lib.rs"]);
    }
}
