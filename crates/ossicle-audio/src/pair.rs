//! Two taps to the wire. (Being built: see the next commit.)
use crate::format::WireFormat;
use crate::front::{FrontEndError, Outlet, Scratch, Sink, TapCounts};
use crate::tap::TapReader;

pub(crate) enum Pair {}

impl Pair {
    pub(crate) fn new(_: [TapReader; 2], _: WireFormat) -> Result<Self, FrontEndError> {
        Err(FrontEndError::TwoTaps)
    }
    pub(crate) fn ready_frames(&self) -> u64 {
        match *self {}
    }
    pub(crate) fn is_closed(&self) -> bool {
        match *self {}
    }
    pub(crate) fn counts(&self) -> [TapCounts; 2] {
        match *self {}
    }
    pub(crate) fn delay_frames(&self) -> usize {
        match *self {}
    }
    pub(crate) fn drain(&mut self, _: u64, _: &mut Outlet, _: &mut Scratch, _: Sink<'_>) {
        match *self {}
    }
    pub(crate) fn flush(&mut self, _: u64, _: &mut Outlet, _: &mut Scratch, _: Sink<'_>) {
        match *self {}
    }
    pub(crate) fn discard(&mut self, _: u64, _: &mut Outlet) -> u64 {
        match *self {}
    }
}
