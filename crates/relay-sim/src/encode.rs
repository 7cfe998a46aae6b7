//! Content encodings, as a client's `Accept-Encoding` allows them.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, header::ACCEPT_ENCODING};

/// A content encoding that a relay can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `gzip`
    Gzip,
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
    /// `deflate`, in its zlib form.
    Deflate,
}

/// Compresses piece by piece; dropping the writer writes the end.
pub(crate) struct Encoder {
    writer: Option<Box<dyn Write + Send>>,
    out: Shared,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

// === impl Encoding ===

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Brotli, Self::Zstd, Self::Deflate];

    /// Returns the name used in headers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }

    /// Picks `self` if the client accepts it, else the first that it accepts, else none.
    pub(crate) fn accepted(self, headers: &HeaderMap) -> Option<Self> {
        let header = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
        let offered: Vec<Self> = header
            .split(',')
            .filter_map(|item| {
                let (name, weight) = item.split_once(';').unwrap_or((item, ""));
                let refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
                (!refused).then(|| Self::ALL.into_iter().find(|e| e.name() == name.trim()))?
            })
            .collect();
        if offered.contains(&self) { Some(self) } else { offered.first().copied() }
    }

    /// Compresses a whole body.
    pub(crate) fn encode(self, body: &[u8]) -> Bytes {
        let mut encoder = Encoder::new(self);
        let mut out = encoder.push(body).to_vec();
        out.extend_from_slice(&encoder.finish());
        out.into()
    }
}

// === impl Encoder ===

impl Encoder {
    pub(crate) fn new(encoding: Encoding) -> Self {
        let out = Shared::default();
        let level = flate2::Compression::fast();
        let writer: Option<Box<dyn Write + Send>> = match encoding {
            Encoding::Gzip => Some(Box::new(flate2::write::GzEncoder::new(out.clone(), level))),
            Encoding::Deflate => Some(Box::new(flate2::write::ZlibEncoder::new(out.clone(), level))),
            Encoding::Brotli => Some(Box::new(brotli::CompressorWriter::new(out.clone(), 4096, 2, 20))),
            // Creating the context fails only when memory runs out; then the body stays empty.
            Encoding::Zstd => zstd::stream::write::Encoder::new(out.clone(), 1)
                .ok()
                .map(|encoder| Box::new(encoder.auto_finish()) as Box<dyn Write + Send>),
        };
        Self { writer, out }
    }

    /// Takes more input; returns what output is ready (maybe none).
    pub(crate) fn push(&mut self, input: &[u8]) -> Bytes {
        // Writing into memory does not fail.
        let _infallible = self.writer.as_mut().map(|writer| writer.write_all(input));
        self.out.take()
    }

    /// Ends the output; returns the rest of it.
    pub(crate) fn finish(&mut self) -> Bytes {
        drop(self.writer.take());
        self.out.take()
    }
}

// === impl Shared ===

impl Shared {
    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Shared {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
