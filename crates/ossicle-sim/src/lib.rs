//! The deterministic world for tests: clocks, microphones, links, faults and checkers
