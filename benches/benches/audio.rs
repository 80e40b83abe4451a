//! The audio front end beside the libraries it stands on, called bare: each iteration is one second of audio.
//!
//! Prints first a table of paired medians with their ratios and the latency of push, then the criterion figures.

#![allow(clippy::print_stdout, reason = "a bench prints its table")]
#![allow(missing_docs, reason = "criterion's macros make public items without any")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use flac_bound::{FlacEncoder, WriteWrapper};
use ossicle_audio::*;
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

const TICKS: usize = 100;
/// Rounds of the paired table: enough for a median on a busy machine.
const ROUNDS: usize = 201;

fn sound(frames: usize, channels: usize, rate_hz: f64) -> Vec<f32> {
    let mut state = 7_u64;
    (0..frames * channels)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 40) as f32 / 16_777_216.0 - 0.5;
            let t = (i / channels) as f64 / rate_hz;
            (0.2 * (t * 1_400.0).sin() * (t * 9.0).sin()) as f32 + 0.001 * noise
        })
        .collect()
}

/// A front end with its tap, driven in ticks of 10 ms.
struct Whole {
    tap: Tap,
    front: FrontEnd,
    scratch: Scratch,
    blocks: Vec<Vec<u8>>,
    held: Vec<i16>,
    out: Vec<u8>,
    encoder: StreamEncoder,
}

impl Whole {
    fn new(sample: SampleType, rate_hz: u32, channels: u8, flac: bool) -> Self {
        Self::at_wire_rate(sample, rate_hz, channels, flac, 16_000)
    }

    fn at_wire_rate(sample: SampleType, rate_hz: u32, channels: u8, flac: bool, wire_rate_hz: u32) -> Self {
        let format = Format::new(sample, Layout::Interleaved, rate_hz, channels).unwrap();
        let (tap, reader) = tap(format, 500).unwrap();
        let front =
            FrontEnd::new(FrontEndConfig { wire_rate_hz, ..Default::default() }, vec![reader]).unwrap();
        let sound = sound(rate_hz as usize, channels.into(), rate_hz.into());
        let bytes: Vec<u8> = match sample {
            SampleType::F32 => sound.iter().flat_map(|x| x.to_ne_bytes()).collect(),
            _ => sound.iter().flat_map(|x| ((x * 32_768.0) as i16).to_ne_bytes()).collect(),
        };
        let blocks = bytes.chunks(bytes.len() / TICKS).map(<[u8]>::to_vec).collect();
        let wire = front.wire();
        let encoder = if flac { StreamEncoder::flac(wire, 1_600).unwrap() } else { StreamEncoder::pcm(wire) };
        let (held, out) = (Vec::with_capacity(8_000), Vec::with_capacity(100_000));
        Self { tap, front, scratch: Scratch::new(), blocks, held, out, encoder }
    }

    fn second(&mut self) -> usize {
        let mut bytes = 0;
        for block in &self.blocks {
            let _ = self.tap.push_bytes(block, None);
            self.front.drain(0, &mut self.scratch, &mut |piece| {
                if let Piece::Audio(pcm) = piece {
                    self.held.extend_from_slice(pcm);
                }
            });
            if self.held.len() >= 1_600 {
                self.out.clear();
                self.encoder.encode(&self.held[..1_600], &mut self.out).unwrap();
                self.held.drain(..1_600);
                bytes += self.out.len();
            }
        }
        black_box(bytes)
    }
}

/// rubato alone on audio that is already mono, from 48 to 16 kHz.
struct BareRubato {
    fft: Fft<f32>,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl BareRubato {
    fn new() -> Self {
        let window = WindowFunction::BlackmanHarris;
        let fft = Fft::new_custom(48_000, 16_000, 480, 1, 1, window, FixedSync::Both).unwrap();
        Self { fft, input: sound(48_000, 1, 48_000.0), output: vec![0.0; 160] }
    }

    fn second(&mut self) {
        for block in self.input.chunks_exact(480) {
            let input = SequentialSlice::new(block, 1, 480).unwrap();
            let mut output = SequentialSlice::new_mut(&mut self.output, 1, 160).unwrap();
            self.fft.process_into_buffer(&input, &mut output, None).unwrap();
        }
        black_box(&self.output);
    }
}

fn with_bare_flac(work: impl FnOnce(&mut dyn FnMut())) {
    let mut written = std::io::sink();
    let mut wrapper = WriteWrapper(&mut written);
    let mut encoder = FlacEncoder::new()
        .unwrap()
        .channels(1)
        .sample_rate(16_000)
        .compression_level(5)
        .blocksize(1_600)
        .init_write(&mut wrapper)
        .unwrap();
    let input: Vec<i32> = sound(16_000, 1, 16_000.0).iter().map(|x| (x * 32_768.0) as i32).collect();
    work(&mut || {
        for block in input.chunks_exact(1_600) {
            encoder.process_interleaved(block, 1_600).unwrap();
        }
    });
}

fn micros(work: &mut dyn FnMut()) -> f64 {
    let from = Instant::now();
    work();
    from.elapsed().as_secs_f64() * 1e6
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn table(_: &mut Criterion) {
    let mut rubato = BareRubato::new();
    let mut pcm = Whole::new(SampleType::F32, 48_000, 2, false);
    let mut flac = Whole::new(SampleType::F32, 48_000, 2, true);
    let mut pass = Whole::new(SampleType::S16, 16_000, 1, false);
    let mut times = [const { Vec::new() }; 5];
    with_bare_flac(|bare_flac| {
        for _ in 0..ROUNDS {
            times[0].push(micros(&mut || rubato.second()));
            times[1].push(micros(bare_flac));
            times[2].push(micros(&mut || _ = pcm.second()));
            times[3].push(micros(&mut || _ = flac.second()));
            times[4].push(micros(&mut || _ = pass.second()));
        }
    });
    let paired = |a: &[f64], b: &dyn Fn(usize) -> f64| {
        median(&mut a.iter().enumerate().map(|(i, a)| a / b(i)).collect::<Vec<_>>())
    };
    let pcm_ratio = paired(&times[2], &|i| times[0][i]);
    let flac_ratio = paired(&times[3], &|i| times[0][i] + times[1][i]);
    let names = [
        "rubato FFT bare, 48 to 16 kHz mono".to_owned(),
        "libFLAC 5 bare, 16 kHz mono".to_owned(),
        format!("whole, 48 kHz F32 stereo to 16 kHz PCM, {pcm_ratio:.2} x rubato (limit 1.6)"),
        format!("whole, 48 kHz F32 stereo to 16 kHz FLAC, {flac_ratio:.2} x rubato + libFLAC (limit 1.25)"),
        "whole, 16 kHz S16 mono pass-through to PCM (limit 20)".to_owned(),
    ];
    println!("us a second of audio in {ROUNDS} alternating rounds, median and least; ratios are paired:");
    for (name, times) in names.iter().zip(&mut times) {
        let median = median(times);
        println!("| {name} | {median:.1} | {:.1} |", times[0]);
    }
}

/// Latency of single pushes beside a bare copy of as many bytes, by a clock around each.
fn push_latency(_: &mut Criterion) {
    println!("push latency in ns, the clock's own cost included: p50, p99.99 of 300,000");
    for frames in [160_usize, 480] {
        let format = Format::new(SampleType::F32, Layout::Interleaved, 48_000, 1).unwrap();
        let (mut tap, reader) = tap(format, 1_000).unwrap();
        let mut front =
            FrontEnd::new(FrontEndConfig { wire_rate_hz: 48_000, ..Default::default() }, vec![reader])
                .unwrap();
        let block = vec![0.25_f32; frames];
        let mut target = vec![0.0_f32; 64 * frames];
        let (mut pushes, mut copies) = (Vec::new(), Vec::new());
        for turn in 0..300_000_usize {
            let from = Instant::now();
            let pushed = black_box(&mut tap).push_f32(black_box(&block), None);
            pushes.push(from.elapsed().as_nanos() as f64);
            assert_eq!(pushed.unwrap().dropped_frames, 0);
            let at = turn % 64 * frames;
            let from = Instant::now();
            black_box(&mut target[at..at + frames]).copy_from_slice(black_box(&block));
            copies.push(from.elapsed().as_nanos() as f64);
            if turn % 32 == 31 {
                front.discard(0);
            }
        }
        let at = |values: &mut Vec<f64>| {
            let p50 = median(values);
            (p50, values[values.len() - values.len() / 10_000 - 1])
        };
        let ((push, push_worst), (copy, copy_worst)) = (at(&mut pushes), at(&mut copies));
        println!("| {frames} frames | push {push:.0}, {push_worst:.0} | copy {copy:.0}, {copy_worst:.0} |");
    }
}

fn stages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("audio");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let mut rubato = BareRubato::new();
    group.bench_function("bare/rubato 48 to 16 kHz", |b| b.iter(|| rubato.second()));
    with_bare_flac(|flac| {
        group.bench_function("bare/libFLAC 16 kHz", |b| b.iter(&mut *flac));
    });
    for (name, sample, rate_hz, channels, flac) in [
        ("whole/48 kHz F32 stereo to PCM", SampleType::F32, 48_000, 2, false),
        ("whole/48 kHz F32 stereo to FLAC", SampleType::F32, 48_000, 2, true),
        ("whole/16 kHz S16 pass-through", SampleType::S16, 16_000, 1, false),
        ("whole/16 kHz S16 to FLAC", SampleType::S16, 16_000, 1, true),
    ] {
        let mut whole = Whole::new(sample, rate_hz, channels, flac);
        group.bench_function(name, |b| b.iter(|| whole.second()));
    }
    // The same path with the wire at the tap's rate: all but the resampler.
    let mut unresampled = Whole::at_wire_rate(SampleType::F32, 48_000, 2, false, 48_000);
    group.bench_function("stage/convert, mix and meter 48 kHz F32 stereo", |b| {
        b.iter(|| unresampled.second())
    });
    let wire = WireFormat::new(16_000, 1).unwrap();
    let pcm: Vec<i16> = sound(1_600, 1, 16_000.0).iter().map(|x| (x * 32_768.0) as i16).collect();
    let mut out = Vec::with_capacity(100_000);
    let mut encoder = StreamEncoder::flac(wire, 1_600).unwrap();
    group.bench_function("stage/FLAC encode", |b| {
        b.iter(|| {
            for _ in 0..10 {
                out.clear();
                encoder.encode(&pcm, &mut out).unwrap();
            }
        });
    });
    group.bench_function("stage/FLAC set-up and end of a stream", |b| {
        b.iter(|| StreamEncoder::flac(wire, 1_600).unwrap());
    });
    let mut whole = Whole::new(SampleType::F32, 48_000, 2, false);
    group.bench_function("stage/push 48 kHz F32 stereo", |b| {
        b.iter(|| {
            for block in &whole.blocks {
                let _ = whole.tap.push_bytes(block, None);
                whole.front.discard(0);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, table, push_latency, stages);
criterion_main!(benches);
