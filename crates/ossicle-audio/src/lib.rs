//! Audio from a callback to the wire: ring, formats, channels, resampling, chunks, PCM and FLAC
