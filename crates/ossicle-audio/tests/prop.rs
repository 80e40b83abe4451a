//! The tap and its reader against a plain queue, and across two threads.

use std::collections::VecDeque;

use ossicle_audio::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Push { frames: usize, timed: bool },
    Drain,
    Flush,
    Discard,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..700_usize, any::<bool>()).prop_map(|(frames, timed)| Step::Push { frames, timed }),
        2 => Just(Step::Drain),
        1 => Just(Step::Flush),
        1 => Just(Step::Discard),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What the plain queue says comes next: a frame's number, or a lost frame.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Frame(i16),
    Lost,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_tap_is_a_queue_with_holes(steps in steps()) {
        let format = Format::new(SampleType::S16, Layout::Interleaved, 8_000, 1).unwrap();
        let (mut tap, reader) = tap(format, 50).unwrap();
        let capacity = reader.capacity_frames();
        let config = FrontEndConfig { wire_rate_hz: 8_000, ..Default::default() };
        let mut front = FrontEnd::new(config, vec![reader]).unwrap();
        let mut scratch = Scratch::new();
        let mut queue: VecDeque<Next> = VecDeque::new();
        let (mut number, mut inside) = (0_i16, 0);
        for step in steps {
            match step {
                Step::Push { frames, timed } => {
                    let samples: Vec<i16> = (0..frames).map(|i| number.wrapping_add(i as i16)).collect();
                    number = number.wrapping_add(frames as i16);
                    let pushed = tap.push_i16(&samples, timed.then_some(5)).unwrap();
                    let fits = frames.min(capacity - inside);
                    prop_assert_eq!(pushed, Pushed { accepted_frames: fits, dropped_frames: frames - fits });
                    queue.extend(samples[..fits].iter().map(|sample| Next::Frame(*sample)));
                    queue.extend(std::iter::repeat_n(Next::Lost, frames - fits));
                    inside += fits;
                }
                Step::Drain | Step::Flush => {
                    let mut got = Vec::new();
                    let mut sink = |piece: Piece<'_>| match piece {
                        Piece::Audio(pcm) => got.extend(pcm.iter().map(|sample| Next::Frame(*sample))),
                        Piece::Gap { frames, .. } => got.extend(std::iter::repeat_n(Next::Lost, frames as usize)),
                        _ => unreachable!("one tap fills nothing"),
                    };
                    if matches!(step, Step::Flush) {
                        front.flush(0, &mut scratch, &mut sink);
                        prop_assert_eq!(got.len(), queue.len());
                    } else {
                        front.drain(0, &mut scratch, &mut sink);
                        // A loss that nothing follows yet waits.
                        prop_assert!(queue.iter().skip(got.len()).all(|next| *next == Next::Lost));
                    }
                    for next in got {
                        prop_assert_eq!(Some(next), queue.pop_front());
                    }
                    inside = 0;
                }
                Step::Discard => {
                    prop_assert_eq!(front.discard(0) as usize, queue.len());
                    queue.clear();
                    inside = 0;
                }
            }
        }
        prop_assert_eq!(tap.dropped_frames(), front.counts()[0].dropped_frames + queue.iter().filter(|n| **n == Next::Lost).count() as u64);
    }

    #[test]
    fn any_bytes_in_any_format_come_out_at_their_length(
        bytes in proptest::collection::vec(any::<u8>(), 0..4_000),
        kind in 0..4_usize,
        channels in 1..=8_u8,
        rate_hz in prop_oneof![Just(16_000_u32), Just(44_100), 8_000..192_000_u32],
    ) {
        let sample = [SampleType::S16, SampleType::S24In32, SampleType::S32, SampleType::F32][kind];
        let format = Format::new(sample, Layout::Interleaved, rate_hz, channels).unwrap();
        let (mut tap, reader) = tap(format, 1_000).unwrap();
        let mut front = FrontEnd::new(FrontEndConfig::default(), vec![reader]).unwrap();
        let pushed = tap.push_bytes(&bytes, None);
        let mut frames = 0;
        front.flush(0, &mut Scratch::new(), &mut |piece| match piece {
            Piece::Audio(pcm) => frames += pcm.len(),
            _ => unreachable!("nothing is lost"),
        });
        let want = (pushed.accepted_frames as f64 * 16_000.0 / f64::from(rate_hz) + 0.5).floor();
        prop_assert_eq!(frames as f64, want);
    }
}

#[test]
fn across_threads_each_frame_is_in_its_place_or_counted() {
    let format = Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1).unwrap();
    let (mut tap, reader) = tap(format, 50).unwrap();
    let mut front = FrontEnd::new(FrontEndConfig::default(), vec![reader]).unwrap();
    const TOTAL: u64 = 3_000_000;
    let pusher = std::thread::spawn(move || {
        let (mut at, mut turn) = (0_u64, 0_u64);
        while at < TOTAL {
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let frames = (turn >> 55).min(TOTAL - at);
            let samples: Vec<i16> = (at..at + frames).map(|n| n as i16).collect();
            let _ = tap.push_i16(&samples, (turn % 3 == 0).then_some(at)).unwrap();
            at += frames;
        }
        tap.dropped_frames()
    });
    let mut scratch = Scratch::new();
    let (mut at, mut lost) = (0_u64, 0_u64);
    let mut sink = |piece: Piece<'_>| match piece {
        Piece::Audio(pcm) => {
            for sample in pcm {
                assert_eq!(*sample, at as i16, "frame {at}");
                at += 1;
            }
        }
        Piece::Gap { frames, .. } => {
            at += frames;
            lost += frames;
        }
        _ => unreachable!("one tap fills nothing"),
    };
    let mut turn = 0_u32;
    while !pusher.is_finished() {
        turn += 1;
        // Slower than the pusher at times, so that the ring overflows.
        if turn.is_multiple_of(7) {
            std::thread::yield_now();
        }
        front.drain(0, &mut scratch, &mut sink);
    }
    let dropped = pusher.join().unwrap();
    front.flush(0, &mut scratch, &mut sink);
    assert_eq!(at, TOTAL);
    assert_eq!(lost, dropped);
}
