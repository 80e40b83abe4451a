//! RealtimeSanitizer over push: no call of the system, the heap or a contended lock inside.
//!
//! It does not see an uncontended lock or a sleep; that push has neither is for the eye, it is a few atomics and a copy.
//! Runs with `RTSAN_ENABLE=1 RTSAN_LIB_PATH=$(rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/lib/librustc-stable_rt.rtsan.a
//! cargo test -p ossicle-audio --features rtsan --test rtsan`.

use ossicle_audio::*;
use rtsan_standalone::nonblocking;

/// Set for the child that has to die.
const BAD: &str = "OSSICLE_TEST_ALLOCATE";

#[nonblocking]
fn callback(tap: &mut Tap, samples: &[i16], captured_ns: Option<u64>) -> Pushed {
    tap.push_i16(samples, captured_ns).unwrap_or_default()
}

#[nonblocking]
fn planar_callback(tap: &mut Tap, channels: &[&[i16]]) -> Pushed {
    tap.push_planar_i16(channels, None).unwrap_or_default()
}

#[nonblocking]
fn end(tap: Tap) {
    drop(tap);
}

#[nonblocking]
fn bad_callback() -> Vec<u8> {
    std::hint::black_box(vec![1; 100])
}

#[test]
fn push_and_the_drop_of_a_tap_are_clean() {
    let format = Format::new(SampleType::S16, Layout::Interleaved, 48_000, 2).unwrap();
    let (mut tap, reader) = tap(format, 50).unwrap();
    let config = FrontEndConfig { channel_map: ChannelMap::Stereo, ..Default::default() };
    let mut front = FrontEnd::new(config, vec![reader]).unwrap();
    let mut scratch = Scratch::new();
    let (mut accepted, mut dropped) = (0, 0);
    for turn in 0..200_u64 {
        for pushed in [
            callback(&mut tap, &[1; 2 * 480], Some(turn * 10_000_000)),
            planar_callback(&mut tap, &[&[1; 480], &[2; 480]]),
        ] {
            accepted += pushed.accepted_frames;
            dropped += pushed.dropped_frames;
        }
        if turn % 5 == 0 {
            front.drain(turn * 10_000_000, &mut scratch, &mut |_| {});
        }
    }
    assert!(accepted > 0 && dropped > 0 && accepted + dropped == 400 * 480);
    drop(front);
    let _ = callback(&mut tap, &[1; 20], None);
    end(tap);
}

#[test]
fn the_sanitizer_works() {
    if std::env::var_os(BAD).is_some() {
        drop(bad_callback());
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["the_sanitizer_works", "--exact", "--nocapture"])
        .env(BAD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(!child.status.success() && said.contains("RealtimeSanitizer"), "is RTSAN_ENABLE=1 set? {said}");
}
