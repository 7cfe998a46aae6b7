//! Variables that set settings directly.

use relay_core::Secret;

use crate::{
    reader::{Located, Read, Reader},
    schema::{
        events::Events,
        root::Root,
        server::Server,
        storage::{Postgres, Sqlite, Storage},
        values::{SecretText, SecretValue, Text},
    },
    yaml::{Mark, Node},
};

/// Sets what the environment says over what the file says. A malformed value is reported under the variable's name.
pub(crate) fn overlay(root: &mut Root, reader: &mut Reader<'_>) {
    storage(root, reader);
    if let Some(url) = read(reader, "MONITOR_PUBLIC_BASE_URL") {
        root.public_base_url = Some(url);
    }
    if let Some(listen) = read::<Text>(reader, "MONITOR_LISTEN") {
        section(&mut root.server, Server::default).listen = Some(listen);
    }
    if let Some(token) = reader.env.get("EVENTS_API_TOKEN") {
        let token = SecretText(Secret::new(token));
        section(&mut root.events, Events::default).api_token = Some(Located::nowhere(token));
    }
}

fn storage(root: &mut Root, reader: &mut Reader<'_>) {
    let set = |root: &mut Root, change: &dyn Fn(&mut Postgres)| {
        let storage = section(&mut root.storage, Storage::default);
        change(section(&mut storage.postgres, Postgres::default));
    };
    if let Some(kind) = read(reader, "MONITOR_STORAGE_TYPE") {
        section(&mut root.storage, Storage::default).r#type = Some(kind);
    }
    if let Some(path) = read::<Text>(reader, "MONITOR_SQLITE_PATH") {
        let storage = section(&mut root.storage, Storage::default);
        section(&mut storage.sqlite, Sqlite::default).path = Some(path);
    }
    if let Some(host) = read::<Text>(reader, "MONITOR_POSTGRES_HOST") {
        set(root, &|postgres| postgres.host = Some(host.clone()));
    }
    if let Some(port) = read(reader, "MONITOR_POSTGRES_PORT") {
        set(root, &|postgres| postgres.port = Some(port.clone()));
    }
    if let Some(user) = read::<Text>(reader, "MONITOR_POSTGRES_USER") {
        set(root, &|postgres| postgres.user = Some(user.clone()));
    }
    if let Some(password) = reader.env.get("MONITOR_POSTGRES_PASSWORD") {
        let password = Located::nowhere(SecretValue::known(password));
        set(root, &|postgres| postgres.password = Some(password.clone()));
    }
    if let Some(database) = read::<Text>(reader, "MONITOR_POSTGRES_DATABASE") {
        set(root, &|postgres| postgres.database = Some(database.clone()));
    }
    if let Some(mode) = read(reader, "MONITOR_POSTGRES_SSLMODE") {
        set(root, &|postgres| postgres.sslmode = Some(mode.clone()));
    }
}

/// Returns a section to change, making it when the file has none.
fn section<T>(field: &mut Option<Located<T>>, make: fn() -> T) -> &mut T {
    &mut field.get_or_insert_with(|| Located::nowhere(make())).value
}

/// Reads a variable as if its value stood in the file.
fn read<T: Read>(reader: &mut Reader<'_>, name: &str) -> Option<Located<T>> {
    let node = Node::text(reader.env.get(name)?, Mark::default());
    reader.at_root(name, |reader| T::read(&node, reader)).map(Located::nowhere)
}
