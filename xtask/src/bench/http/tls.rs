//! What encryption by the program itself costs its cached answers.

use std::path::Path;

use anyhow::Result;

use super::{CONNECTIONS, STATUS, middle, millis, prepare, press};
use crate::bench::{
    Scale,
    encrypted::Encrypted,
    figure::{self, Figure},
    fixture::Fixture,
    server::Server,
};

/// Presses the program in clear and over TLS, in turns; connections are kept.
pub(super) fn figures(program: &Path, fixture: &Fixture, scale: Scale) -> Result<Vec<Figure>> {
    let (open, closed) = (prepare(fixture, "10m")?, prepare(fixture, "10m")?);
    let tls = Encrypted::install(closed.path())?;
    let plain = Server::start(program, open.path())?;
    let encrypted = Server::start_encrypted(program, closed.path(), tls.clone())?;
    let bytes = encrypted.fetch(STATUS, "gzip")?.body.len();
    plain.fetch(STATUS, "gzip")?;
    let (mut beside, mut measured) = (Vec::new(), Vec::new());
    for _ in 0..scale.pick(3, 2) {
        beside.push(press(plain.addr(), None, scale)?);
        measured.push(press(encrypted.addr(), Some(tls.clone()), scale)?);
    }
    let (beside, measured) = (middle(&beside), middle(&measured));
    let ratio = measured.per_second / beside.per_second;
    Ok(vec![
        Figure::new(
            format!(
                "`{STATUS}` cached, gzip ({bytes} bytes), over its own TLS, {CONNECTIONS} kept connections"
            ),
            format!("{}, p99 {:.2} ms", figure::rate(measured.per_second), millis(measured.p99)),
        )
        .beside(format!(
            "in clear: {}, p99 {:.2} ms (ratio {ratio:.2}; the client decrypts on the same machine)",
            figure::rate(beside.per_second),
            millis(beside.p99)
        )),
    ])
}
