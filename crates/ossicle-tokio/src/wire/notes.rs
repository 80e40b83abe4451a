//! What h2 does not say about the incoming frames: GOAWAY as it comes, SETTINGS, and which streams ended ahead of a PONG.

use super::frames::{
    FLAG_ACK, FLAG_END_STREAM, FrameHead, Passed, TYPE_DATA, TYPE_GOAWAY, TYPE_HEADERS, TYPE_PING,
    TYPE_RST_STREAM, TYPE_SETTINGS, Walker,
};

/// What a passing frame said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// SETTINGS came, and this is the limit of concurrent streams that now holds.
    Settings { streams_max: u32 },
    /// GOAWAY.
    GoAway { last_stream: u32, reason: u32 },
}

const SETTINGS_MAX_CONCURRENT_STREAMS: u16 = 0x3;
const SETTING_BYTES: usize = 6;
const GOAWAY_BYTES: usize = 8;

/// Follows the incoming bytes.
#[derive(Debug)]
pub(crate) struct Notes {
    walker: Walker,
    streams_max: u32,
    /// The setting or the front of a GOAWAY that is passing.
    partial: [u8; GOAWAY_BYTES],
    partial_bytes: usize,
    waiting: Vec<Note>,
    /// Streams that ended since the last turn, up to a PONG.
    ended: Vec<u32>,
    pong_passed: bool,
}

/// Notes that wait for the end of a turn. A peer that sends more SETTINGS than this between two turns is told about
/// by the last ones only, which is what holds.
const NOTES_MAX: usize = 16;

/// Ends that are noted in one turn: as many as streams that one connection may carry.
const ENDS_MAX: usize = 1_000;

impl Notes {
    pub(crate) fn new() -> Self {
        Self {
            walker: Walker::incoming(),
            streams_max: u32::MAX,
            partial: [0; GOAWAY_BYTES],
            partial_bytes: 0,
            waiting: Vec::new(),
            ended: Vec::new(),
            pong_passed: false,
        }
    }

    /// Bytes came behind all earlier ones.
    pub(crate) fn came(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(passed) = self.walker.next(&mut rest) {
            match passed {
                Passed::Payload { head, bytes, .. } if head.kind == TYPE_SETTINGS => self.settings(bytes),
                Passed::Payload { head, bytes, .. } if head.kind == TYPE_GOAWAY => {
                    self.collect(bytes, GOAWAY_BYTES);
                }
                Passed::Payload { .. } => {}
                Passed::End(head) => {
                    if head.kind == TYPE_SETTINGS && head.flags & FLAG_ACK == 0 {
                        self.note(Note::Settings { streams_max: self.streams_max });
                    }
                    if head.kind == TYPE_GOAWAY && self.partial_bytes == GOAWAY_BYTES {
                        let [a, b, c, d, e, f, g, h] = self.partial;
                        let last_stream = u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff;
                        self.note(Note::GoAway { last_stream, reason: u32::from_be_bytes([e, f, g, h]) });
                    }
                    self.partial_bytes = 0;
                    self.order(head);
                }
            }
        }
    }

    /// Keeps which ends of streams came ahead of a PONG: h2 tells of both, and not in which order.
    fn order(&mut self, head: FrameHead) {
        let ends = match head.kind {
            TYPE_PING if head.flags & FLAG_ACK != 0 => {
                self.pong_passed = true;
                return;
            }
            TYPE_DATA | TYPE_HEADERS => head.flags & FLAG_END_STREAM != 0,
            TYPE_RST_STREAM => true,
            _ => false,
        };
        if ends && !self.pong_passed && self.ended.len() < ENDS_MAX {
            self.ended.push(head.stream);
        }
    }

    fn settings(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.collect(bytes, SETTING_BYTES);
            bytes = &bytes[taken..];
            if self.partial_bytes == SETTING_BYTES {
                self.partial_bytes = 0;
                let [a, b, c, d, e, f, ..] = self.partial;
                if u16::from_be_bytes([a, b]) == SETTINGS_MAX_CONCURRENT_STREAMS {
                    self.streams_max = u32::from_be_bytes([c, d, e, f]);
                }
            }
        }
    }

    /// Fills `partial` up to `most` bytes; says how many of `bytes` it took.
    fn collect(&mut self, bytes: &[u8], most: usize) -> usize {
        let taken = bytes.len().min(most - self.partial_bytes.min(most));
        self.partial[self.partial_bytes..self.partial_bytes + taken].copy_from_slice(&bytes[..taken]);
        self.partial_bytes += taken;
        taken
    }

    fn note(&mut self, note: Note) {
        if self.waiting.len() >= NOTES_MAX {
            self.waiting.remove(0);
        }
        self.waiting.push(note);
    }

    /// What was noted since the last call.
    pub(crate) fn take(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.waiting)
    }

    /// The streams whose ends came since the last call and, if a PONG came, ahead of it.
    pub(crate) fn take_ended(&mut self) -> Vec<u32> {
        self.pong_passed = false;
        std::mem::take(&mut self.ended)
    }
}
