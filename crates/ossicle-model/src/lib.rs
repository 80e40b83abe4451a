//! The shapes, limits and checks of Amazon Connect Health's listening sessions
