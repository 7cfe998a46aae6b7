//! Content encodings, undone piece by piece with bounded memory.
//!
//! [`Decoder`] takes the body as it arrives and hands on what it decodes in pieces of at most 16 KiB; the taker says
//! when it has enough, so a bomb of any size costs no more than the cap. Windows are bounded too: 32 KiB for gzip and
//! deflate, 16 MiB for brotli, 8 MiB for zstd (RFC 9659).

mod codec;

use std::ops::ControlFlow;

use codec::Codec;

/// The most encodings of one body that are undone.
const MAX_LAYERS: usize = 4;

/// The body is not what its `Content-Encoding` says, or ended too early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {encoding} encoding of the body is broken: {reason}")]
pub struct DecodeError {
    /// The encoding.
    pub encoding: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// Undoes the content encodings of one body.
pub struct Decoder {
    /// Outermost first: the last encoding that was applied.
    layers: Vec<Codec>,
    /// The first byte of a body without `Content-Encoding`, when it alone cannot tell whether it is gzip.
    held: Option<u8>,
    sniffs: bool,
}

impl Decoder {
    /// Starts on a body with the given value of `Content-Encoding`, empty when there is none. Without one, gzip is
    /// recognised by its first two bytes.
    ///
    /// # Errors
    /// [`DecodeError`] when an encoding is unknown or there are too many.
    pub fn new(content_encoding: &str) -> Result<Self, DecodeError> {
        let mut layers = Vec::new();
        for name in content_encoding.split(',').map(str::trim) {
            if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                continue;
            }
            if layers.len() == MAX_LAYERS {
                return Err(DecodeError { encoding: "stacked", reason: "too many layers".to_owned() });
            }
            layers.push(Codec::named(name)?);
        }
        layers.reverse();
        let sniffs = layers.is_empty();
        Ok(Self { layers, held: None, sniffs })
    }

    /// Tells whether `piece`, the next one, passes unchanged: then it need not be pushed.
    pub fn passes(&mut self, piece: &[u8]) -> bool {
        if self.sniffs && self.held.is_none() && piece.first().is_some_and(|first| *first != 0x1f) {
            self.sniffs = false;
        }
        self.layers.is_empty() && !self.sniffs
    }

    /// Takes the next piece and hands on what it decodes to. Returns `Break` once the taker has enough.
    ///
    /// # Errors
    /// [`DecodeError`]; what was handed on before stands.
    pub fn push(
        &mut self,
        mut piece: &[u8],
        take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, DecodeError> {
        if self.sniffs && !piece.is_empty() {
            match (self.held.take(), piece) {
                (None, [0x1f]) => {
                    self.held = Some(0x1f);
                    return Ok(ControlFlow::Continue(()));
                }
                (None, [0x1f, 0x8b, ..]) => self.layers.push(Codec::gzip()),
                (Some(first), [second, ..]) => {
                    self.sniffs = false;
                    if *second == 0x8b {
                        self.layers.push(Codec::gzip());
                    }
                    if self.push(&[first], take)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                _ => {}
            }
            self.sniffs = false;
        }
        if self.layers.is_empty() {
            return Ok(take(piece));
        }
        run(&mut self.layers, &mut piece, take)
    }

    /// Takes the end of the body.
    ///
    /// # Errors
    /// [`DecodeError`] when an encoding was not complete.
    pub fn finish(&mut self, take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), DecodeError> {
        if let Some(first) = self.held.take() {
            let _ = take(&[first]);
        }
        self.layers.iter().try_for_each(Codec::finish)
    }
}

/// Decodes with the first layer and hands each piece to the rest.
fn run(
    layers: &mut [Codec],
    piece: &mut &[u8],
    take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, DecodeError> {
    let Some((first, rest)) = layers.split_first_mut() else { return Ok(take(piece)) };
    loop {
        let before = piece.len();
        let decoded = first.step(piece)?;
        if !decoded.is_empty() {
            let mut inner = decoded;
            if run(rest, &mut inner, take)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        } else if piece.is_empty() {
            return Ok(ControlFlow::Continue(()));
        } else if piece.len() == before {
            return Err(DecodeError { encoding: first.name(), reason: "it makes no progress".to_owned() });
        }
    }
}

#[cfg(test)]
mod tests;
