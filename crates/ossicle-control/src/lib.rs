//! The REST operations of Amazon Connect Health
