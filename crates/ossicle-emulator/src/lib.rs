//! Amazon Connect Health's listening sessions, locally: verifies everything it is sent
