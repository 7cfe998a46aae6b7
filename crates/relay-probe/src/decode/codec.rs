//! The four encodings behind one step function.

use brotli::{BrotliDecompressStream, BrotliResult, BrotliState, enc::StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

use super::DecodeError;

/// The size of the pieces that a codec hands on, in bytes.
const PIECE: usize = 16 * 1024;

/// The largest zstd window, as a power of two (RFC 9659: 8 MB for content encodings).
const ZSTD_WINDOW_LOG: u32 = 23;

/// The size of the header of a zstd block, in bytes (RFC 8878, 3.1.1.2).
const ZSTD_BLOCK_HEADER: usize = 3;

/// The most bytes that brotli gets at once.
const BROTLI_INPUT: usize = 256;

/// One encoding in the middle of its work.
pub(super) struct Codec {
    state: State,
    buffer: Box<[u8]>,
    /// Whether the input so far ends where an encoding may end.
    complete: bool,
    started: bool,
    /// What broke it, once what was decoded before is handed on.
    failure: Option<DecodeError>,
    /// How many bytes zstd asked for, at least 1.
    wanted: usize,
}

enum State {
    Gzip(Decompress),
    /// zlib or raw, which the first byte tells.
    DeflateUnknown,
    Deflate(Decompress),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(ZstdDecoder<'static>),
    /// Complete; what follows is not part of the body's text.
    Done(&'static str),
}

impl Codec {
    /// Makes the codec of a `Content-Encoding` name.
    pub(super) fn named(name: &str) -> Result<Self, DecodeError> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Ok(Self::gzip()),
            "deflate" => Ok(Self::with(State::DeflateUnknown)),
            "br" => {
                // Strict: without the large windows, of up to a gibibyte, that no client has to take.
                let state = BrotliState::new_strict(
                    StandardAlloc::default(),
                    StandardAlloc::default(),
                    StandardAlloc::default(),
                );
                Ok(Self::with(State::Brotli(Box::new(state))))
            }
            "zstd" => {
                let error = |e: std::io::Error| DecodeError { encoding: "zstd", reason: e.to_string() };
                let mut decoder = ZstdDecoder::new().map_err(error)?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).map_err(error)?;
                Ok(Self::with(State::Zstd(decoder)))
            }
            _ => Err(DecodeError {
                encoding: "named",
                reason: "it is not one of gzip, deflate, br, zstd".to_owned(),
            }),
        }
    }

    /// Makes the gzip codec.
    pub(super) fn gzip() -> Self {
        Self::with(State::Gzip(Decompress::new_gzip(15)))
    }

    fn with(state: State) -> Self {
        Self {
            state,
            buffer: vec![0; PIECE].into_boxed_slice(),
            complete: false,
            started: false,
            failure: None,
            wanted: 1,
        }
    }

    /// Returns the name of the encoding.
    pub(super) fn name(&self) -> &'static str {
        match &self.state {
            State::Gzip(_) => "gzip",
            State::DeflateUnknown | State::Deflate(_) => "deflate",
            State::Brotli(_) => "br",
            State::Zstd(_) => "zstd",
            State::Done(name) => name,
        }
    }

    fn broken(&self, reason: impl Into<String>) -> DecodeError {
        DecodeError { encoding: self.name(), reason: reason.into() }
    }

    /// Notes what broke it; the error comes at once when nothing was decoded before.
    fn broken_after(&mut self, made: usize, reason: impl Into<String>) -> Result<usize, DecodeError> {
        let failure = self.broken(reason);
        if made == 0 {
            return Err(failure);
        }
        self.failure = Some(failure);
        Ok(made)
    }

    /// Decodes some of `input`, moves it past what was used, and returns what came of it. Nothing came and the input
    /// is used up: more is needed. What could be decoded before the break comes before the error.
    pub(super) fn step(&mut self, input: &mut &[u8]) -> Result<&[u8], DecodeError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if !input.is_empty() {
            self.started = true;
        }
        let written = match &mut self.state {
            State::Gzip(_) => self.step_gzip(input)?,
            State::DeflateUnknown => {
                let Some(first) = input.first() else { return Ok(&[]) };
                // A zlib stream starts with method 8 and a window of at most 2^(7+8) (RFC 1950, 2.2). Servers that
                // send raw deflate instead never start with a stored block padded like that.
                self.state = State::Deflate(Decompress::new(first & 0x0f == 8 && first >> 4 <= 7));
                self.step_deflate(input)?
            }
            State::Deflate(_) => self.step_deflate(input)?,
            State::Brotli(_) => self.step_brotli(input)?,
            State::Zstd(_) => self.step_zstd(input)?,
            State::Done(_) => {
                *input = &[];
                0
            }
        };
        Ok(&self.buffer[..written])
    }

    fn inflate(&mut self, input: &mut &[u8]) -> Result<(usize, bool), DecodeError> {
        let (State::Gzip(inflate) | State::Deflate(inflate)) = &mut self.state else { return Ok((0, true)) };
        let (used, made) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(input, &mut self.buffer, FlushDecompress::None);
        let used = usize::try_from(inflate.total_in() - used).unwrap_or(input.len());
        let made = usize::try_from(inflate.total_out() - made).unwrap_or(0);
        *input = &input[used..];
        match status {
            Ok(Status::StreamEnd) => Ok((made, true)),
            Ok(Status::Ok | Status::BufError) => Ok((made, false)),
            Err(error) => self.broken_after(made, error.to_string()).map(|made| (made, false)),
        }
    }

    fn step_gzip(&mut self, input: &mut &[u8]) -> Result<usize, DecodeError> {
        if self.complete {
            // Another member may follow (RFC 1952, 2.2); anything else is padding, and nothing after it counts.
            if input.first() == Some(&0x1f) {
                self.state = State::Gzip(Decompress::new_gzip(15));
                self.complete = false;
            } else if !input.is_empty() {
                self.state = State::Done("gzip");
                *input = &[];
                return Ok(0);
            } else {
                return Ok(0);
            }
        }
        let (written, ended) = self.inflate(input)?;
        self.complete = ended;
        Ok(written)
    }

    fn step_deflate(&mut self, input: &mut &[u8]) -> Result<usize, DecodeError> {
        let (written, ended) = self.inflate(input)?;
        if ended {
            self.complete = true;
            self.state = State::Done("deflate");
        }
        Ok(written)
    }

    fn step_brotli(&mut self, input: &mut &[u8]) -> Result<usize, DecodeError> {
        let State::Brotli(state) = &mut self.state else { return Ok(0) };
        // It keeps to itself what it decoded in the call that fails, so no call gets much.
        let (mut available_in, mut used) = (input.len().min(BROTLI_INPUT), 0);
        let (mut available_out, mut written, mut total) = (self.buffer.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut available_in,
            &mut used,
            input,
            &mut available_out,
            &mut written,
            &mut self.buffer,
            &mut total,
            state,
        );
        *input = &input[used..];
        match result {
            BrotliResult::ResultSuccess => {
                self.complete = true;
                self.state = State::Done("br");
                Ok(written)
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok(written),
            BrotliResult::ResultFailure => self.broken_after(written, "corrupt data"),
        }
    }

    fn step_zstd(&mut self, input: &mut &[u8]) -> Result<usize, DecodeError> {
        let State::Zstd(decoder) = &mut self.state else { return Ok(0) };
        // It keeps to itself what it decoded in the call that fails, so each call gets one block and no byte of the
        // header after it, which it asks for too.
        let length = self.wanted.saturating_sub(ZSTD_BLOCK_HEADER).max(1).min(input.len());
        let mut source = InBuffer::around(&input[..length]);
        let mut target = OutBuffer::around(&mut self.buffer[..]);
        let outcome = decoder.run(&mut source, &mut target);
        let (used, written) = (source.pos(), target.pos());
        *input = &input[used..];
        match outcome {
            Ok(hint) => {
                if used > 0 || written > 0 {
                    self.complete = hint == 0;
                }
                self.wanted = hint;
                Ok(written)
            }
            Err(error) => self.broken_after(written, error.to_string()),
        }
    }

    /// Tells whether the encoding may end here. An empty body is complete in every encoding.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        if self.complete || !self.started { Ok(()) } else { Err(self.broken("it ended too early")) }
    }
}
