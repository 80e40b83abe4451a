//! Where audio comes from: a file, standard input, or the bundled conversation.

mod file;
#[cfg(feature = "mic")]
pub(crate) mod mic;
mod raw;

use ossicle::audio::Format;

pub(crate) use file::FileSource;
pub(crate) use raw::RawSource;

/// Something that audio is read from, block by block.
pub(crate) trait Source: Send {
    /// What the blocks hold.
    fn format(&self) -> Format;

    /// All frames, where that is known beforehand.
    fn total_frames(&self) -> Option<u64>;

    /// Whether what was read is gone from where it came from.
    fn is_pipe(&self) -> bool {
        false
    }

    /// Reads the next block of whole frames into `block`, replacing what is there. `false` is the end. May wait for a
    /// pipe.
    ///
    /// # Errors
    /// A sentence that says what is wrong and where. What came before is sound.
    fn read(&mut self, block: &mut Vec<u8>) -> Result<bool, String>;
}
