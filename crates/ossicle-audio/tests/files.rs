//! Files of each kind, read whole, cut short and broken.
#![cfg(feature = "files")]

use std::io::Write;
use std::process::{Command, Stdio};

use ossicle_audio::{FileError, FileSource, FileSpec, Samples};

fn vector(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// A WAV file of 16-bit samples that declares `declared` bytes of them.
fn wav(samples: &[i16], rate_hz: u32, channels: u16, declared: u32) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&declared.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend_from_slice(&channels.to_le_bytes());
    file.extend_from_slice(&rate_hz.to_le_bytes());
    file.extend_from_slice(&(rate_hz * u32::from(channels) * 2).to_le_bytes());
    file.extend_from_slice(&(channels * 2).to_le_bytes());
    file.extend_from_slice(b"\x10\0data");
    file.extend_from_slice(&declared.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

/// Encodes a WAV file with the `flac` program.
fn flac(wav: &[u8]) -> Vec<u8> {
    let mut child = Command::new("flac")
        .args(["--stdout", "--silent", "--blocksize=1152", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need the program `flac`: install the package `flac`");
    let mut stdin = child.stdin.take().unwrap();
    let wav = wav.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&wav).unwrap());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[derive(Debug, Default, PartialEq)]
struct Read {
    ints: Vec<i16>,
    floats: Vec<f32>,
}

fn read_all(source: &mut FileSource) -> (Read, Option<FileError>) {
    let mut read = Read::default();
    loop {
        match source.next_samples() {
            Ok(Some(Samples::I16(samples))) => read.ints.extend_from_slice(samples),
            Ok(Some(Samples::F32(samples))) => read.floats.extend_from_slice(samples),
            Ok(None) => return (read, None),
            Err(error) => return (read, Some(error)),
        }
    }
}

fn sound(samples: usize) -> Vec<i16> {
    let mut state = 5_u32;
    (0..samples)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((i as f64 * 0.02).sin() * 12_000.0) as i16 + (state >> 24) as i16
        })
        .collect()
}

#[test]
fn sixteen_bit_files_come_out_exactly() {
    let sent = sound(2 * 30_000);
    let wav = wav(&sent, 22_050, 2, sent.len() as u32 * 2);
    for file in [wav.clone(), flac(&wav)] {
        let mut source = FileSource::from_reader(std::io::Cursor::new(file)).unwrap();
        let want = FileSpec { rate_hz: 22_050, channels: 2, frames: Some(30_000), is_16_bit: true };
        assert_eq!(source.spec(), want);
        let (read, fault) = read_all(&mut source);
        assert_eq!(fault, None);
        assert!(read.ints == sent, "the samples differ");
        assert_eq!(source.next_samples(), Ok(None), "the end stays the end");
    }
}

#[test]
fn a_wav_of_unknown_length_is_read_to_its_end() {
    let sent = sound(10_000);
    for declared in [u32::MAX, 0x7fff_ffff & !1] {
        let file = wav(&sent, 16_000, 1, declared);
        let mut source = FileSource::from_reader(std::io::Cursor::new(file)).unwrap();
        assert_eq!(source.spec().frames, None);
        let (read, _) = read_all(&mut source);
        assert!(read.ints == sent, "{} of {} samples", read.ints.len(), sent.len());
    }
}

#[test]
fn compressed_files_hold_the_tone() {
    for name in ["tone.mp3", "tone.m4a", "tone.ogg"] {
        let mut source = FileSource::open(vector(name)).unwrap();
        let spec = source.spec();
        assert_eq!((spec.rate_hz, spec.channels, spec.is_16_bit), (44_100, 1, false), "{name}");
        let (read, fault) = read_all(&mut source);
        assert_eq!(fault, None, "{name}");
        let seconds = read.floats.len() as f64 / 44_100.0;
        assert!((seconds - 1.5).abs() < 0.06, "{name}: {seconds} s");
        let middle = &read.floats[22_050..44_100];
        let (mut sin, mut cos, mut power) = (0.0, 0.0, 0.0);
        for (i, x) in middle.iter().enumerate() {
            let (s, c) = (std::f64::consts::TAU * 440.0 * i as f64 / 44_100.0).sin_cos();
            sin += f64::from(*x) * s;
            cos += f64::from(*x) * c;
            power += f64::from(*x) * f64::from(*x);
        }
        let tone = (sin * sin + cos * cos) * 2.0 / middle.len() as f64;
        assert!(tone / power > 0.99, "{name}: the tone is {:.3} of the power", tone / power);
    }
}

#[test]
fn a_file_that_ends_early_is_read_up_to_there() {
    let sent = sound(40_000);
    let wav = wav(&sent, 16_000, 1, sent.len() as u32 * 2);
    let mut source = FileSource::from_reader(std::io::Cursor::new(wav[..44 + 2 * 16_000].to_vec())).unwrap();
    let (read, fault) = read_all(&mut source);
    let Some(FileError::Fault { at_s, .. }) = fault.clone() else { panic!("{fault:?}") };
    assert!((0.9..=1.0).contains(&at_s), "{at_s}");
    assert_eq!(read.ints.len(), (at_s * 16_000.0).round() as usize);
    assert!(read.ints[..] == sent[..read.ints.len()]);
    assert_eq!(source.next_samples().unwrap_err(), fault.unwrap(), "the fault stays");
}

#[test]
fn a_broken_flac_is_read_up_to_the_fault() {
    let sent = sound(40_000);
    let mut file = flac(&wav(&sent, 16_000, 1, sent.len() as u32 * 2));
    let middle = file.len() / 2;
    file.truncate(middle);
    let mut source = FileSource::from_reader(std::io::Cursor::new(file)).unwrap();
    let (read, fault) = read_all(&mut source);
    let Some(FileError::Fault { at_s, .. }) = fault else { panic!("{fault:?}") };
    assert!((0.5..2.5).contains(&at_s), "{at_s}");
    assert!(read.ints[..] == sent[..read.ints.len()]);
    assert_eq!(read.ints.len(), (at_s * 16_000.0).round() as usize);
}

#[test]
fn what_is_no_audio_file_is_named_so() {
    let open = |bytes: &'static [u8]| FileSource::from_reader(bytes).map(|_| ()).unwrap_err();
    assert_eq!(open(b""), FileError::Unknown);
    assert_eq!(open(&[b'x'; 5_000]), FileError::Unknown);
    let missing = FileSource::open(vector("not-there.wav")).map(|_| ()).unwrap_err();
    assert_eq!(missing, FileError::Open { kind: std::io::ErrorKind::NotFound });
}

#[cfg(feature = "flac")]
#[test]
fn what_our_encoder_writes_is_read_by_this_decoder_too() {
    use ossicle_audio::{StreamEncoder, WireFormat};
    for channels in [1_u8, 2] {
        let sent = sound(16_000 * usize::from(channels));
        let mut encoder = StreamEncoder::flac(WireFormat::new(16_000, channels).unwrap(), 1_600).unwrap();
        let mut stream = Vec::new();
        for pcm in sent.chunks(1_600 * usize::from(channels)) {
            encoder.encode(pcm, &mut stream).unwrap();
        }
        encoder.finish(&mut stream).unwrap();
        let mut source = FileSource::from_reader(std::io::Cursor::new(stream)).unwrap();
        let (read, fault) = read_all(&mut source);
        assert_eq!(fault, None);
        assert!(read.ints[usize::from(channels)..] == sent, "the samples differ");
    }
}
