//! Lower-case hexadecimal, to and from 32-byte digests, on the stack.

/// Writes `digest` as 64 characters. Arithmetic in place of a table: it vectorises, and no lookup depends on what is written.
pub(crate) fn encode(digest: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (pair, &byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(digest) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    text
}

fn digit(nibble: u8) -> u8 {
    // 39 is what lies between '9' + 1 and 'a'.
    nibble + b'0' + 39 * u8::from(nibble > 9)
}

/// Reads 64 hexadecimal characters, lower or upper case.
pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    let pairs: &[[u8; 2]; 32] = text.as_bytes().as_chunks().0.try_into().ok()?;
    if text.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = (high? << 4 | low?) as u8;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn every_byte_survives_both_ways() {
        for start in (0..=255u8).step_by(32) {
            let digest: [u8; 32] = std::array::from_fn(|i| start + i as u8);
            let text = encode(&digest);
            let text = std::str::from_utf8(&text).unwrap();
            let formatted: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(text, formatted);
            assert_eq!(decode(text), Some(digest));
            assert_eq!(decode(&text.to_uppercase()), Some(digest));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        assert_eq!(decode(""), None);
        assert_eq!(decode(&"a".repeat(63)), None);
        assert_eq!(decode(&"a".repeat(65)), None);
        assert_eq!(decode(&"a".repeat(66)), None);
        assert_eq!(decode(&"g".repeat(64)), None);
    }
}
