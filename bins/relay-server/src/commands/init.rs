//! `init`: writes a starter configuration.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use relay_config::{STARTER_CONFIG, STARTER_DOTENV};

use super::print;
use crate::cli::InitArgs;

/// Writes `config.yaml` and `.env.example` into the directory, making it when needed.
///
/// # Errors
/// When one of the files is there already, or cannot be written; what was written is taken back then.
pub(crate) fn run(args: &InitArgs) -> anyhow::Result<()> {
    let dir = &args.dir;
    let (config, env) = (dir.join("config.yaml"), dir.join(".env.example"));
    for path in [&config, &env] {
        if path.symlink_metadata().is_ok() {
            bail!("{} is there already and was left alone: choose another directory", path.display());
        }
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    write_new(&config, STARTER_CONFIG)?;
    if let Err(error) = write_new(&env, STARTER_DOTENV) {
        // Half of a starter is none; if it cannot be taken back, the error below is still the one to tell.
        let _ = fs::remove_file(&config);
        return Err(error);
    }
    print(&format!(
        "wrote {} and {}\nnext: put your relays and keys in, then `relay-server check --config {}` and \
         `relay-server run --config {}`\n",
        config.display(),
        env.display(),
        config.display(),
        config.display()
    ));
    Ok(())
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("{} is there already and was left alone", path.display()),
        _ => anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written
        .inspect_err(|_| drop(fs::remove_file(path)))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_once_and_never_over_anything() {
        let dir = tempfile::tempdir().expect("a directory");
        let args = InitArgs { dir: dir.path().join("new") };
        run(&args).expect("an empty place");
        let first = fs::read_to_string(args.dir.join("config.yaml")).expect("written");
        assert_eq!(first, STARTER_CONFIG);
        let error = run(&args).expect_err("already there");
        assert!(error.to_string().contains("left alone"), "{error}");
        fs::remove_file(args.dir.join("config.yaml")).expect("removed");
        run(&args).expect_err("the other file is still there");
        assert!(!args.dir.join("config.yaml").exists(), "half a starter");
    }
}
