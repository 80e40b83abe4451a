import COssicle
import Foundation

/// One visit: one or two taps in, one transcript out. Keep it until its `closed` or `paused` came: a session that is let go
/// before ends at once, without END_OF_SESSION, and can be resumed by its id. From any task or thread, never from an audio
/// callback: that gets a `Tap`.
public final class Session: Sendable {
    /// The engine lives as long as its sessions.
    public let engine: Engine
    /// In events, never used twice in an engine.
    public let number: UInt64
    /// A UUID. Keep it to resume a paused session later.
    public let id: String
    let raw: UInt

    init(engine: Engine, raw: UInt) {
        self.engine = engine
        self.raw = raw
        number = ossicle_session_number(OpaquePointer(bitPattern: raw))
        var uuid = [CChar](repeating: 0, count: 37)
        let status = ossicle_session_uuid(OpaquePointer(bitPattern: raw), &uuid)
        id = status == OSSICLE_OK ? swiftString(uuid) : ""
    }

    deinit {
        ossicle_session_destroy(handle)
    }

    var handle: OpaquePointer? {
        OpaquePointer(bitPattern: raw)
    }

    /// What an audio thread gets: tap 0, or 1 where there are two.
    public func tap(_ index: UInt32 = 0) -> Tap {
        Tap(session: raw, index: index)
    }

    /// Sends what was captured, then ends the stream as a pause; `paused` follows. What is pushed from now on is dropped as
    /// paused: never kept, sent or written.
    public func pause() throws(OssicleError) {
        try check(ossicle_session_pause(handle))
    }

    /// Goes on after a pause; `resumed` follows.
    public func resume() throws(OssicleError) {
        try check(ossicle_session_resume(handle))
    }

    /// Sends silence in place of what is pushed, which is dropped as muted.
    public func mute(_ muted: Bool) throws(OssicleError) {
        try check(ossicle_session_mute(handle, muted ? 1 : 0))
    }

    /// Sends what was captured, then END_OF_SESSION, and waits for the last results; `closed` follows.
    public func finish() throws(OssicleError) {
        try check(ossicle_session_finish(handle))
    }

    /// Ends at once, without END_OF_SESSION; `closed` follows.
    public func abort() throws(OssicleError) {
        try check(ossicle_session_abort(handle))
    }

    /// A snapshot of a session that lives.
    public func stats() async throws(OssicleError) -> Stats {
        let result = await elsewhere { () -> Result<Stats, OssicleError> in
            var raw = ossicle_session_stats()
            raw.struct_size = UInt32(MemoryLayout<ossicle_session_stats>.size)
            let status = ossicle_session_get_stats(self.handle, &raw)
            return status == OSSICLE_OK ? .success(Stats(raw)) : .failure(OssicleError(status))
        }
        switch result {
        case .success(let stats): return stats
        case .failure(let error): throw error
        }
    }

    /// The account: of the moment while the session lives, the final one once its `closed` was taken.
    public func report() async throws(OssicleError) -> Report {
        let result = await elsewhere { () -> Result<Report, OssicleError> in
            var raw = ossicle_report()
            raw.struct_size = UInt32(MemoryLayout<ossicle_report>.size)
            let status = ossicle_session_get_report(self.handle, &raw)
            return status == OSSICLE_OK ? .success(Report(raw)) : .failure(OssicleError(status))
        }
        switch result {
        case .success(let report): return report
        case .failure(let error): throw error
        }
    }
}
