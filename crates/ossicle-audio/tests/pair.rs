//! Two taps on two clocks: alignment over an hour, no clicks, stalls and losses.

#![allow(clippy::print_stdout, reason = "the figures go into the closing note")]

use std::f64::consts::TAU;

use ossicle_audio::*;

const WIRE_HZ: f64 = 16_000.0;

/// A callback with its own clock: hands out blocks of 10 ms of its own time, of a sound that all taps hear alike.
struct Device {
    tap: Tap,
    rate_hz: f64,
    tells_time: bool,
    frame: u64,
    jitter: u64,
}

impl Device {
    fn block(&self) -> u64 {
        u64::from(self.tap.format().rate_hz()) / 100
    }

    /// When the block that begins at `frame` is handed over, in seconds.
    fn due_s(&self) -> f64 {
        (self.frame + self.block()) as f64 / self.rate_hz
    }

    fn push_until(&mut self, now_s: f64, sound: &dyn Fn(f64) -> f64) {
        // Up to 8 ms late, differently each time.
        while self.due_s() + (self.jitter >> 33) as f64 / 2f64.powi(31) * 0.008 <= now_s {
            self.push(sound);
        }
    }

    fn push(&mut self, sound: &dyn Fn(f64) -> f64) {
        self.jitter = self.jitter.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = |frame: u64| frame as f64 / self.rate_hz;
        let samples: Vec<f32> =
            (self.frame..self.frame + self.block()).map(|f| sound(at(f)) as f32).collect();
        let captured_ns = self.tells_time.then(|| (at(self.frame) * 1e9) as u64 + 1_000_000_000);
        let _ = self.tap.push_f32(&samples, captured_ns).unwrap();
        self.frame += self.block();
    }

    /// Captures nothing for a while.
    fn skip_to(&mut self, now_s: f64) {
        self.frame = (now_s * self.rate_hz) as u64;
    }
}

fn world(rates: [u32; 2], ppm: [f64; 2], tells_time: bool) -> ([Device; 2], FrontEnd) {
    let mut readers = Vec::new();
    let devices = [0, 1].map(|i: usize| {
        let format = Format::new(SampleType::F32, Layout::Interleaved, rates[i], 1).unwrap();
        let (tap, reader) = tap(format, 1_000).unwrap();
        readers.push(reader);
        let rate_hz = f64::from(rates[i]) * (1.0 + ppm[i] * 1e-6);
        Device { tap, rate_hz, tells_time, frame: 0, jitter: 7 + i as u64 }
    });
    let config = FrontEndConfig { channel_map: ChannelMap::Stereo, ..Default::default() };
    (devices, FrontEnd::new(config, readers).unwrap())
}

#[derive(Default)]
struct Heard {
    channels: [Vec<i16>; 2],
    filled: usize,
}

impl Heard {
    fn drain(&mut self, front: &mut FrontEnd, scratch: &mut Scratch, now_s: f64) {
        front.drain(now_ns(now_s), scratch, &mut |piece| self.take(piece));
    }

    fn take(&mut self, piece: Piece<'_>) {
        let pcm = match piece {
            Piece::Audio(pcm) => pcm,
            Piece::Fill(pcm) => {
                self.filled += pcm.len() / 2;
                pcm
            }
            other => panic!("two taps give no {other:?}"),
        };
        for frame in pcm.as_chunks::<2>().0 {
            self.channels[0].push(frame[0]);
            self.channels[1].push(frame[1]);
        }
    }
}

/// The monotonic clock does not begin at 0.
fn now_ns(now_s: f64) -> u64 {
    (now_s * 1e9) as u64 + 1_000_000_000
}

/// Seconds by which a tone in `samples` is late, within half a period.
fn late_s(samples: &[i16], first_frame: usize, tone_hz: f64) -> f64 {
    let (mut sin, mut cos) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let (s, c) = (TAU * tone_hz * (first_frame + i) as f64 / WIRE_HZ).sin_cos();
        sin += f64::from(*sample) * s;
        cos += f64::from(*sample) * c;
    }
    -cos.atan2(sin) / TAU / tone_hz
}

/// The largest change that a steady tone of `tone_hz` does not explain, in steps of the 16-bit scale.
fn largest_click(samples: &[i16], tone_hz: f64) -> f64 {
    let turn = 2.0 * (TAU * tone_hz / WIRE_HZ).cos();
    let at = |i: usize| f64::from(samples[i]);
    (2..samples.len()).map(|i| (at(i) - turn * at(i - 1) + at(i - 2)).abs()).fold(0.0, f64::max)
}

/// The loudest part of the spectrum of 8,192 samples that is more than `away_hz` from `tone_hz`, relative to the tone.
fn spurious_db(samples: &[i16], tone_hz: f64, away_hz: f64) -> f64 {
    let n = 8_192;
    let windowed: Vec<f64> = (0..n)
        .map(|i| {
            let x = TAU * i as f64 / n as f64;
            let window =
                0.358_75 - 0.488_29 * x.cos() + 0.141_28 * (2.0 * x).cos() - 0.011_68 * (3.0 * x).cos();
            window * f64::from(samples[i])
        })
        .collect();
    let power = |bin: usize| {
        let (mut re, mut im) = (0.0, 0.0);
        let turn = 2.0 * (TAU * bin as f64 / n as f64).cos();
        for x in &windowed {
            (re, im) = (x + turn * re - im, re);
        }
        re * re + im * im - turn * re * im
    };
    let bin_hz = WIRE_HZ / n as f64;
    let (mut tone, mut other) = (0.0_f64, 0.0_f64);
    for bin in 1..n / 2 {
        let off = (bin as f64 * bin_hz - tone_hz).abs();
        let kind = if off > away_hz { &mut other } else { &mut tone };
        *kind = kind.max(power(bin));
    }
    10.0 * (other / tone).log10()
}

/// What the steering does to a tone.
#[derive(Debug)]
struct Drifted {
    /// Seconds that the channels were from each other at most.
    apart_s: f64,
    /// The same once the first minute was over.
    settled_s: f64,
    clicks: f64,
    spurious_db: f64,
}

fn drift(rates: [u32; 2], ppm: [f64; 2], tells_time: bool, tone_hz: f64, seconds: usize) -> Drifted {
    let (mut devices, mut front) = world(rates, ppm, tells_time);
    let (mut heard, mut scratch) = (Heard::default(), Scratch::new());
    let sound = move |t: f64| 0.5 * (TAU * tone_hz * t).sin();
    let mut drifted = Drifted { apart_s: 0.0, settled_s: 0.0, clicks: 0.0, spurious_db: f64::NEG_INFINITY };
    let mut first_frame = 0;
    for tick in 0..seconds * 100 {
        let now_s = tick as f64 * 0.01;
        devices.iter_mut().for_each(|device| device.push_until(now_s, &sound));
        heard.drain(&mut front, &mut scratch, now_s);
        if heard.channels[0].len() >= 16_000 {
            if first_frame > 0 {
                drifted.look(&heard.channels, first_frame, tone_hz);
            }
            first_frame += heard.channels[0].len();
            heard.channels.iter_mut().for_each(Vec::clear);
        }
    }
    // Without capture times the one that is heard first waits for the other: one callback's time at most.
    assert!(heard.filled <= if tells_time { 0 } else { 320 }, "nothing stalled, {} filled", heard.filled);
    assert!(first_frame as f64 > (seconds as f64 - 2.0) * WIRE_HZ, "the wire kept pace");
    println!("{rates:?} Hz {ppm:?} ppm, times {tells_time}, tone {tone_hz} Hz: {drifted:?}");
    drifted
}

impl Drifted {
    fn look(&mut self, channels: &[Vec<i16>; 2], first_frame: usize, tone_hz: f64) {
        let [left, right] = channels;
        let apart_s = (late_s(left, first_frame, tone_hz) - late_s(right, first_frame, tone_hz)).abs();
        self.apart_s = self.apart_s.max(apart_s);
        if first_frame > 16_000 * 60 {
            self.settled_s = self.settled_s.max(apart_s);
        }
        for channel in channels {
            self.clicks = self.clicks.max(largest_click(channel, tone_hz));
            // While the loops settle, where the ratios move most.
            if first_frame < 16_000 * 60 && (first_frame / 16_000).is_multiple_of(5) {
                self.spurious_db = self.spurious_db.max(spurious_db(channel, tone_hz, 25.0));
            }
        }
    }
}

/// A tone this low tells a place within 20 ms either way.
const PLACE_HZ: f64 = 25.0;

#[test]
fn an_hour_of_drift_stays_within_5_ms() {
    let drifted = drift([16_000, 48_000], [300.0, -300.0], true, PLACE_HZ, 3_600);
    assert!(drifted.apart_s < 0.005 && drifted.settled_s < 0.000_5, "{drifted:?}");
    // Rounding to 16 bits alone gives up to 2.
    assert!(drifted.clicks < 4.0, "{drifted:?}");
}

#[test]
fn corrections_put_no_click_into_a_tone() {
    for (rates, ppm) in [([16_000, 48_000], [300.0, -300.0]), ([44_100, 16_000], [300.0, -300.0])] {
        let drifted = drift(rates, ppm, true, 1_000.0, 90);
        // Rounding to 16 bits gives up to 2, the tone being off by 300 ppm another 2.
        assert!(drifted.clicks < 6.0, "{drifted:?}");
        assert!(drifted.spurious_db < -90.0, "{drifted:?}");
    }
}

/// Without capture times only arrival is known, and the first one is up to a callback and a tick off: the two begin that far
/// apart at most, and come together as arrivals are averaged.
#[test]
fn without_capture_times_taps_begin_within_a_callback_and_settle_within_5_ms() {
    for ppm in [[300.0, -300.0], [-300.0, 300.0]] {
        let drifted = drift([16_000, 16_000], ppm, false, PLACE_HZ, 300);
        assert!(drifted.apart_s < 0.020 && drifted.settled_s < 0.005, "{drifted:?}");
        assert!(drifted.clicks < 4.0, "{drifted:?}");
        let drifted = drift([16_000, 16_000], ppm, false, 1_000.0, 60);
        assert!(drifted.spurious_db < -90.0, "{drifted:?}");
    }
}

#[test]
fn a_tap_that_stalls_is_filled_and_rejoins_in_place() {
    for tells_time in [true, false] {
        let (mut devices, mut front) = world([16_000, 48_000], [50.0, -50.0], tells_time);
        let (mut heard, mut scratch) = (Heard::default(), Scratch::new());
        let tone_hz = PLACE_HZ;
        let sound = move |t: f64| 0.5 * (TAU * tone_hz * t).sin();
        for tick in 0..2_000 {
            let now_s = f64::from(tick) * 0.01;
            devices[0].push_until(now_s, &sound);
            // The second tap captures nothing from 5 s to 8 s.
            if !(500..800).contains(&tick) {
                devices[1].push_until(now_s, &sound);
            } else {
                devices[1].skip_to(now_s);
            }
            heard.drain(&mut front, &mut scratch, now_s);
        }
        let [left, right] = &heard.channels;
        assert_eq!(left.len(), right.len());
        assert!(left.len() as f64 > 19.7 * WIRE_HZ);
        let counts = front.counts();
        assert_eq!(counts[0].filled_frames, 0);
        let filled_s = counts[1].filled_frames as f64 / WIRE_HZ;
        assert!((filled_s - 3.0).abs() < 0.03, "{filled_s}");
        // Silent where it stalled, and in place behind it, while the other is untouched.
        assert!(right[(5.1 * WIRE_HZ) as usize..(7.9 * WIRE_HZ) as usize].iter().all(|s| *s == 0));
        let from = (8.5 * WIRE_HZ) as usize;
        let there = from..from + 16_000;
        let apart = late_s(&left[there.clone()], from, tone_hz) - late_s(&right[there], from, tone_hz);
        assert!(apart.abs() < 0.005, "times {tells_time}: {apart}");
        assert!(largest_click(&left[8_000..], tone_hz) < 4.0);
        assert!(heard.filled as f64 >= 2.9 * WIRE_HZ);
    }
}

#[test]
fn a_tap_that_joins_late_is_silent_until_then() {
    let (mut devices, mut front) = world([16_000, 16_000], [0.0, 0.0], true);
    let (mut heard, mut scratch) = (Heard::default(), Scratch::new());
    let tone_hz = PLACE_HZ;
    let sound = move |t: f64| 0.5 * (TAU * tone_hz * t).sin();
    for tick in 0..500 {
        let now_s = f64::from(tick) * 0.01;
        devices[0].push_until(now_s, &sound);
        if tick < 200 {
            devices[1].skip_to(now_s)
        } else {
            devices[1].push_until(now_s, &sound)
        }
        heard.drain(&mut front, &mut scratch, now_s);
    }
    let [left, right] = &heard.channels;
    assert!(right[..31_000].iter().all(|s| *s == 0) && right[33_000..].iter().any(|s| *s != 0));
    let apart =
        late_s(&left[40_000..56_000], 40_000, tone_hz) - late_s(&right[40_000..56_000], 40_000, tone_hz);
    assert!(apart.abs() < 0.000_5, "{apart}");
}

#[test]
fn a_loss_in_one_ring_is_filled_in_its_place() {
    let (mut devices, mut front) = world([16_000, 16_000], [0.0, 0.0], false);
    let (mut heard, mut scratch) = (Heard::default(), Scratch::new());
    let tone_hz = PLACE_HZ;
    let sound = move |t: f64| 0.5 * (TAU * tone_hz * t).sin();
    for tick in 0..1_000 {
        let now_s = f64::from(tick) * 0.01;
        devices.iter_mut().for_each(|device| device.push_until(now_s, &sound));
        // Nothing is read for 1.5 s: both rings of 1 s lose half a second.
        if !(300..450).contains(&tick) {
            heard.drain(&mut front, &mut scratch, now_s);
        }
    }
    front.flush(now_ns(10.0), &mut scratch, &mut |piece| heard.take(piece));
    let [left, right] = &heard.channels;
    for counts in front.counts() {
        assert!((counts.dropped_frames as i64 - 8_000).abs() < 500, "{counts:?}");
        assert!(counts.filled_frames.abs_diff(counts.dropped_frames) <= 320, "{counts:?}");
    }
    assert!((left.len() as i64 - 160_000).abs() < 500, "{}", left.len());
    let there = 100_000..116_000;
    assert!(late_s(&left[there.clone()], there.start, tone_hz).abs() < 0.012);
    let apart = late_s(&left[there.clone()], 0, tone_hz) - late_s(&right[there], 0, tone_hz);
    assert!(apart.abs() < 0.005, "{apart}");
}

#[test]
fn when_both_fall_silent_the_timeline_stands_still() {
    let (mut devices, mut front) = world([16_000, 16_000], [0.0, 0.0], true);
    let (mut heard, mut scratch) = (Heard::default(), Scratch::new());
    let sound = |t: f64| 0.5 * (TAU * 100.0 * t).sin();
    for tick in 0..1_000 {
        let now_s = f64::from(tick) * 0.01;
        for device in &mut devices {
            if (300..600).contains(&tick) { device.skip_to(now_s) } else { device.push_until(now_s, &sound) }
        }
        heard.drain(&mut front, &mut scratch, now_s);
    }
    let seconds = heard.channels[0].len() as f64 / WIRE_HZ;
    assert!((seconds - 7.0).abs() < 0.1, "{seconds}");
}

#[test]
fn what_two_taps_discard_is_counted_once() {
    let (mut devices, mut front) = world([16_000, 48_000], [0.0, 0.0], true);
    let (mut heard, mut scratch) = (Heard::default(), Scratch::new());
    let sound = |t: f64| 0.5 * (TAU * 100.0 * t).sin();
    let mut discarded = 0;
    for tick in 0..900 {
        let now_s = f64::from(tick) * 0.01;
        devices.iter_mut().for_each(|device| device.push_until(now_s, &sound));
        match tick {
            300 => front.flush(now_ns(now_s), &mut scratch, &mut |piece| heard.take(piece)),
            301..600 => discarded += front.discard(now_ns(now_s)),
            _ => heard.drain(&mut front, &mut scratch, now_s),
        }
    }
    assert!((discarded as f64 / WIRE_HZ - 3.0).abs() < 0.05, "{discarded}");
    let seconds = heard.channels[0].len() as f64 / WIRE_HZ;
    assert!((seconds - 6.0).abs() < 0.1, "{seconds}");
}
