//! One tap to the wire: order, gaps, formats, discarding, findings.

use ossicle_audio::*;

/// A piece as the sink saw it.
#[derive(Debug, Clone, PartialEq)]
enum Got {
    Audio(Vec<i16>),
    Gap(u64),
}

fn gather(got: &mut Vec<Got>) -> impl FnMut(Piece<'_>) + '_ {
    |piece| match piece {
        Piece::Audio(pcm) => match got.last_mut() {
            Some(Got::Audio(all)) => all.extend_from_slice(pcm),
            _ => got.push(Got::Audio(pcm.to_vec())),
        },
        Piece::Gap { frames, reason } => {
            assert_eq!(reason, GapReason::RingFull);
            got.push(Got::Gap(frames));
        }
        other => panic!("one tap gives no {other:?}"),
    }
}

fn drain(front: &mut FrontEnd) -> Vec<Got> {
    let mut got = Vec::new();
    front.drain(0, &mut Scratch::new(), &mut gather(&mut got));
    got
}

fn flush(front: &mut FrontEnd) -> Vec<Got> {
    let mut got = Vec::new();
    front.flush(0, &mut Scratch::new(), &mut gather(&mut got));
    got
}

fn format(sample: SampleType, rate_hz: u32, channels: u8) -> Format {
    Format::new(sample, Layout::Interleaved, rate_hz, channels).unwrap()
}

fn front(format: Format, ring_ms: u32, channel_map: ChannelMap) -> (Tap, FrontEnd) {
    let (tap, reader) = tap(format, ring_ms).unwrap();
    let config = FrontEndConfig { channel_map, ..Default::default() };
    (tap, FrontEnd::new(config, vec![reader]).unwrap())
}

fn noise(count: usize, seed: u64) -> Vec<i16> {
    let mut state = seed | 1;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 48) as i16
    };
    (0..count).map(step).collect()
}

#[test]
fn sixteen_bit_audio_at_the_wire_rate_is_untouched() {
    let (mut tap, mut front) = front(format(SampleType::S16, 16_000, 1), 500, ChannelMap::MixToMono);
    let sent = noise(50_000, 1);
    let mut heard = Vec::new();
    for piece in sent.chunks(1_337) {
        assert_eq!(tap.push_i16(piece, None).unwrap().dropped_frames, 0);
        assert_eq!(front.ready_frames(), piece.len() as u64);
        for got in drain(&mut front) {
            let Got::Audio(pcm) = got else { panic!("a gap") };
            heard.extend(pcm);
        }
    }
    assert_eq!(heard, sent);
    assert_eq!(front.ready_frames(), 0);
}

#[test]
fn stereo_picked_and_swapped_is_exact() {
    let (mut tap, mut front) = front(format(SampleType::S16, 16_000, 3), 100, ChannelMap::Pick(vec![2, 0]));
    let sent = noise(3 * 1_600, 2);
    let _ = tap.push_i16(&sent, None).unwrap();
    let want: Vec<i16> = sent.chunks(3).flat_map(|frame| [frame[2], frame[0]]).collect();
    assert_eq!(drain(&mut front), [Got::Audio(want)]);
}

#[test]
fn a_mix_is_the_rounded_mean() {
    let (mut tap, mut front) = front(format(SampleType::S16, 16_000, 2), 100, ChannelMap::MixToMono);
    let _ = tap.push_i16(&[100, 200, -3, -4, 32_767, 32_767, -32_768, -32_768], None).unwrap();
    assert_eq!(drain(&mut front), [Got::Audio(vec![150, -4, 32_767, -32_768])]);
}

#[test]
fn all_sample_types_and_layouts_say_the_same() {
    let frames: Vec<[i16; 2]> = noise(800, 3).chunks(2).map(|f| [f[0], f[1]]).collect();
    let flat: Vec<i16> = frames.concat();
    let left: Vec<i16> = frames.iter().map(|f| f[0]).collect();
    let right: Vec<i16> = frames.iter().map(|f| f[1]).collect();
    let wide =
        |samples: &[i16], shift: u32| samples.iter().map(|s| i32::from(*s) << shift).collect::<Vec<_>>();
    let float = |samples: &[i16]| samples.iter().map(|s| f32::from(*s) / 32_768.0).collect::<Vec<_>>();
    let run = |sample, layout, push: &dyn Fn(&mut Tap) -> Pushed| {
        let format = Format::new(sample, layout, 16_000, 2).unwrap();
        let (mut tap, mut front) = front(format, 100, ChannelMap::Stereo);
        assert_eq!(push(&mut tap).dropped_frames, 0);
        assert_eq!(drain(&mut front), [Got::Audio(flat.clone())], "{sample:?} {layout:?}");
    };
    use Layout::{Interleaved, Planar};
    use SampleType::{F32, S16, S24In32, S32};
    run(S16, Interleaved, &|tap| tap.push_i16(&flat, None).unwrap());
    run(S16, Interleaved, &|tap| tap.push_planar_i16(&[&left, &right], None).unwrap());
    run(S16, Planar, &|tap| tap.push_i16(&[left.clone(), right.clone()].concat(), None).unwrap());
    run(S24In32, Interleaved, &|tap| tap.push_i32(&wide(&flat, 8), None).unwrap());
    run(S32, Interleaved, &|tap| tap.push_i32(&wide(&flat, 16), None).unwrap());
    run(S32, Planar, &|tap| tap.push_planar_i32(&[&wide(&left, 16), &wide(&right, 16)], None).unwrap());
    run(F32, Interleaved, &|tap| tap.push_f32(&float(&flat), None).unwrap());
    run(F32, Planar, &|tap| tap.push_f32(&[float(&left), float(&right)].concat(), None).unwrap());
    run(F32, Planar, &|tap| tap.push_planar_f32(&[&float(&left), &float(&right)], None).unwrap());
}

#[test]
fn a_push_of_the_wrong_kind_is_refused_and_not_counted() {
    let (mut tap, _front) = front(format(SampleType::S16, 16_000, 2), 100, ChannelMap::Stereo);
    assert_eq!(tap.push_f32(&[0.0; 4], None), Err(PushError::WrongSample));
    assert_eq!(tap.push_planar_i16(&[&[0; 4]], None), Err(PushError::WrongChannels));
    assert_eq!(tap.push_planar_i16(&[&[0; 4], &[0; 3]], None), Err(PushError::UnequalChannels));
    assert_eq!((tap.accepted_frames(), tap.dropped_frames()), (0, 0));
    // Bytes that are no whole frame are left alone.
    assert_eq!(tap.push_bytes(&[0; 7], None), Pushed { accepted_frames: 1, dropped_frames: 0 });
}

#[test]
fn what_does_not_fit_is_a_gap_in_its_place() {
    let (mut tap, mut front) = front(format(SampleType::S16, 16_000, 1), 50, ChannelMap::MixToMono);
    let first = tap.push_i16(&vec![1; 900], None).unwrap();
    assert_eq!(first, Pushed { accepted_frames: 800, dropped_frames: 100 });
    assert_eq!(tap.push_i16(&[2; 50], None).unwrap(), Pushed { accepted_frames: 0, dropped_frames: 50 });
    assert_eq!(drain(&mut front), [Got::Audio(vec![1; 800])]);
    assert_eq!(tap.push_i16(&[3; 10], None).unwrap().accepted_frames, 10);
    assert_eq!(drain(&mut front), [Got::Gap(150), Got::Audio(vec![3; 10])]);
    let counts = front.counts()[0];
    assert_eq!((counts.captured_frames, counts.dropped_frames), (810, 150));
}

#[test]
fn a_loss_that_nothing_follows_is_told_by_the_flush() {
    let (mut tap, mut front) = front(format(SampleType::S16, 16_000, 1), 50, ChannelMap::MixToMono);
    let _ = tap.push_i16(&vec![1; 1_000], None).unwrap();
    drop(tap);
    assert_eq!(flush(&mut front), [Got::Audio(vec![1; 800]), Got::Gap(200)]);
    assert!(front.is_closed());
    assert_eq!(flush(&mut front), []);
}

#[test]
fn a_gap_stays_true_through_the_resampler() {
    let (mut tap, mut front) = front(format(SampleType::S16, 48_000, 1), 50, ChannelMap::MixToMono);
    // The ring holds 2,400 frames; 100 are lost; then 777 more.
    let _ = tap.push_i16(&vec![1_000; 2_500], None).unwrap();
    let mut got = drain(&mut front);
    let _ = tap.push_i16(&[1_000; 777], None).unwrap();
    got.extend(flush(&mut front));
    let total =
        |got: &[Got]| got.iter().map(|g| if let Got::Audio(a) = g { a.len() as u64 } else { 0 }).sum::<u64>();
    let at = got.iter().position(|g| matches!(g, Got::Gap(_))).expect("a gap");
    assert_eq!(total(&got[..at]), 800);
    assert_eq!(got[at], Got::Gap(33)); // round(2500 / 3) - 800
    assert_eq!(total(&got[at..]), 1_092 - 833); // round(3277 / 3) - 833
}

#[test]
fn the_flushed_length_is_exact_for_any_rate_and_length() {
    for rate_hz in
        [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000, 12_345]
    {
        for frames in [1, 7, 441, 5_000, 12_345] {
            let (mut tap, mut front) = front(format(SampleType::F32, rate_hz, 2), 3_000, ChannelMap::Stereo);
            assert_eq!(tap.push_f32(&vec![0.1; frames * 2], None).unwrap().dropped_frames, 0);
            let mut got = drain(&mut front);
            got.extend(flush(&mut front));
            let total: usize = got.iter().map(|g| if let Got::Audio(a) = g { a.len() / 2 } else { 0 }).sum();
            let want = (frames as f64 * 16_000.0 / f64::from(rate_hz) + 0.5).floor() as usize;
            assert_eq!(total, want, "{frames} frames at {rate_hz} Hz");
        }
    }
}

#[test]
fn what_is_discarded_counts_on_the_timeline_and_is_not_given_out() {
    let (mut tap, mut front) = front(format(SampleType::F32, 48_000, 1), 500, ChannelMap::MixToMono);
    let _ = tap.push_f32(&[0.5; 4_800], None).unwrap();
    let heard: usize =
        flush(&mut front).iter().map(|g| if let Got::Audio(a) = g { a.len() } else { 0 }).sum();
    assert_eq!(heard, 1_600);
    let _ = tap.push_f32(&[0.9; 1_000], None).unwrap();
    assert_eq!(front.discard(0), 333);
    let _ = tap.push_f32(&[0.9; 1_000], None).unwrap();
    assert_eq!(front.discard(0), 334);
    assert_eq!(front.counts()[0].discarded_frames, 2_000);
    let _ = tap.push_f32(&[0.25; 4_800], None).unwrap();
    let got = flush(&mut front);
    let [Got::Audio(pcm)] = &got[..] else { panic!("{got:?}") };
    // round(11600 / 3) - 2267, and nothing of the louder part is in it.
    assert_eq!(pcm.len(), 3_867 - 2_267);
    assert!(pcm[200..1_400].iter().all(|s| (s - 8_192).abs() <= 1), "{:?}", &pcm[200..220]);
}

#[test]
fn a_tap_whose_reader_is_gone_drops_everything() {
    let (mut tap, front) = front(format(SampleType::S16, 16_000, 1), 50, ChannelMap::MixToMono);
    assert!(!tap.is_closed());
    drop(front);
    assert!(tap.is_closed());
    assert_eq!(tap.push_i16(&[0; 10], None).unwrap(), Pushed { accepted_frames: 0, dropped_frames: 10 });
}

#[test]
fn maps_that_do_not_fit_and_wrong_numbers_of_taps_are_refused() {
    let reader = |channels| tap(format(SampleType::S16, 16_000, channels), 50).unwrap().1;
    let make = |channel_map, readers| {
        FrontEnd::new(FrontEndConfig { channel_map, ..Default::default() }, readers).map(|_| ()).unwrap_err()
    };
    assert_eq!(make(ChannelMap::MixToMono, vec![]), FrontEndError::Taps { taps: 0 });
    assert_eq!(
        make(ChannelMap::Stereo, vec![reader(1), reader(1), reader(1)]),
        FrontEndError::Taps { taps: 3 }
    );
    assert_eq!(make(ChannelMap::MixToMono, vec![reader(1), reader(1)]), FrontEndError::TwoTaps);
    assert_eq!(make(ChannelMap::Stereo, vec![reader(1)]), FrontEndError::ChannelMap { channels: 1 });
    assert_eq!(
        make(ChannelMap::Pick(vec![0, 1, 0]), vec![reader(2)]),
        FrontEndError::Format(FormatError::WireChannels { channels: 3 })
    );
    assert_eq!(tap(format(SampleType::S16, 16_000, 1), 49).unwrap_err(), FormatError::Ring { ring_ms: 49 });
}

/// Pushes and drains `seconds` of what `sample` gives, 10 ms at a time, and returns what was found.
fn findings_of(format: Format, seconds: u32, clock: f64, sample: impl Fn(usize) -> i16) -> Vec<Finding> {
    let (mut tap, mut front) = front(format, 100, ChannelMap::MixToMono);
    let block = format.rate_hz() as usize / 100;
    let mut found = Vec::new();
    for tick in 0..seconds as usize * 100 {
        let samples: Vec<i16> = (tick * block..(tick + 1) * block).map(&sample).collect();
        let _ = tap.push_i16(&samples, None).unwrap();
        let now_ns = (tick as f64 * 10e6 * clock) as u64;
        front.drain(now_ns, &mut Scratch::new(), &mut |_| {});
        found.extend(front.findings());
    }
    found
}

#[test]
fn silence_a_stuck_device_and_clipping_are_found_once() {
    let mono = format(SampleType::S16, 16_000, 1);
    let speech = |i: usize| ((i as f64 * 0.3).sin() * 9_000.0) as i16;
    assert_eq!(findings_of(mono, 15, 1.0, speech), []);
    assert_eq!(findings_of(mono, 15, 1.0, |_| 0), [Finding::Silent { channel: 0 }]);
    assert_eq!(findings_of(mono, 15, 1.0, |_| -77), [Finding::Stuck { channel: 0 }]);
    let wakes = |i: usize| if i < 12 * 16_000 { 0 } else { speech(i) };
    assert_eq!(
        findings_of(mono, 15, 1.0, wakes),
        [Finding::Silent { channel: 0 }, Finding::Moving { channel: 0 }]
    );
    let loud = |i: usize| ((i as f64 * 0.3).sin() * 60_000.0) as i16;
    assert_eq!(findings_of(mono, 15, 1.0, loud), [Finding::Clipping { channel: 0 }]);
    let loud = |i: usize| if i.is_multiple_of(7) { 32_767 } else { 5 };
    assert_eq!(
        findings_of(format(SampleType::S16, 48_000, 1), 8, 1.0, loud),
        [Finding::Clipping { channel: 0 }]
    );
}

#[test]
fn a_rate_that_is_off_by_more_than_one_percent_is_found() {
    let mono = format(SampleType::S16, 16_000, 1);
    let speech = |i: usize| ((i as f64 * 0.3).sin() * 9_000.0) as i16;
    assert_eq!(findings_of(mono, 25, 1.005, speech), []);
    let found = findings_of(mono, 25, 1.02, speech);
    let [Finding::RateMismatch { tap: 0, declared_hz: 16_000, measured_hz }] = found[..] else {
        panic!("{found:?}")
    };
    assert!((measured_hz as i32 - 15_686).abs() < 30, "{measured_hz}");
}

#[test]
fn a_wav_header_in_raw_samples_is_named() {
    let (mut tap, mut front) = front(format(SampleType::S16, 16_000, 1), 100, ChannelMap::MixToMono);
    let _ = tap.push_bytes(b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0", None);
    drain(&mut front);
    assert_eq!(front.findings(), [Finding::WavHeader { tap: 0 }]);
    assert_eq!(front.findings(), []);
}

#[test]
fn nan_is_counted_and_does_not_spread() {
    let (mut tap, mut front) = front(format(SampleType::F32, 48_000, 1), 500, ChannelMap::MixToMono);
    let mut samples = vec![0.25_f32; 9_600];
    samples[4_000] = f32::NAN;
    samples[4_001] = f32::INFINITY;
    let _ = tap.push_f32(&samples, None).unwrap();
    let got = flush(&mut front);
    let [Got::Audio(pcm)] = &got[..] else { panic!("{got:?}") };
    assert_eq!(front.counts()[0].nonfinite_samples, 2);
    assert!(pcm[1_700..3_000].iter().all(|s| (s - 8_192).abs() <= 1));
}

#[test]
fn debug_shows_no_audio() {
    let piece = Piece::Audio(&[12_345, 6_789]);
    assert_eq!(format!("{piece:?}"), "Audio(2 samples)");
}
