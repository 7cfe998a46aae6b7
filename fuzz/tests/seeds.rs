//! Every seed goes through the check it is for, as in the fuzzer.

use std::{fs, path::Path};

use relay_fuzz::TARGETS;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the names of what a folder holds, without extensions, sorted.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(here().join(folder)).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn every_target_has_a_program_and_seeds() {
    let targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("seeds"), targets);
}

#[test]
fn every_seed_passes() {
    for (name, check) in TARGETS {
        let mut count = 0;
        for entry in fs::read_dir(here().join("seeds").join(name)).expect("seeds") {
            let path = entry.expect("an entry").path();
            let data = fs::read(&path).expect("a seed");
            // Shown by the test harness only when the check panics, to say which seed it was.
            println!("{}", path.display());
            check(&data);
            count += 1;
        }
        assert!(count > 0, "{name} has no seeds");
    }
}

#[test]
fn nothing_is_fine() {
    for (_, check) in TARGETS {
        check(b"");
    }
}
