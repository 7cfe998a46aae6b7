//! Content encodings: any bytes are decoded or refused, alike in any pieces, and never to more than what is taken.

use std::ops::ControlFlow;

use relay_probe::decode::Decoder;

use crate::pieces::pieces;

/// The encodings; the first byte of an input chooses one, so that seeds can begin with a letter.
const ENCODINGS: [(u8, &str); 7] = [
    (b'g', "gzip"),
    (b'd', "deflate"),
    (b'b', "br"),
    (b'z', "zstd"),
    (b'n', ""),
    (b's', "gzip, br"),
    (b't', "zstd, deflate"),
];
/// Where the taker has enough.
const CAP: usize = 256 * 1024;
/// The longest piece that may be handed on.
const MAX_PIECE: usize = 64 * 1024;

/// Decodes all bytes but the first, by the encoding that the first one chooses.
///
/// # Panics
/// When it matters how the bytes arrive, or more comes out than was asked for.
pub fn check(data: &[u8]) {
    let Some((choice, encoded)) = data.split_first() else { return };
    let named = ENCODINGS.iter().find(|(letter, _)| letter == choice);
    let (_, name) = named.unwrap_or(&ENCODINGS[usize::from(*choice) % ENCODINGS.len()]);
    let whole = decode(name, std::iter::once(encoded));
    same(name, &whole, &decode(name, pieces(encoded, 40)));
    if encoded.len() <= 512 {
        same(name, &whole, &decode(name, encoded.chunks(1)));
    }
}

/// Compares what came of the same bytes, once whole and once in pieces.
fn same(name: &str, whole: &(Vec<u8>, End), pieced: &(Vec<u8>, End)) {
    // Brotli keeps to itself what it decoded in the call that finds the break, so there the smaller pieces tell more.
    if name.contains("br") && (whole.1 == End::Broken || pieced.1 == End::Broken) {
        let shared = whole.0.len().min(pieced.0.len());
        assert_eq!(whole.0[..shared], pieced.0[..shared], "{name:?}");
    } else {
        assert_eq!(whole, pieced, "{name:?}");
    }
}

/// How decoding ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The taker had enough.
    Enough,
    /// The body was complete.
    Complete,
    /// The body was broken.
    Broken,
}

fn decode<'a>(name: &str, encoded: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, End) {
    let mut decoder = Decoder::new(name).expect("a known encoding");
    let mut decoded = Vec::new();
    let mut enough = false;
    let mut take = |piece: &[u8]| {
        assert!(!enough, "nothing comes after the taker had enough");
        assert!(piece.len() <= MAX_PIECE, "a piece of {} bytes", piece.len());
        let room = CAP - decoded.len();
        decoded.extend_from_slice(&piece[..piece.len().min(room)]);
        enough = decoded.len() == CAP;
        if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    for piece in encoded {
        match decoder.push(piece, &mut take) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return (decoded, End::Enough),
            Err(_) => return (decoded, End::Broken),
        }
    }
    let end = if decoder.finish(&mut take).is_ok() { End::Complete } else { End::Broken };
    (decoded, end)
}
