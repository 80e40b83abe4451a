//! Ossicle: live audio to Amazon Connect Health's listening sessions, and the transcript back
