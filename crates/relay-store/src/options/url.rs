//! PostgreSQL as one line: `postgres://user:password@host:port/database?sslmode=…`, as libpq reads it.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use relay_core::Secret;
use tokio_postgres::config::Host;

use super::{PostgresOptions, SslMode};

/// What RFC 3986 lets stand in every part of a URL stays; everything else could mean something, also to a shell.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a line names no database. Never holds a part of the line that may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(String);

impl PostgresOptions {
    /// Reads a URL. Without `sslmode` it is `prefer`; the user's name stands in for a missing database. Of other
    /// parameters, `sslrootcert`, `host`, `port`, `user`, `password` and `dbname` are used.
    ///
    /// # Errors
    /// What is wrong with it, without its password.
    pub fn from_url(url: &str) -> Result<Self, UrlError> {
        let error = |reason: &str| UrlError(reason.to_owned());
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(error("it must begin with postgres:// or postgresql://"));
        }
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut ssl_mode, mut ssl_root_cert, mut others) = (SslMode::Prefer, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", word)) => ssl_mode = mode(word)?,
                Some(("sslrootcert", path)) => {
                    let path = percent_decode_str(path).decode_utf8();
                    let path = path.map_err(|_| error("sslrootcert is no text"))?;
                    ssl_root_cert = Some(PathBuf::from(path.into_owned()));
                }
                _ => others.push(pair),
            }
        }
        let rest = format!("{place}?{}", others.join("&"));
        // What the driver says may quote the line.
        let config: tokio_postgres::Config = rest
            .parse()
            .map_err(|_| error("it is no postgres:// URL, or has a parameter that is not known"))?;
        let host = match config.get_hosts() {
            [Host::Tcp(host)] => host.clone(),
            [Host::Unix(folder)] => folder.display().to_string(),
            [] => return Err(error("it names no host")),
            _ => return Err(error("it must name one host only")),
        };
        let user = config.get_user().ok_or_else(|| error("it names no user"))?;
        let password = match config.get_password().map(std::str::from_utf8) {
            None => Secret::default(),
            Some(Ok(password)) => Secret::new(password),
            Some(Err(_)) => return Err(error("the password is no text")),
        };
        let options = Self::new(host, user, config.get_dbname().unwrap_or(user));
        let port = config.get_ports().first().copied().unwrap_or(options.port);
        Ok(Self { port, password, ssl_mode, ssl_root_cert, ..options })
    }

    /// Returns the URL of the same database, without the password.
    #[must_use]
    pub fn to_url(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        let host = match &*self.host {
            ipv6 if ipv6.contains(':') => format!("[{ipv6}]"),
            folder if folder.starts_with('/') => encoded(folder),
            name => name.to_owned(),
        };
        let (user, database) = (encoded(&self.user), encoded(&self.database));
        let mode = MODES.iter().find(|(_, mode)| *mode == self.ssl_mode).map_or("", |(word, _)| word);
        let mut url = format!("postgres://{user}@{host}:{}/{database}?sslmode={mode}", self.port);
        if let Some(path) = &self.ssl_root_cert {
            url += &format!("&sslrootcert={}", encoded(&path.to_string_lossy()));
        }
        url
    }

    /// Tells whether both name one database, by the same words.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        (&self.host, self.port, &self.database) == (&other.host, other.port, &other.database)
    }
}

const MODES: [(&str, SslMode); 5] = [
    ("disable", SslMode::Disable),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

fn mode(word: &str) -> Result<SslMode, UrlError> {
    // libpq's `allow` encrypts where it must; we do where we can.
    let word = if word == "allow" { "prefer" } else { word };
    let known = MODES.iter().find(|(name, _)| *name == word).map(|(_, mode)| *mode);
    known.ok_or_else(|| {
        UrlError("sslmode must be disable, prefer, require, verify-ca or verify-full".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> PostgresOptions {
        PostgresOptions::from_url(url).expect(url)
    }

    #[test]
    fn every_part_is_read() {
        let url = "postgresql://r%40b:p%3Aw%2F@db.example:6432/relay%20pulse?sslmode=verify-full&sslrootcert=%2Fca.pem";
        let options = read(url);
        assert_eq!((&*options.host, options.port), ("db.example", 6432));
        assert_eq!((&*options.user, options.password.expose()), ("r@b", "p:w/"));
        assert_eq!(options.database, "relay pulse");
        assert_eq!((options.ssl_mode, options.ssl_root_cert), (SslMode::VerifyFull, Some("/ca.pem".into())));
        let other = read("postgres://u@[::1]/?dbname=d&password=s&connect_timeout=5");
        assert_eq!((&*other.host, other.port, &*other.database), ("::1", 5432, "d"));
        assert_eq!((other.password.expose(), other.ssl_mode), ("s", SslMode::Prefer));
        assert_eq!(read("postgres://%2Frun%2Fpostgresql/?user=u").host, "/run/postgresql");
        assert_eq!(read("postgres://u@h").database, "u");
    }

    #[test]
    fn what_is_written_reads_back_without_the_password() {
        for url in [
            "postgres://u:secret@h:1/d?sslmode=require&sslrootcert=/a'b",
            "postgres://u:secret@[::1]:5432/d%27%3F?sslmode=disable",
            "postgres://u:secret@%2Frun/d",
        ] {
            let options = read(url);
            let written = options.to_url();
            assert!(!written.contains("secret") && !written.contains('\''), "{written}");
            let again = read(&written);
            assert_eq!(
                again,
                PostgresOptions { password: Secret::default(), ..options.clone() },
                "{written}"
            );
            assert!(again.is_same_place(&options));
        }
    }

    #[test]
    fn what_is_none_is_refused_without_the_password() {
        for url in [
            "mysql://u:hush@h/d",
            "host=h password=hush",
            "postgres://u:hush@h/d?sslmode=sometimes",
            "postgres://u:hush@h/d?wibble=1",
            "postgres://u:hush@h:port/d",
            "postgres://u:hush@h,i/d",
            "postgres://u:hush@h:99999/d",
            "postgres://:hush@/d",
            "postgres://h/d?password=hush",
        ] {
            let error = PostgresOptions::from_url(url).expect_err(url).to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
