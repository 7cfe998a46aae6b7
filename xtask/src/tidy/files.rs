//! The shape of Rust files.

use super::Finding;
use crate::workspace::File;

/// More lines than this tire a reader; 400 are a good aim.
const MAX_LINES: usize = 600;

/// Finds Rust files that are too long, and modules in files called `mod.rs`.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let rust = || files.iter().filter(|file| file.has_extension("rs"));
    let long = rust().filter_map(|file| {
        let lines = file.text().lines().count();
        (lines > MAX_LINES).then(|| {
            Finding::new(&file.path, format!("has {lines} lines, more than {MAX_LINES}: split it by noun"))
        })
    });
    let misnamed = rust()
        .filter(|file| file.path.ends_with("/mod.rs"))
        .map(|file| Finding::new(&file.path, "write `foo.rs` beside `foo/`"));
    long.chain(misnamed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_hundred_lines_are_enough() {
        let text = |lines: usize| "//\n".repeat(lines);
        assert_eq!(check(&[File::of("crates/a/src/lib.rs", &text(MAX_LINES))]), []);
        assert_eq!(check(&[File::of("crates/a/src/lib.rs", &text(MAX_LINES + 1))]).len(), 1);
        assert_eq!(check(&[File::of("crates/a/assets/big.js", &text(MAX_LINES + 1))]), []);
    }

    #[test]
    fn modules_lie_beside_their_folder() {
        assert_eq!(check(&[File::of("crates/a/src/b.rs", ""), File::of("crates/a/src/b/c.rs", "")]), []);
        assert_eq!(check(&[File::of("crates/a/src/b/mod.rs", "")]).len(), 1);
    }
}
