//! What sessions cost in memory, and that a running one allocates nothing. Counts Rust's heap; libFLAC's is seen as resident
//! memory only.

#![allow(clippy::print_stdout, reason = "the figures go into the closing note")]

use ossicle_audio::*;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    memory_of_front_ends();
    #[cfg(feature = "flac")]
    memory_of_flac();
    nothing_is_allocated_while_running(16_000, SampleType::S16, 1, false);
    nothing_is_allocated_while_running(48_000, SampleType::F32, 2, false);
    nothing_is_allocated_while_running(11_025, SampleType::S16, 1, false);
    nothing_is_allocated_while_running(48_000, SampleType::F32, 1, true);
}

fn bytes() -> usize {
    dhat::HeapStats::get().curr_bytes
}

fn front(rate_hz: u32, sample: SampleType, channels: u8, taps: usize) -> (Vec<Tap>, FrontEnd, usize) {
    let format = Format::new(sample, Layout::Interleaved, rate_hz, channels).unwrap();
    let (taps, readers): (Vec<_>, Vec<_>) = (0..taps).map(|_| tap(format, 500).unwrap()).unzip();
    let ring = readers.iter().map(|reader| reader.capacity_frames() * format.frame_bytes()).sum();
    let channel_map = if taps.len() == 2 { ChannelMap::Stereo } else { ChannelMap::MixToMono };
    let front = FrontEnd::new(FrontEndConfig { channel_map, ..Default::default() }, readers).unwrap();
    (taps, front, ring)
}

fn memory_of_front_ends() {
    for (name, rate_hz, sample, channels, taps, most) in [
        ("pass-through, 16 kHz S16 mono", 16_000, SampleType::S16, 1, 1, 2_500),
        ("FFT, 48 kHz F32 stereo to mono", 48_000, SampleType::F32, 2, 1, 80_000),
        ("FFT, 44.1 kHz S16 mono", 44_100, SampleType::S16, 1, 1, 80_000),
        ("sinc, 8 kHz S16 mono", 8_000, SampleType::S16, 1, 1, 30_000),
        ("two taps, 48 kHz F32 mono", 48_000, SampleType::F32, 1, 2, 120_000),
    ] {
        let before = bytes();
        let made = front(rate_hz, sample, channels, taps);
        // The readers came in a vector that is gone by now.
        let beside = bytes() - before - made.2 + size_of::<FrontEnd>() + taps * size_of::<Tap>();
        println!("{name}: {beside} bytes beside a ring of {}", made.2);
        assert!(beside <= most, "{name}: {beside} bytes, {most} stated");
    }
}

#[cfg(feature = "flac")]
fn memory_of_flac() {
    let wire = WireFormat::new(16_000, 1).unwrap();
    let (before, resident_before) = (bytes(), resident_bytes());
    let encoders: Vec<_> = (0..200).map(|_| StreamEncoder::flac(wire, 1_600).unwrap()).collect();
    let (rust, resident) = ((bytes() - before) / 200, resident_bytes().saturating_sub(resident_before) / 200);
    println!("FLAC encoder, 100 ms at 16 kHz mono: {rust} bytes of ours, {resident} resident in all");
    assert!(rust < 1_000 && resident < 400_000);
    drop(encoders);
    // A stream leaves nothing behind: thousands, one after the other, do not grow the process.
    let settled = resident_bytes();
    for _ in 0..2_000 {
        drop(StreamEncoder::flac(wire, 1_600).unwrap());
    }
    assert_eq!(bytes(), before);
    let grown = resident_bytes().saturating_sub(settled);
    assert!(grown < 2_000_000, "2,000 more streams left {grown} bytes");
}

/// Resident memory, where the system tells.
#[cfg(feature = "flac")]
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4_096
}

fn nothing_is_allocated_while_running(rate_hz: u32, sample: SampleType, channels: u8, pair: bool) {
    let (mut taps, mut front, _) = front(rate_hz, sample, channels, if pair { 2 } else { 1 });
    let wire = front.wire();
    let chunk = chunk_frames(wire, 100) as usize * usize::from(wire.channels());
    let mut pcm_encoder = StreamEncoder::pcm(wire);
    #[cfg(feature = "flac")]
    let mut flac_encoder = StreamEncoder::flac(wire, chunk_frames(wire, 100)).unwrap();
    let block = vec![3_u8; rate_hz as usize / 100 * taps[0].format().frame_bytes()];
    let mut scratch = Scratch::new();
    let mut held: Vec<i16> = Vec::with_capacity(10 * chunk);
    let mut out = Vec::with_capacity(1 << 20);
    let mut settled = 0;
    let mut chunks = 0;
    for tick in 0..1_200_u64 {
        // The first two seconds are the warming up; then ten are counted.
        if tick == 200 {
            settled = dhat::HeapStats::get().total_blocks;
        }
        for tap in &mut taps {
            assert_eq!(tap.push_bytes(&block, Some(tick * 10_000_000)).dropped_frames, 0);
        }
        front.drain(tick * 10_000_000, &mut scratch, &mut |piece| {
            if let Piece::Audio(pcm) | Piece::Fill(pcm) = piece {
                held.extend_from_slice(pcm);
            }
        });
        while held.len() >= chunk {
            out.clear();
            pcm_encoder.encode(&held[..chunk], &mut out).unwrap();
            #[cfg(feature = "flac")]
            flac_encoder.encode(&held[..chunk], &mut out).unwrap();
            held.drain(..chunk);
            chunks += 1;
        }
        assert!(
            front.findings().is_empty() || tick >= 1_000,
            "the test's sound is a stuck one, found after 10 s"
        );
        let _ = front.levels();
    }
    let blocks = dhat::HeapStats::get().total_blocks - settled;
    println!(
        "{rate_hz} Hz {sample:?} x{channels}, {} taps: {chunks} chunks, {blocks} allocations",
        taps.len()
    );
    assert!(chunks >= 117, "{chunks}");
    // The one list of findings is the one for the stuck sound.
    assert!(blocks <= u64::from(wire.channels()), "{blocks} allocations in 10 s");
}
