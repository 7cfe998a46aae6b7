//! Cutting bytes into pieces at places that look random and follow from the bytes.

/// Returns `bytes` in pieces of 1 to `longest` bytes. The lengths follow from a hash of the whole, so that the same
/// input is always cut alike, and another byte cuts it differently.
pub(crate) fn pieces(bytes: &[u8], longest: usize) -> impl Iterator<Item = &[u8]> {
    let mut state = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // Marsaglia's xorshift; a state of zero would stay there.
        state |= u64::from(state == 0);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let length = 1 + usize::try_from(state >> 33).unwrap_or(0) % longest;
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn pieces_make_up_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        assert_eq!(pieces(&bytes, 7).collect::<Vec<_>>().concat(), bytes);
        assert!(pieces(&bytes, 7).all(|piece| (1..=7).contains(&piece.len())));
        assert_eq!(pieces(&bytes, 7).map(<[u8]>::len).max(), Some(7));
        assert_eq!(pieces(b"", 7).count(), 0);
    }
}
