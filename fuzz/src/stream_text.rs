//! Streamed answers: the text of a stream does not depend on where the network cut it.

use relay_probe::stream::{Collected, Form, StreamReader};

use crate::pieces::pieces;

/// Reads `data` as an answer that says it is a stream of events, and as one whose form has to be recognised.
///
/// # Panics
/// When it matters how the bytes arrive, or there is more text than bytes can spell.
pub fn check(data: &[u8]) {
    for content_type in ["text/event-stream", ""] {
        let whole = read(content_type, std::iter::once(data));
        assert_eq!(whole, read(content_type, pieces(data, 60)), "{content_type:?}, in pieces");
        if data.len() <= 1024 {
            assert_eq!(whole, read(content_type, data.chunks(1)), "{content_type:?}, byte by byte");
        }
        if let Some((_, collected)) = whole {
            // A byte that is no UTF-8 becomes a replacement character of three bytes. Several dialects may each read
            // the same text of a frame that is of all of them, but no more than there are.
            assert!(
                collected.text().len() <= data.len() * 3 * DIALECTS,
                "{} bytes of text",
                collected.text().len()
            );
        }
    }
}

/// How many dialects may read one frame.
const DIALECTS: usize = 4;

fn read<'a>(content_type: &str, pieces: impl Iterator<Item = &'a [u8]>) -> Option<(Form, Collected)> {
    let mut reader = StreamReader::new(content_type);
    for piece in pieces {
        reader.push(piece);
    }
    reader.finish()
}
