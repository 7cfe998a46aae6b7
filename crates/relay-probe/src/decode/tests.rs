//! Every encoding, in any pieces, broken and bombed.

use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use proptest::prelude::*;

use super::*;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn raw_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut encoder = ::brotli::CompressorWriter::new(&mut encoded, 4096, 5, 22);
    encoder.write_all(plain).expect("a vector takes everything");
    drop(encoder);
    encoded
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(plain, 3).expect("a vector takes everything")
}

type Encode = fn(&[u8]) -> Vec<u8>;

const ENCODINGS: [(&str, Encode); 7] = [
    ("gzip", gzip),
    ("X-GZip", gzip),
    ("", gzip),
    ("deflate", zlib),
    ("deflate", raw_deflate),
    ("br", brotli),
    ("zstd", zstd),
];

/// Decodes the pieces up to `cap` bytes; the error, if any, beside what came before it.
fn decode<'a>(
    name: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    cap: usize,
) -> (Vec<u8>, Option<DecodeError>) {
    let mut decoder = match Decoder::new(name) {
        Ok(decoder) => decoder,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut decoded = Vec::new();
    let mut take = |piece: &[u8]| {
        assert!(piece.len() <= 64 * 1024, "pieces are small");
        decoded.extend_from_slice(piece);
        if decoded.len() >= cap { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    for piece in pieces {
        match decoder.push(piece, &mut take) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return (decoded, None),
            Err(error) => return (decoded, Some(error)),
        }
    }
    let end = decoder.finish(&mut take).err();
    (decoded, end)
}

fn prose() -> Vec<u8> {
    (0..3000)
        .flat_map(|n: u32| format!("line {n} of {}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

#[test]
fn every_encoding_is_undone_whole_and_byte_by_byte() {
    let plain = prose();
    for (name, encode) in ENCODINGS {
        let encoded = encode(&plain);
        assert_eq!(decode(name, [encoded.as_slice()], usize::MAX), (plain.clone(), None), "{name}");
        assert_eq!(decode(name, encoded.chunks(1), usize::MAX), (plain.clone(), None), "{name}");
    }
}

#[test]
fn plain_bodies_pass_also_those_that_start_like_gzip() {
    for plain in [b"".as_slice(), b"x", b"\x1f", b"\x1fx", b"{}"] {
        assert_eq!(decode("", [plain], usize::MAX), (plain.to_vec(), None));
        assert_eq!(decode("identity", plain.chunks(1), usize::MAX), (plain.to_vec(), None));
    }
    for (name, _) in ENCODINGS {
        assert_eq!(decode(name, [b"".as_slice()], usize::MAX), (Vec::new(), None), "{name}: an empty body");
    }
}

#[test]
fn encodings_can_be_stacked_and_gzip_can_have_members_and_padding() {
    let plain = prose();
    let stacked = brotli(&gzip(&plain));
    assert_eq!(decode("gzip, br", stacked.chunks(700), usize::MAX), (plain.clone(), None));
    let members = [gzip(b"one "), gzip(b"two"), vec![0; 16]].concat();
    assert_eq!(decode("gzip", members.chunks(3), usize::MAX), (b"one two".to_vec(), None));
    let behind = [gzip(b"one "), vec![0; 16], gzip(b"two")].concat();
    for size in [1, 7, behind.len()] {
        assert_eq!(decode("gzip", behind.chunks(size), usize::MAX), (b"one ".to_vec(), None), "by {size}");
    }
    assert!(decode("gzip,gzip,gzip,gzip,gzip", [b"".as_slice()], 1).1.is_some());
    assert!(decode("compress", [b"".as_slice()], 1).1.is_some());
}

#[test]
fn what_came_before_the_break_stands() {
    let plain = prose();
    for (name, encode) in ENCODINGS {
        let mut encoded = encode(&plain);
        encoded.truncate(encoded.len() - 6);
        let (decoded, error) = decode(name, [encoded.as_slice()], usize::MAX);
        assert!(error.is_some(), "{name}: the end is missing");
        assert!(plain.starts_with(&decoded), "{name}");
    }
}

#[test]
fn what_came_before_a_corrupt_byte_stands_also_in_one_piece() {
    let plain = prose();
    for (name, encode) in ENCODINGS {
        let mut encoded = encode(&plain);
        match name {
            // The end of a stream without a check sum is corrupt when something else follows in its place.
            "zstd" => encoded.extend_from_slice(b"no frame"),
            "br" => {
                let at = encoded.len() * 9 / 10;
                encoded.truncate(at);
                encoded.extend_from_slice(&[0xff; 400]);
            }
            "deflate" if encoded[0] & 0x0f != 8 => continue,
            _ => encoded.iter_mut().rev().take(8).for_each(|byte| *byte ^= 0x55),
        }
        let (decoded, error) = decode(name, [encoded.as_slice()], usize::MAX);
        assert!(error.is_some(), "{name}: it is corrupt");
        if name == "br" {
            let same = plain.iter().zip(&decoded).take_while(|(a, b)| a == b).count();
            assert!(same > plain.len() / 2, "{name}: {same} of {} bytes", plain.len());
        } else {
            assert!(decoded.len() + 16 >= plain.len(), "{name}: {} of {} bytes", decoded.len(), plain.len());
            assert_eq!(decode(name, encoded.chunks(1), usize::MAX), (decoded, error), "{name}");
        }
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_cap() {
    let zeroes = vec![0; 64 * 1024 * 1024];
    for (name, encode) in [("gzip", gzip as Encode), ("br", brotli), ("zstd", zstd), ("deflate", zlib)] {
        let bomb = encode(&zeroes);
        assert!(bomb.len() < 128 * 1024, "{name}: it is a bomb");
        let (decoded, error) = decode(name, [bomb.as_slice()], 1024 * 1024);
        assert_eq!(error, None);
        assert!(decoded.len() < 1024 * 1024 + 64 * 1024, "{name}: {}", decoded.len());
    }
    let nested = gzip(&gzip(&zeroes));
    let (decoded, _) = decode("gzip, gzip", [nested.as_slice()], 1024 * 1024);
    assert!(decoded.len() < 1024 * 1024 + 64 * 1024);
}

#[test]
fn each_flushed_piece_is_decoded_at_once() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"first").expect("a vector takes everything");
    encoder.flush().expect("a vector takes everything");
    let mut decoder = Decoder::new("gzip").expect("a decoder");
    let mut seen = Vec::new();
    let flow = decoder.push(encoder.get_ref(), &mut |piece| {
        seen.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    assert_eq!((flow, seen.as_slice()), (Ok(ControlFlow::Continue(())), b"first".as_slice()));
}

#[test]
fn windows_beyond_what_a_client_must_take_are_refused() {
    let plain = prose();
    let mut br = Vec::new();
    let large = ::brotli::enc::BrotliEncoderParams { large_window: true, lgwin: 28, ..Default::default() };
    ::brotli::BrotliCompress(&mut plain.as_slice(), &mut br, &large).expect("encoded");
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(27).expect("a window");
    encoder.write_all(&plain).expect("encoded");
    let zst = encoder.finish().expect("encoded");
    for (name, encoded) in [("br", br), ("zstd", zst)] {
        let (decoded, error) = decode(name, [encoded.as_slice()], usize::MAX);
        assert!(decoded.is_empty() && error.is_some(), "{name}: {error:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_in_any_pieces_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        size in 1usize..50,
        which in 0..ENCODINGS.len(),
    ) {
        let (name, encode) = ENCODINGS[which];
        let encoded = encode(&bytes);
        prop_assert_eq!(decode(name, encoded.chunks(size), usize::MAX), (bytes.clone(), None));
        // Garbage is refused or decoded to something, but always comes to an end.
        let _ = decode(name, bytes.chunks(size), 1 << 20);
    }
}
