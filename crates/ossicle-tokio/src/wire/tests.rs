//! The marks against a model that knows the whole layout, and against real h2 on a socket that stalls.

use super::frames::{FLAG_ACK, FLAG_PADDED, PREFACE_BYTES, TYPE_DATA, TYPE_GOAWAY, TYPE_PING, TYPE_SETTINGS};
use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::VecDeque;

/// A socket that takes what it is allowed to, and keeps it.
#[derive(Default)]
struct Socket {
    /// Bytes that the next writes may take, and what `poll_flush` says.
    allowed: usize,
    flushes: bool,
    took: Vec<u8>,
    incoming: VecDeque<u8>,
    waker: Option<Waker>,
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.incoming.is_empty() {
            this.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let many = this.incoming.len().min(buf.remaining());
        let bytes: Vec<u8> = this.incoming.drain(..many).collect();
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let many = this.allowed.min(buf.len());
        if many == 0 {
            return Poll::Pending;
        }
        this.allowed -= many;
        this.took.extend_from_slice(&buf[..many]);
        Poll::Ready(Ok(many))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushes { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload");
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// What each byte of the wire is: a stream's body, the last byte of our PING, or nothing to tell.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Byte {
    Other,
    Body(u32),
    PingEnd,
}

/// A frame of any kind, with what its bytes are.
fn any_frame() -> impl Strategy<Value = (Vec<u8>, Vec<Byte>)> {
    let stream = (0u32..4).prop_map(|n| 2 * n + 1);
    let data = (stream, 0usize..300, proptest::option::of(0u8..40)).prop_map(|(stream, body, padding)| {
        let mut payload = Vec::new();
        let mut bytes = vec![Byte::Other; 9];
        if let Some(padding) = padding {
            payload.push(padding);
            bytes.push(Byte::Other);
        }
        payload.extend(vec![7; body]);
        bytes.extend(vec![Byte::Body(stream); body]);
        if let Some(padding) = padding {
            payload.extend(vec![0; padding.into()]);
            bytes.extend(vec![Byte::Other; padding.into()]);
        }
        let flags = if padding.is_some() { FLAG_PADDED } else { 0 };
        (frame(TYPE_DATA, flags, stream, &payload), bytes)
    });
    let ping = any::<bool>().prop_map(|ack| {
        let mut bytes = vec![Byte::Other; 17];
        if !ack {
            bytes[16] = Byte::PingEnd;
        }
        (frame(TYPE_PING, if ack { FLAG_ACK } else { 0 }, 0, &[1; 8]), bytes)
    });
    let other = (1u8..10, 0usize..60).prop_filter_map("told kinds", |(kind, length)| {
        if kind == TYPE_PING {
            return None;
        }
        Some((frame(kind, 0xff, 1, &vec![9; length]), vec![Byte::Other; 9 + length]))
    });
    prop_oneof![3 => data, 1 => ping, 1 => other]
}

/// What must have been told when `bytes` have left: body bytes by stream between PINGs, in order.
fn expected(bytes: &[Byte]) -> Vec<WireMark> {
    let mut marks = Vec::new();
    for byte in bytes {
        match (byte, marks.last_mut()) {
            (Byte::Other, _) => {}
            (Byte::PingEnd, _) => marks.push(WireMark::Ping),
            (Byte::Body(stream), Some(WireMark::Data { stream: last, bytes })) if last == stream => {
                *bytes += 1
            }
            (Byte::Body(stream), _) => marks.push(WireMark::Data { stream: *stream, bytes: 1 }),
        }
    }
    marks
}

fn merge(marks: &mut Vec<WireMark>, mark: WireMark) {
    match (mark, marks.last_mut()) {
        (WireMark::Data { stream, bytes }, Some(WireMark::Data { stream: last, bytes: sum }))
            if stream == *last =>
        {
            *sum += bytes;
        }
        (mark, _) => marks.push(mark),
    }
}

proptest! {
    #[test]
    fn marks_are_exact_to_the_byte_however_writes_are_cut(
        frames in proptest::collection::vec(any_frame(), 1..20),
        cuts in proptest::collection::vec(1usize..400, 1..40),
        allowed in proptest::collection::vec((0usize..500, any::<bool>()), 1..60),
    ) {
        let mut wire_bytes = vec![b'p'; PREFACE_BYTES];
        let mut what = vec![Byte::Other; PREFACE_BYTES];
        for (bytes, kinds) in &frames {
            wire_bytes.extend(bytes);
            what.extend(kinds);
        }
        let mut wire = Wire::new(Socket::default(), Spares::default());
        let (mut given, mut told) = (0, Vec::new());
        let mut cuts = cuts.iter().cycle();
        // The last round lets everything through.
        let rounds = allowed.iter().copied().chain([(usize::MAX, true)]);
        for (allowed, flushes) in rounds {
            let last = allowed == usize::MAX;
            for _ in 0..if last { usize::MAX } else { 2 } {
                let many = (*cuts.next().expect("a cycle")).min(wire_bytes.len() - given);
                if many == 0 {
                    break;
                }
                let (front, back) = wire_bytes[given..given + many].split_at(many / 2);
                let slices = [IoSlice::new(front), IoSlice::new(back)];
                let taken = Pin::new(&mut wire).poll_write_vectored(&mut context(), &slices);
                prop_assert!(matches!(taken, Poll::Ready(Ok(taken)) if taken == many));
                given += many;
            }
            {
                let mut inner = wire.0.borrow_mut();
                let socket = inner.io.as_mut().expect("a socket");
                socket.allowed = allowed;
                socket.flushes = flushes;
            }
            let _ = wire.drain(&mut context());
            while let Some(mark) = wire.next_mark() {
                merge(&mut told, mark);
            }
            let inner = wire.0.borrow();
            let took = inner.io.as_ref().expect("a socket").took.len();
            prop_assert_eq!(&inner.io.as_ref().expect("a socket").took, &wire_bytes[..took]);
            // What the socket did not confirm by a flush has not left.
            prop_assert_eq!(&told, &expected(&what[..took - inner.unflushed]));
        }
        prop_assert_eq!(&told, &expected(&what));
        let inner = wire.0.borrow();
        prop_assert_eq!(inner.gathered.capacity(), 0, "an idle writer holds no buffer");
    }

    #[test]
    fn settings_and_goaway_are_noted_however_reads_are_cut(
        limits in proptest::collection::vec(proptest::option::of(any::<u32>()), 1..6),
        reason in any::<u32>(),
        last in 0u32..0x7fff_ffff,
        cut in 1usize..30,
    ) {
        let mut bytes = Vec::new();
        let mut notes = Vec::new();
        let mut holds = u32::MAX;
        for limit in &limits {
            let mut payload = vec![0, 4, 0, 1, 0, 0];
            if let Some(limit) = limit {
                payload.extend([0, 3]);
                payload.extend(limit.to_be_bytes());
                payload.extend([0, 5, 0, 0, 0x40, 0]);
                holds = *limit;
            }
            bytes.extend(frame(TYPE_SETTINGS, 0, 0, &payload));
            bytes.extend(frame(TYPE_SETTINGS, FLAG_ACK, 0, &[]));
            bytes.extend(frame(TYPE_DATA, 0, 1, &[3; 50]));
            notes.push(Note::Settings { streams_max: holds });
        }
        let payload = [last.to_be_bytes().as_slice(), &reason.to_be_bytes(), b"debug data"].concat();
        bytes.extend(frame(TYPE_GOAWAY, 0, 0, &payload));
        notes.push(Note::GoAway { last_stream: last, reason });
        let mut followed = Notes::new();
        bytes.chunks(cut).for_each(|piece| followed.came(piece));
        prop_assert_eq!(followed.take(), notes);
    }
}

#[test]
fn ends_ahead_of_a_pong_are_told_apart_from_those_behind_it() {
    const TYPE_HEADERS: u8 = 0x1;
    const TYPE_RST_STREAM: u8 = 0x3;
    const END_STREAM: u8 = 0x1;
    let frames = [
        frame(TYPE_HEADERS, 0x4, 1, &[1; 20]),
        frame(TYPE_DATA, END_STREAM, 1, b"last"),
        frame(TYPE_DATA, 0, 3, b"not the last"),
        frame(TYPE_RST_STREAM, 0, 5, &[0; 4]),
        frame(TYPE_HEADERS, END_STREAM | 0x4, 7, &[1; 20]),
        // A PING of the peer's own is no PONG.
        frame(TYPE_PING, 0, 0, &[0; 8]),
        frame(TYPE_DATA, END_STREAM, 9, b""),
        frame(TYPE_PING, FLAG_ACK, 0, &[0; 8]),
        frame(TYPE_DATA, END_STREAM, 3, b"behind"),
    ];
    for cut in [1, 7, 1_000] {
        let mut notes = Notes::new();
        frames.concat().chunks(cut).for_each(|piece| notes.came(piece));
        assert_eq!(notes.take_ended(), [1, 5, 7, 9], "cut every {cut} bytes");
        notes.came(&frame(TYPE_DATA, END_STREAM, 11, b""));
        assert_eq!(notes.take_ended(), [11], "a new turn");
    }
}

#[test]
fn a_full_writer_lets_h2_wait_and_wakes_it() {
    let mut wire = Wire::new(Socket { flushes: true, ..Socket::default() }, Spares::default());
    let big = vec![0; WRITER_BYTES_MAX + 1];
    let taken = Pin::new(&mut wire).poll_write(&mut context(), &big);
    assert!(matches!(taken, Poll::Ready(Ok(WRITER_BYTES_MAX))));
    assert!(Pin::new(&mut wire).poll_write(&mut context(), &big[..1]).is_pending());
    assert!(wire.0.borrow().waits_for_room.is_some());
    wire.0.borrow_mut().io.as_mut().expect("a socket").allowed = WRITER_BYTES_MAX / 2 + 1;
    assert!(wire.drain(&mut context()).is_pending());
    assert!(wire.0.borrow().waits_for_room.is_none(), "woken once half is gone");
    assert!(Pin::new(&mut wire).poll_write(&mut context(), &big[..1]).is_ready());
}

/// Where the frames of real h2 lie: (kind, flags, stream, position behind the payload, length).
fn layout(bytes: &[u8]) -> Vec<(u8, u8, u32, usize, usize)> {
    let mut at = PREFACE_BYTES;
    let mut frames = Vec::new();
    while at + 9 <= bytes.len() {
        let length =
            usize::from(bytes[at]) << 16 | usize::from(bytes[at + 1]) << 8 | usize::from(bytes[at + 2]);
        let stream = u32::from_be_bytes([bytes[at + 5], bytes[at + 6], bytes[at + 7], bytes[at + 8]]);
        let end = at + 9 + length;
        frames.push((bytes[at + 3], bytes[at + 4], stream, end, length));
        at = end;
    }
    frames
}

/// The trap: h2 writes a PING ahead of DATA that is still queued inside it. Here the socket stalls in the middle of
/// the audio, a PING is asked for and more audio is written, and then the socket takes a few bytes at a time.
#[tokio::test]
async fn a_pings_mark_covers_only_data_that_left_ahead_of_it() {
    for step in [1, 7, 1_000, 40_000] {
        stalled_ping(step).await;
    }
}

async fn stalled_ping(step: usize) {
    let wire = Wire::new(Socket { flushes: true, ..Socket::default() }, Spares::default());
    let (mut send, mut connection) =
        h2::client::Builder::new().handshake::<_, Bytes>(wire.clone()).await.expect("a handshake");
    let mut ping_pong = connection.ping_pong().expect("the first taker");
    let request = http::Request::post("http://localhost/").body(()).expect("a request");
    let (_response, mut body) = send.send_request(request, false).expect("a stream");
    let poll = |connection: &mut h2::client::Connection<_, Bytes>| {
        assert!(Pin::new(connection).poll(&mut context()).is_pending());
    };
    let allow = |bytes: usize| wire.0.borrow_mut().io.as_mut().expect("a socket").allowed = bytes;
    let mut told: Vec<WireMark> = Vec::new();
    let mut drain = || {
        let _ = wire.drain(&mut context());
        while let Some(mark) = wire.next_mark() {
            merge(&mut told, mark);
        }
        told.clone()
    };

    // The head and some of the first chunk leave, then the socket stalls.
    body.send_data(Bytes::from(vec![1; 10_000]), false).expect("queued");
    poll(&mut connection);
    allow(3_000);
    assert!(matches!(drain().as_slice(), [WireMark::Data { stream: 1, bytes }] if *bytes < 3_000));
    // During the stall: more audio into the writer, a PING, and audio behind it.
    body.send_data(Bytes::from(vec![2; 10_000]), false).expect("queued");
    poll(&mut connection);
    ping_pong.send_ping(h2::Ping::opaque()).expect("the only one");
    body.send_data(Bytes::from(vec![3; 10_000]), false).expect("queued");
    poll(&mut connection);
    let before = drain();
    assert!(!before.contains(&WireMark::Ping), "nothing left during the stall");

    // The peer takes the rest in small steps. After each, marks agree with the bytes that are out.
    loop {
        allow(step);
        let marks = drain();
        let took = wire.0.borrow().io.as_ref().expect("a socket").took.clone();
        let frames = layout(&took);
        let mut told = Vec::new();
        for (kind, flags, stream, end, length) in frames {
            let out = length.saturating_sub(end.saturating_sub(took.len()));
            if kind == TYPE_DATA && out > 0 {
                merge(&mut told, WireMark::Data { stream, bytes: out as u64 });
            }
            if kind == TYPE_PING && flags & FLAG_ACK == 0 && end <= took.len() {
                told.push(WireMark::Ping);
            }
        }
        assert_eq!(marks, told, "step {step}, {} bytes out", took.len());
        if wire.0.borrow().gathered.is_empty() {
            break;
        }
    }
    // h2 did put the PING ahead of the third chunk: a mark that counted what was queued would have been wrong.
    let marks = drain();
    let expected = [
        WireMark::Data { stream: 1, bytes: 20_000 },
        WireMark::Ping,
        WireMark::Data { stream: 1, bytes: 10_000 },
    ];
    assert_eq!(marks, expected);
}
