//! From the caller's samples to float and to 16 bits, and back to 16 bits.
//!
//! The loops are written so that the compiler turns them into vector code on any target: no branch in them depends on a
//! sample.

use crate::format::SampleType;
use crate::limits::FLOAT_HEADROOM;

/// Full scale for clipping, as float: the largest positive 16-bit sample.
pub(crate) const FULL_SCALE: f32 = 32_767.0 / 32_768.0;

/// What was seen while decoding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Samples that were NaN or infinite.
    pub(crate) nonfinite: u64,
    /// Largest magnitude, full scale at 1.
    pub(crate) peak: f32,
}

/// Decodes samples of `sample` type into floats with full scale at 1. `out` is as long as there are samples.
pub(crate) fn decode_f32(sample: SampleType, bytes: &[u8], out: &mut [f32]) -> Seen {
    let mut seen = Seen::default();
    match sample {
        SampleType::S16 => {
            for (out, raw) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *out = f32::from(i16::from_ne_bytes(*raw)) * (1.0 / 32_768.0);
            }
        }
        SampleType::S24In32 => {
            for (out, raw) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *out = (i32::from_ne_bytes(*raw) << 8) as f32 * (1.0 / 2_147_483_648.0);
            }
        }
        SampleType::S32 => {
            for (out, raw) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *out = i32::from_ne_bytes(*raw) as f32 * (1.0 / 2_147_483_648.0);
            }
        }
        SampleType::F32 => {
            let mut bad = 0_u32;
            for (out, raw) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                let bits = u32::from_ne_bytes(*raw);
                let finite = u32::from(bits & 0x7f80_0000 != 0x7f80_0000);
                bad += 1 - finite;
                let value = f32::from_bits(bits & finite.wrapping_neg());
                *out = value.clamp(-FLOAT_HEADROOM, FLOAT_HEADROOM);
            }
            seen.nonfinite = u64::from(bad);
        }
    }
    seen.peak = peak(out);
    seen
}

/// The largest magnitude.
fn peak(samples: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (chunks, rest) = samples.as_chunks::<8>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            let value = value.abs();
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(0.0, |peak: f32, value| peak.max(value.abs()))
}

/// Decodes one integer sample to 16 bits: rounds to nearest, saturates.
pub(crate) fn int_to_i16(sample: SampleType, raw: i32) -> i16 {
    let wide = if sample == SampleType::S24In32 { raw << 8 } else { raw };
    ((i64::from(wide) + 0x8000) >> 16).min(i64::from(i16::MAX)) as i16
}

/// Converts a float to 16 bits: rounds to nearest (ties to even), saturates, never wraps.
pub(crate) fn f32_to_i16(value: f32) -> i16 {
    /// 1.5 * 2^23: a float of this size counts in ones, so adding it rounds to nearest and leaves the integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    ((value * 32_768.0).clamp(-32_768.0, 32_767.0) + ROUND).to_bits() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(sample: SampleType, bytes: &[u8]) -> (Vec<f32>, Seen) {
        let mut out = vec![9.0; bytes.len() / sample.bytes()];
        let seen = decode_f32(sample, bytes, &mut out);
        (out, seen)
    }

    fn encode(values: &[f32]) -> Vec<i16> {
        values.iter().map(|value| f32_to_i16(*value)).collect()
    }

    #[test]
    fn every_16_bit_sample_survives_float() {
        let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let (floats, _) = decode(SampleType::S16, bytemuck::cast_slice(&all));
        assert_eq!(encode(&floats), all);
    }

    #[test]
    fn float_rounds_to_nearest_and_saturates() {
        let lsb = 1.0 / 32_768.0;
        let values = [0.49 * lsb, 0.51 * lsb, -0.51 * lsb, 1.5 * lsb, 2.5 * lsb, 1.0, 7.5, -1.0, -7.5];
        assert_eq!(encode(&values), [0, 1, -1, 2, 2, 32_767, 32_767, -32_768, -32_768]);
    }

    #[test]
    fn nan_and_infinities_become_silence_and_are_counted() {
        let values = [0.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, f32::MAX, -f32::NAN, 1e-42];
        let (floats, seen) = decode(SampleType::F32, bytemuck::cast_slice(&values));
        assert_eq!(floats, [0.5, 0.0, 0.0, 0.0, -0.5, FLOAT_HEADROOM, 0.0, 1e-42]);
        assert_eq!(seen, Seen { nonfinite: 4, peak: FLOAT_HEADROOM });
    }

    #[test]
    fn wide_integers_round_to_nearest_and_saturate() {
        let s32 = |raw| int_to_i16(SampleType::S32, raw);
        assert_eq!(
            [s32(0x7fff), s32(0x8000), s32(i32::MAX), s32(i32::MIN), s32(-0x8001)],
            [0, 1, 32_767, -32_768, -1]
        );
        // The top byte of 24-in-32 is not looked at.
        let s24 = |raw: u32| int_to_i16(SampleType::S24In32, raw as i32);
        assert_eq!(
            [s24(0x007f_ffff), s24(0xff80_0000), s24(0x5500_0100), s24(0xaaff_ff00)],
            [32_767, -32_768, 1, -1]
        );
        let (floats, _) = decode(SampleType::S24In32, bytemuck::cast_slice(&[0x1140_0000_u32, 0x22c0_0000]));
        assert_eq!(floats, [0.5, -0.5]);
    }
}
