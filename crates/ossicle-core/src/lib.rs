//! The sans-I/O session engine: state machines without clock, socket or thread
