//! Content codings: which one a client wants, and making it.

use std::io::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Zstd,
    Brotli,
}

/// Levels that cost about a millisecond per 60 kB of JSON; every coding is made once per answer and kept.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;
const BROTLI_QUALITY: u32 = 5;
/// How far back brotli and zstd look, as a power of two: 256 KiB holds hundreds of monitors, and what compressing takes
/// in memory grows with it.
const WINDOW_BITS: u32 = 18;
const BROTLI_BUFFER_BYTES: usize = 4096;

impl Encoding {
    /// Everything but identity.
    pub(crate) const CODED: [Self; 3] = [Self::Gzip, Self::Zstd, Self::Brotli];

    /// Returns the value of `Content-Encoding`, `None` for identity.
    pub(crate) fn header(self) -> Option<HeaderValue> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(HeaderValue::from_static("gzip")),
            Self::Zstd => Some(HeaderValue::from_static("zstd")),
            Self::Brotli => Some(HeaderValue::from_static("br")),
        }
    }

    /// Codes a whole body. Takes CPU time: not for an async thread.
    pub(crate) fn encode(self, body: &Bytes) -> std::io::Result<Bytes> {
        let room = body.len() / 4;
        match self {
            Self::Identity => Ok(body.clone()),
            Self::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut writer = flate2::write::GzEncoder::new(Vec::with_capacity(room), level);
                writer.write_all(body)?;
                writer.finish().map(Bytes::from)
            }
            Self::Zstd => {
                let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                compressor.window_log(WINDOW_BITS)?;
                compressor.compress(body).map(Bytes::from)
            }
            Self::Brotli => {
                let mut writer = brotli::CompressorWriter::new(
                    Vec::with_capacity(room),
                    BROTLI_BUFFER_BYTES,
                    BROTLI_QUALITY,
                    WINDOW_BITS,
                );
                writer.write_all(body)?;
                writer.flush()?;
                Ok(Bytes::from(writer.into_inner()))
            }
        }
    }
}

/// Codes a body piece by piece.
pub(crate) enum Stream {
    Identity,
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
}

impl Stream {
    pub(crate) fn new(encoding: Encoding) -> std::io::Result<Self> {
        Ok(match encoding {
            Encoding::Identity => Self::Identity,
            Encoding::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                Self::Gzip(flate2::write::GzEncoder::new(Vec::new(), level))
            }
            Encoding::Zstd => {
                let mut writer = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                writer.window_log(WINDOW_BITS)?;
                Self::Zstd(writer)
            }
            Encoding::Brotli => Self::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER_BYTES,
                BROTLI_QUALITY,
                WINDOW_BITS,
            ))),
        })
    }

    /// Codes one piece and returns what is ready to be sent. Takes CPU time: not for an async thread.
    pub(crate) fn push(&mut self, piece: &[u8]) -> std::io::Result<Bytes> {
        let coded = match self {
            Self::Identity => piece.to_vec(),
            Self::Gzip(writer) => {
                writer.write_all(piece)?;
                writer.flush()?;
                std::mem::take(writer.get_mut())
            }
            Self::Zstd(writer) => {
                writer.write_all(piece)?;
                writer.flush()?;
                std::mem::take(writer.get_mut())
            }
            Self::Brotli(writer) => {
                writer.write_all(piece)?;
                writer.flush()?;
                std::mem::take(writer.get_mut())
            }
        };
        Ok(Bytes::from(coded))
    }

    /// Codes the last piece and ends the stream.
    pub(crate) fn finish(self, piece: &[u8]) -> std::io::Result<Bytes> {
        let coded = match self {
            Self::Identity => piece.to_vec(),
            Self::Gzip(mut writer) => {
                writer.write_all(piece)?;
                writer.finish()?
            }
            Self::Zstd(mut writer) => {
                writer.write_all(piece)?;
                writer.finish()?
            }
            Self::Brotli(mut writer) => {
                writer.write_all(piece)?;
                writer.into_inner()
            }
        };
        Ok(Bytes::from(coded))
    }
}

/// Returns the coding to send: the one with the highest quality value in `Accept-Encoding` (RFC 9110, 12.5.3); among
/// equals the smallest output, brotli before zstd before gzip before identity. Without the header, identity; when
/// the client accepts nothing at all, identity too.
pub(crate) fn negotiate(headers: &HeaderMap) -> Encoding {
    let mut quality = [None; 4];
    let mut any = None;
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        let Ok(text) = value.to_str() else { continue };
        for item in text.split(',') {
            let (name, q) = parse_item(item);
            let slot = if name.eq_ignore_ascii_case("br") {
                &mut quality[0]
            } else if name.eq_ignore_ascii_case("zstd") {
                &mut quality[1]
            } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                &mut quality[2]
            } else if name.eq_ignore_ascii_case("identity") {
                &mut quality[3]
            } else if name == "*" {
                &mut any
            } else {
                continue;
            };
            *slot = Some(q);
        }
    }
    let ranked = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip, Encoding::Identity];
    let mut best = (Encoding::Identity, 0);
    for (index, encoding) in ranked.into_iter().enumerate() {
        // Identity is acceptable unless excluded, but only as a last resort when it is not named.
        let unnamed = if encoding == Encoding::Identity { None } else { any };
        let q = quality[index].or(unnamed).unwrap_or(0);
        if q > best.1 {
            best = (encoding, q);
        }
    }
    best.0
}

/// Splits `name;q=0.5` into the name and thousandths; a broken weight counts as 0.
fn parse_item(item: &str) -> (&str, u16) {
    let mut parts = item.split(';');
    let name = parts.next().unwrap_or_default().trim();
    let q = parts
        .filter_map(|part| part.trim().split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"))
        .map_or(1000, |(_, value)| thousandths(value.trim()));
    (name, q)
}

fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let padded = format!("{fraction:0<3}");
    match whole {
        "0" => padded.parse().unwrap_or(0),
        "1" if padded == "000" => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &'static str) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
        negotiate(&headers)
    }

    #[test]
    fn the_highest_quality_wins_and_brotli_among_equals() {
        for (accept, expected) in [
            ("gzip", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("gzip, deflate, zstd", Encoding::Zstd),
            ("gzip;q=1.0, br;q=0.9", Encoding::Gzip),
            ("br;q=0", Encoding::Identity),
            ("*", Encoding::Brotli),
            ("br;q=0, *", Encoding::Zstd),
            ("identity, gzip;q=0.5", Encoding::Identity),
            ("GZIP ; Q=0.8", Encoding::Gzip),
            ("deflate", Encoding::Identity),
            ("identity;q=0", Encoding::Identity),
            ("gzip;q=7, br;q=x, zstd;q=0.001", Encoding::Zstd),
            ("", Encoding::Identity),
        ] {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
        assert_eq!(negotiate(&HeaderMap::new()), Encoding::Identity);
    }

    #[test]
    fn every_coding_reads_back() {
        use std::io::Read;
        let body = Bytes::from("{\"a\":[1,2,3]}".repeat(500));
        for encoding in Encoding::CODED {
            let coded = encoding.encode(&body).expect("encoding works");
            assert!(coded.len() < body.len() / 10, "{encoding:?} is {}", coded.len());
            let mut read = Vec::new();
            match encoding {
                Encoding::Identity => unreachable!("not a coding"),
                Encoding::Gzip => {
                    flate2::read::GzDecoder::new(&coded[..]).read_to_end(&mut read).expect("gzip");
                }
                Encoding::Zstd => read = zstd::decode_all(&coded[..]).expect("zstd"),
                Encoding::Brotli => {
                    brotli::Decompressor::new(&coded[..], 4096).read_to_end(&mut read).expect("brotli");
                }
            }
            assert_eq!(read, body);
        }
    }
}
