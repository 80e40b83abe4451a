//! Measurements of the resamplers in float: the promises of the crate, not claims. `cargo test -- --nocapture quality`
//! prints the table.

#![allow(clippy::print_stdout, reason = "the figures go into the closing note")]

use std::f64::consts::TAU;

use crate::resample::Resample;

const OUT_HZ: u32 = 16_000;

/// Runs `input` through whole blocks, then silence, and gives as many frames as the input stands for.
fn run(resample: &mut Resample, input: &[f32], ratio: f64) -> Vec<f32> {
    let (block, out_max) = (resample.block_frames(), resample.out_frames_max());
    let want = (input.len() as f64 * ratio).round() as usize;
    let (mut padded, mut plane, mut out) = (vec![0.0; block], vec![0.0; out_max], Vec::new());
    let mut blocks = input.chunks(block);
    while out.len() < want {
        let piece = blocks.next().unwrap_or(&[]);
        padded[..piece.len()].copy_from_slice(piece);
        let made = resample.feed(&padded, piece.len(), &mut plane);
        out.extend_from_slice(&plane[made]);
    }
    out.truncate(want);
    out
}

fn tone(in_hz: u32, tone_hz: f64, seconds: f64) -> Vec<f32> {
    let frames = (f64::from(in_hz) * seconds) as usize;
    (0..frames).map(|i| (0.9 * (TAU * tone_hz * i as f64 / f64::from(in_hz)).sin()) as f32).collect()
}

/// The least-squares sine of `tone_hz` in `samples`: its amplitude, phase, and the power of what is left.
fn fit(samples: &[f32], tone_hz: f64) -> (f64, f64, f64) {
    let (mut ss, mut cc, mut sc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let turn = |i: usize| TAU * tone_hz * i as f64 / f64::from(OUT_HZ);
    for (i, x) in samples.iter().enumerate() {
        let (s, c) = turn(i).sin_cos();
        let x = f64::from(*x);
        ss += s * s;
        cc += c * c;
        sc += s * c;
        xs += x * s;
        xc += x * c;
    }
    let det = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / det, (xc * ss - xs * sc) / det);
    let rest: f64 = samples
        .iter()
        .enumerate()
        .map(|(i, x)| {
            let (s, c) = turn(i).sin_cos();
            (f64::from(*x) - a * s - b * c).powi(2)
        })
        .sum();
    ((a * a + b * b).sqrt(), b.atan2(a), rest / samples.len() as f64)
}

fn middle(samples: &[f32]) -> &[f32] {
    &samples[1_000..samples.len() - 1_000]
}

fn db(power: f64) -> f64 {
    10.0 * power.log10()
}

/// The figures of one resampler.
#[derive(Debug)]
struct Figures {
    snr_db: f64,
    ripple_db: f64,
    alias_db: f64,
    delay_ms: f64,
    /// Distance of a tone's and of an impulse's place from where it should be, in output frames.
    offset_frames: f64,
}

fn measure(make: &dyn Fn() -> Resample, in_hz: u32) -> Figures {
    let ratio = f64::from(OUT_HZ) / f64::from(in_hz);
    let out = run(&mut make(), &tone(in_hz, 997.0, 1.0), ratio);
    let (amplitude, phase, rest) = fit(middle(&out), 997.0);
    let snr_db = db(amplitude * amplitude / 2.0 / rest);
    // The phase at frame 0 of the whole output, as frames of displacement.
    let phase_there =
        (phase - TAU * 997.0 * 1_000.0 / f64::from(OUT_HZ) + TAU / 2.0).rem_euclid(TAU) - TAU / 2.0;
    let offset_frames = phase_there / TAU * f64::from(OUT_HZ) / 997.0;

    let pass_hz = 7_000.0_f64.min(f64::from(in_hz) * 0.5 * 7.0 / 8.0);
    let gain =
        |hz: f64| db((fit(middle(&run(&mut make(), &tone(in_hz, hz, 0.5), ratio)), hz).0 / 0.9).powi(2));
    let gains: Vec<f64> = (0..=35).map(|i| gain(100.0 + (pass_hz - 100.0) * f64::from(i) / 35.0)).collect();
    let ripple_db = gains.iter().map(|gain| gain.abs()).fold(0.0, f64::max);

    // Whatever comes out of a tone above 9 kHz is an alias. From below 16 kHz there is none; images are in the SNR there.
    let mut alias_db = f64::NEG_INFINITY;
    let mut hz = 9_000.0;
    while hz < f64::from(in_hz) * 0.5 - 100.0 {
        let out = run(&mut make(), &tone(in_hz, hz, 0.3), ratio);
        let power =
            middle(&out).iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / middle(&out).len() as f64;
        alias_db = alias_db.max(db(power / (0.9 * 0.9 / 2.0)));
        hz += 487.0;
    }
    let delay_ms = make().delay_frames() as f64 * 1_000.0 / f64::from(OUT_HZ);
    Figures { snr_db, ripple_db, alias_db, delay_ms, offset_frames }
}

/// Where the energy of a single sample lands, in output frames from where it should.
fn impulse_offset(make: &dyn Fn() -> Resample, in_hz: u32) -> f64 {
    let ratio = f64::from(OUT_HZ) / f64::from(in_hz);
    let at = in_hz as usize / 3;
    let mut input = vec![0.0; in_hz as usize];
    input[at] = 1.0;
    let out = run(&mut make(), &input, ratio);
    let energy: f64 = out.iter().map(|x| f64::from(*x).powi(2)).sum();
    let place: f64 = out.iter().enumerate().map(|(i, x)| i as f64 * f64::from(*x).powi(2)).sum();
    let peak = (0..out.len()).max_by(|a, b| out[*a].abs().total_cmp(&out[*b].abs())).unwrap();
    let should = at as f64 * ratio;
    assert!((peak as f64 - should).abs() <= 1.0, "the peak is at {peak}, not {should}");
    place / energy - should
}

#[test]
fn quality_of_the_form_that_is_taken() {
    println!("| from Hz | SNR dB | ripple dB | alias dB | delay ms | offset frames | impulse frames |");
    for in_hz in [8_000, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000] {
        let make = || Resample::new(in_hz, OUT_HZ, 1).unwrap();
        let figures = measure(&make, in_hz);
        let impulse = impulse_offset(&make, in_hz);
        println!(
            "| {in_hz} | {:.1} | {:.4} | {:.1} | {:.2} | {:.3} | {impulse:.3} |",
            figures.snr_db, figures.ripple_db, figures.alias_db, figures.delay_ms, figures.offset_frames
        );
        assert!(figures.snr_db >= 120.0, "{in_hz}: {figures:?}");
        assert!(figures.ripple_db <= 0.05, "{in_hz}: {figures:?}");
        assert!(figures.alias_db < -90.0, "{in_hz}: {figures:?}");
        assert!(figures.delay_ms <= 6.0, "{in_hz}: {figures:?}");
        assert!(figures.offset_frames.abs() <= 1.0 && impulse.abs() <= 1.0, "{in_hz}: {figures:?} {impulse}");
    }
}

#[test]
fn quality_of_other_rates() {
    for in_hz in [11_025, 12_345, 22_050] {
        let make = || Resample::new(in_hz, OUT_HZ, 1).unwrap();
        let figures = measure(&make, in_hz);
        let impulse = impulse_offset(&make, in_hz);
        println!("{in_hz} {figures:?} impulse {impulse}");
        assert!(figures.delay_ms <= 12.0, "{in_hz}: {figures:?}");
        assert!(figures.snr_db >= 120.0 && figures.ripple_db <= 0.05, "{in_hz}: {figures:?}");
        assert!(figures.offset_frames.abs() <= 1.0 && impulse.abs() <= 1.0, "{in_hz}: {figures:?} {impulse}");
    }
}

#[test]
fn quality_of_the_sinc_form() {
    for in_hz in [8_000, 16_000, 44_100, 48_000] {
        let make = || Resample::sinc(in_hz, OUT_HZ, 1).unwrap();
        let figures = measure(&make, in_hz);
        let impulse = impulse_offset(&make, in_hz);
        println!("sinc {in_hz} {figures:?} impulse {impulse}");
        assert!(
            figures.snr_db >= 120.0 && figures.alias_db < -90.0 && figures.ripple_db <= 0.05,
            "{in_hz}: {figures:?}"
        );
        assert!(figures.offset_frames.abs() <= 1.0 && impulse.abs() <= 1.0, "{in_hz}: {figures:?} {impulse}");
    }
}

/// Rounding is all that is left between the wire and the tone: once on the way out, and for 16-bit input once on the way in,
/// of which the share below the wire's half rate comes through.
#[test]
fn quality_in_16_bits_is_the_limit_of_16_bits() {
    use crate::{ChannelMap, Format, FrontEnd, FrontEndConfig, Layout, Piece, SampleType, Scratch, tap};

    for (in_hz, sample) in [
        (16_000, SampleType::F32),
        (48_000, SampleType::F32),
        (44_100, SampleType::F32),
        (48_000, SampleType::S16),
        (44_100, SampleType::S16),
        (8_000, SampleType::S16),
    ] {
        let format = Format::new(sample, Layout::Interleaved, in_hz, 1).unwrap();
        let (mut tap, reader) = tap(format, 2_000).unwrap();
        let config =
            FrontEndConfig { wire_rate_hz: OUT_HZ, channel_map: ChannelMap::MixToMono, check_rate: false };
        let mut front = FrontEnd::new(config, vec![reader]).unwrap();
        let sound = tone(in_hz, 997.0, 1.0);
        let pushed = if sample == SampleType::F32 {
            tap.push_f32(&sound, None)
        } else {
            let ints: Vec<i16> = sound.iter().map(|value| (value * 32_768.0).round() as i16).collect();
            tap.push_i16(&ints, None)
        };
        assert_eq!(pushed.unwrap().dropped_frames, 0);
        let mut out = Vec::new();
        front.flush(0, &mut Scratch::new(), &mut |piece| {
            if let Piece::Audio(pcm) = piece {
                out.extend(pcm.iter().map(|sample| f32::from(*sample) / 32_768.0));
            }
        });
        let (amplitude, _, rest) = fit(middle(&out), 997.0);
        let snr_db = db(amplitude * amplitude / 2.0 / rest);
        let step = 1.0 / 32_768.0_f64;
        let in_band =
            if sample == SampleType::S16 { (f64::from(OUT_HZ) / f64::from(in_hz)).min(1.0) } else { 0.0 };
        let limit_db = db(0.9 * 0.9 / 2.0 / (step * step / 12.0 * (1.0 + in_band)));
        println!(
            "16 bits on the wire, {sample:?} from {in_hz} Hz: {snr_db:.2} dB, the limit is {limit_db:.2} dB"
        );
        assert!(snr_db > limit_db - 0.3, "{in_hz} {sample:?}: {snr_db} of {limit_db}");
    }
}
