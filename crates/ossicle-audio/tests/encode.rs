//! What the encoders write, read back by decoders that are not ours: the `flac` program.
#![cfg(feature = "flac")]

use std::io::Write;
use std::process::{Command, Stdio};

use ossicle_audio::*;

/// Decodes with the `flac` program, which also checks each frame's checksum and the numbering.
fn decode(stream: &[u8]) -> Vec<i16> {
    let mut child = Command::new("flac")
        .args([
            "--decode",
            "--stdout",
            "--silent",
            "--force-raw-format",
            "--endian=little",
            "--sign=signed",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("these tests need the program `flac`: install the package `flac`");
    let mut stdin = child.stdin.take().unwrap();
    let stream = stream.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&stream).unwrap());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success(), "flac: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout.as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect()
}

/// Something like speech: tones that come and go over noise.
fn speech(frames: usize, channels: usize, seed: u64) -> Vec<i16> {
    let mut state = seed | 1;
    (0..frames * channels)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 59) as f64 - 16.0;
            let t = (i / channels) as f64;
            let tone = (t * 0.09).sin() * 5_000.0 + (t * 0.31).sin() * 2_000.0;
            (tone * (t * 0.000_4).sin().powi(2) + noise) as i16
        })
        .collect()
}

fn noise(samples: usize) -> Vec<i16> {
    let mut state = 9_u64;
    (0..samples)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 48) as i16
        })
        .collect()
}

fn wire(rate_hz: u32, channels: u8) -> WireFormat {
    WireFormat::new(rate_hz, channels).unwrap()
}

#[test]
fn pcm_is_little_endian_and_nothing_else() {
    let mut encoder = StreamEncoder::pcm(wire(16_000, 1));
    let mut out = Vec::new();
    encoder.encode(&[1, -2, 0x1234], &mut out).unwrap();
    assert_eq!(out, [1, 0, 0xfe, 0xff, 0x34, 0x12]);
    encoder.finish(&mut out).unwrap();
    assert_eq!(
        (out.len(), encoder.bound_bytes(3), encoder.pending_frames(), encoder.lead_frames()),
        (6, 6, 0, 0)
    );
}

#[test]
fn flac_decodes_to_what_went_in_chunk_by_chunk_without_delay() {
    for (rate_hz, channels, chunk_ms) in [
        (16_000, 1, 100),
        (16_000, 2, 100),
        (16_000, 1, 20),
        (16_000, 1, 950),
        (8_000, 1, 20),
        (48_000, 2, 160),
        (44_100, 1, 333),
    ] {
        let wire = wire(rate_hz, channels);
        let chunk = chunk_frames(wire, chunk_ms);
        let block = StreamEncoder::flac_block_frames(chunk);
        assert!(block <= 4_608 && chunk.is_multiple_of(block));
        let mut encoder = StreamEncoder::flac(wire, block).unwrap();
        assert_eq!((encoder.lead_frames(), encoder.pending_frames()), (1, 0));
        let sent = speech(chunk as usize * 12 + 77, channels.into(), 3);
        let mut stream = Vec::new();
        for pcm in sent.chunks(chunk as usize * usize::from(channels)) {
            let before = stream.len();
            let bound = encoder.bound_bytes((pcm.len() / usize::from(channels)) as u32);
            encoder.encode(pcm, &mut stream).unwrap();
            assert!(stream.len() - before <= bound, "{} above the bound of {bound}", stream.len() - before);
            if pcm.len() == chunk as usize * usize::from(channels) {
                // All of the chunk but the last frame is decodable with what has been written.
                assert_eq!(encoder.pending_frames(), 1);
                if before == 0 {
                    let decoded = decode(&stream);
                    assert_eq!(decoded.len(), pcm.len());
                    assert_eq!(decoded[usize::from(channels)..], pcm[..pcm.len() - usize::from(channels)]);
                }
            }
        }
        assert_eq!(encoder.pending_frames(), 78);
        let before = stream.len();
        let bound = encoder.bound_bytes(0);
        encoder.finish(&mut stream).unwrap();
        assert!(stream.len() - before <= bound);
        assert_eq!(encoder.pending_frames(), 0);
        let decoded = decode(&stream);
        assert!(decoded[..usize::from(channels)].iter().all(|s| *s == 0), "the lead is silence");
        assert_eq!(decoded[usize::from(channels)..], sent);
    }
}

#[test]
fn the_bound_holds_for_noise_that_cannot_be_compressed() {
    for channels in [1, 2] {
        let mut encoder = StreamEncoder::flac(wire(16_000, channels), 1_600).unwrap();
        let sent = noise(1_600 * usize::from(channels) * 5);
        let mut stream = Vec::new();
        for pcm in sent.chunks(1_600 * usize::from(channels)) {
            let (before, bound) = (stream.len(), encoder.bound_bytes(1_600));
            encoder.encode(pcm, &mut stream).unwrap();
            assert!(stream.len() - before <= bound);
            // A close bound: credit that is asked for is not asked in vain.
            assert!(bound < 1_600 * 2 * usize::from(channels) + 200);
        }
        encoder.finish(&mut stream).unwrap();
        assert_eq!(decode(&stream)[usize::from(channels)..], sent);
    }
}

#[test]
fn each_stream_starts_anew_and_no_sample_is_lost_between_streams() {
    // A pause, a resume, a lost connection: the old encoder is finished or dropped in the middle, and the next stream begins
    // with the frames that were not delivered.
    let wire = wire(16_000, 1);
    let sent = speech(16_000, 1, 5);
    let mut heard = Vec::new();
    let mut at = 0;
    for (chunks, finished) in [(3, true), (2, false), (4, true)] {
        let mut encoder = StreamEncoder::flac(wire, 1_600).unwrap();
        let mut stream = Vec::new();
        for pcm in sent[at..].chunks(1_600).take(chunks) {
            encoder.encode(pcm, &mut stream).unwrap();
        }
        assert_eq!(&stream[..4], b"fLaC");
        if finished {
            encoder.finish(&mut stream).unwrap();
            assert!(
                encoder.encode(&[0; 1_600], &mut stream).is_err(),
                "an encoder takes nothing after its end"
            );
        }
        // Cut off in the middle: what is pending is the next stream's.
        let pending = encoder.pending_frames() as usize;
        let decoded = decode(&stream);
        heard.extend_from_slice(&decoded[1..]);
        at += chunks * 1_600 - pending;
    }
    assert_eq!(heard, sent[..heard.len()]);
    assert_eq!(heard.len(), at);
}

#[test]
fn many_streams_leave_nothing_behind_in_the_writer() {
    // Encoders that are dropped in the middle write their last block into their own buffer, not into ours.
    let mut out = Vec::new();
    for _ in 0..200 {
        let mut encoder = StreamEncoder::flac(wire(16_000, 1), 320).unwrap();
        encoder.encode(&[7; 500], &mut out).unwrap();
        let length = out.len();
        drop(encoder);
        assert_eq!(out.len(), length);
        out.clear();
    }
}

#[test]
fn blocks_outside_the_subset_are_refused() {
    let refused = |frames| StreamEncoder::flac(wire(16_000, 1), frames).map(|_| ()).unwrap_err();
    assert_eq!(refused(15), EncodeError::Block { block_frames: 15 });
    assert_eq!(refused(4_609), EncodeError::Block { block_frames: 4_609 });
    assert!(StreamEncoder::flac(wire(8_000, 2), 16).is_ok());
}
