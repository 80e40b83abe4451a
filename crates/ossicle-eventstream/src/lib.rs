//! The AWS event-stream encoding: messages, headers and checksums
