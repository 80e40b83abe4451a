import COssicle

/// The account of a session. Frames count at the wire rate, and
/// `captured == delivered + inFlight + held + dropped.total`.
public struct Report: Sendable, Hashable {
    public enum Ended: UInt32, Sendable {
        /// The session lives; the account is of the moment.
        case notYet = 0
        case finished = 1
        /// The same session id resumes it.
        case paused = 2
        case failed = 3
    }

    public struct Drops: Sendable, Hashable {
        public let total: UInt64
        public let ringFull: UInt64
        public let heldLimit: UInt64
        public let unproven: UInt64
        /// Not a loss.
        public let paused: UInt64
        /// Not a loss.
        public let muted: UInt64
        public let ended: UInt64
    }

    public let sessionId: String
    public let ended: Ended
    /// Why it failed.
    public let status: Status
    public let rateHz: UInt32
    public let channels: UInt32
    public let connections: UInt32
    public let captured: UInt64
    /// Proven to have arrived at the peer's HTTP/2.
    public let delivered: UInt64
    public let inFlight: UInt64
    public let held: UInt64
    public let dropped: Drops
    /// Put in; not part of the captured.
    public let silence: UInt64
    public let resent: UInt64
    public let messages: UInt64
    public let wireBytes: UInt64
    public let signatureAgeMsMax: UInt64
    public let transcribedNs: UInt64

    init(_ raw: ossicle_report) {
        sessionId = withUnsafeBytes(of: raw.session_uuid) { bytes in
            String(decoding: bytes.prefix(while: { byte in byte != 0 }), as: UTF8.self)
        }
        ended = Ended(rawValue: raw.ended) ?? .failed
        status = Status(rawValue: raw.status)
        rateHz = raw.rate_hz
        channels = raw.channels
        connections = raw.connections
        captured = raw.captured_frames
        delivered = raw.delivered_frames
        inFlight = raw.in_flight_frames
        held = raw.held_frames
        dropped = Drops(
            total: raw.dropped_frames, ringFull: raw.dropped_ring_full_frames,
            heldLimit: raw.dropped_held_limit_frames, unproven: raw.dropped_unproven_frames,
            paused: raw.dropped_paused_frames, muted: raw.dropped_muted_frames, ended: raw.dropped_ended_frames)
        silence = raw.silence_frames
        resent = raw.resent_frames
        messages = raw.messages
        wireBytes = raw.wire_bytes
        signatureAgeMsMax = raw.signature_age_ms_max
        transcribedNs = raw.transcribed_ns
    }
}

/// A snapshot of a session that lives.
public struct Stats: Sendable, Hashable {
    public enum State: UInt32, Sendable {
        case opening = 1, streaming = 2, recovering = 3, draining = 4, paused = 5, closed = 6
    }

    public let state: State
    /// Of each tap, at its own rate.
    public let pushedFrames: [UInt64]
    public let refusedFrames: [UInt64]
    /// Of the ledger, at the wire rate.
    public let captured: UInt64
    public let delivered: UInt64
    public let inFlight: UInt64
    public let held: UInt64
    public let dropped: UInt64
    public let silence: UInt64
    public let resent: UInt64
    public let messages: UInt64
    public let wireBytes: UInt64
    public let signatureAgeMsMax: UInt64
    /// Captured audio that is not sent yet.
    public let lagMs: UInt64
    /// 0: none was measured yet.
    public let roundTripNs: UInt64
    /// Of each wire channel since the last snapshot, -120 for silence.
    public let peakDbfs: [Float]
    public let reconnects: UInt32

    init(_ raw: ossicle_session_stats) {
        state = State(rawValue: raw.state) ?? .closed
        pushedFrames = [raw.pushed_frames.0, raw.pushed_frames.1]
        refusedFrames = [raw.refused_frames.0, raw.refused_frames.1]
        captured = raw.captured_frames
        delivered = raw.delivered_frames
        inFlight = raw.in_flight_frames
        held = raw.held_frames
        dropped = raw.dropped_frames
        silence = raw.silence_frames
        resent = raw.resent_frames
        messages = raw.messages
        wireBytes = raw.wire_bytes
        signatureAgeMsMax = raw.signature_age_ms_max
        lagMs = raw.lag_ms
        roundTripNs = raw.rtt_ns
        peakDbfs = [raw.peak_dbfs.0, raw.peak_dbfs.1]
        reconnects = raw.reconnects
    }
}
