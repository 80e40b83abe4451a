//! Under push nothing is allocated and nothing is freed: the allocator of this program aborts it when something is.

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use ossicle_audio::*;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Set for the child that has to die.
const BAD: &str = "OSSICLE_TEST_ALLOCATE";

fn all_formats() -> Vec<Format> {
    let mut formats = Vec::new();
    for sample in [SampleType::S16, SampleType::S24In32, SampleType::S32, SampleType::F32] {
        for layout in [Layout::Interleaved, Layout::Planar] {
            for channels in 1..=8 {
                formats.push(Format::new(sample, layout, 48_000, channels).unwrap());
            }
        }
    }
    formats
}

#[test]
fn push_and_the_drop_of_a_tap_touch_no_heap() {
    for format in all_formats() {
        let (mut tap, reader) = tap(format, 50).unwrap();
        let block = vec![1_u8; format.frame_bytes() * 480];
        let plane = vec![0.5_f32; 480];
        let planes = vec![&plane[..]; format.channels().into()];
        // Fits, overflows with gaps and capture times until both queues are full, then into a closed tap, then its drop.
        assert_no_alloc(|| {
            for turn in 0..40 {
                let _ = tap.push_bytes(&block, (turn % 2 == 0).then_some(turn));
                let _ = tap.push_planar_f32(&planes, None);
            }
        });
        assert!(tap.dropped_frames() > 0);
        drop(reader);
        assert_no_alloc(|| {
            let _ = tap.push_bytes(&block, None);
            drop(tap);
        });
    }
}

#[test]
fn pushes_that_alternate_with_drains_touch_no_heap() {
    let format = Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1).unwrap();
    let (mut tap, reader) = tap(format, 50).unwrap();
    let mut front = FrontEnd::new(FrontEndConfig::default(), vec![reader]).unwrap();
    let mut scratch = Scratch::new();
    for turn in 0..100_u64 {
        assert_no_alloc(|| {
            let _ = tap.push_i16(&[1; 900], Some(turn * 10_000_000));
        });
        front.drain(turn, &mut scratch, &mut |_| {});
    }
}

#[test]
fn the_trap_works() {
    if std::env::var_os(BAD).is_some() {
        assert_no_alloc(|| drop(vec![1_u8; 100]));
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["the_trap_works", "--exact", "--nocapture"])
        .env(BAD, "1")
        .output()
        .unwrap();
    assert!(!child.status.success(), "a child that allocates in the trap has to die");
}
