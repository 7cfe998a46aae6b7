//! Writes the JSON Schema and the reference of all settings: `generate SCHEMA.json REFERENCE.md`.

use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    for (path, text) in
        arguments.by_ref().zip([relay_config::json_schema(), relay_config::configuration_markdown()])
    {
        fs::write(path, text)?;
    }
    Ok(())
}
