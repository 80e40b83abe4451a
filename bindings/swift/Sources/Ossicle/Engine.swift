import COssicle
import Foundation

/// The home of sessions: threads, connections, keys, and one sequence of events. From any task or thread, never from an
/// audio callback.
///
/// Events and answers are taken while a task iterates `events`, or waits for an answer of `control`. Nothing blocks a thread
/// of Swift's pool: what waits in C waits elsewhere.
public final class Engine: Sendable {
    let raw: UInt
    let bell: Bell
    let inbox = Inbox()

    /// Starts an engine; nothing is connected yet.
    public init(_ settings: EngineSettings) throws(OssicleError) {
        let bell = Bell()
        let texts = Texts()
        var config = settings.raw(texts)
        // Given back in `deinit`, after which the library does not ring any more.
        config.wake_context = Unmanaged.passRetained(bell).toOpaque()
        config.wake = { context in
            if let context {
                Unmanaged<Bell>.fromOpaque(context).takeUnretainedValue().ring()
            }
        }
        var handle: OpaquePointer?
        var error = ossicle_error()
        let status = withExtendedLifetime(texts) { ossicle_engine_create(&config, &handle, &error) }
        if status != OSSICLE_OK {
            Unmanaged.passUnretained(bell).release()
            throw OssicleError(error)
        }
        self.bell = bell
        raw = UInt(bitPattern: handle)
    }

    deinit {
        end()
        Unmanaged.passUnretained(bell).release()
    }

    var handle: OpaquePointer? {
        OpaquePointer(bitPattern: raw)
    }

    /// Ends the engine: its sessions end at once, without END_OF_SESSION. Finish or pause them before. The sequence of events
    /// ends. Also done when the last reference goes, which then waits up to two seconds.
    public func close() async {
        await elsewhere { self.end() }
    }

    private func end() {
        ossicle_engine_destroy(handle)
        inbox.close()
        bell.close()
    }

    /// New keys serve the next stream and the next call. `expires`: nil when they do not.
    public func setKeys(
        id: String, secret: String, token: String? = nil, expires: Date? = nil
    ) throws(OssicleError) {
        let expiresMs = expires.map { date in max(Int64(date.timeIntervalSince1970 * 1_000), 1) } ?? 0
        try check(ossicle_engine_set_keys(handle, id, secret, token, expiresMs))
    }

    /// Tells that the network may have changed: waits end, connections are probed.
    public func networkChanged() throws(OssicleError) {
        try check(ossicle_engine_network_changed(handle))
    }

    /// Begins a session and returns at once; `opened` or `closed` follows as an event. Audio may be pushed from here on.
    public func open(_ settings: SessionSettings) throws(OssicleError) -> Session {
        let texts = Texts()
        var config = settings.raw(texts)
        var session: OpaquePointer?
        var error = ossicle_error()
        let status = withExtendedLifetime(texts) {
            ossicle_session_create(handle, &config, &session, &error)
        }
        if status != OSSICLE_OK {
            throw OssicleError(error)
        }
        return Session(engine: self, raw: UInt(bitPattern: session))
    }

    /// The events of the engine and its sessions, oldest first, until the engine is closed. One task takes them at a time: a
    /// second one gets an error with `badState`. A task that is cancelled gets nil, and another may go on.
    public var events: Events {
        Events(engine: self)
    }

    /// The control plane.
    public var control: Control {
        Control(engine: self)
    }
}

/// The events of an engine.
public struct Events: AsyncSequence, Sendable {
    public typealias Element = Event

    let engine: Engine

    public struct AsyncIterator: AsyncIteratorProtocol {
        let engine: Engine

        /// Throws an `OssicleError` when another task takes the events at the same time.
        public mutating func next() async throws -> Event? {
            try await engine.nextEvent()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(engine: engine)
    }
}

/// What one look into the engine's queue found.
enum Look {
    case event(Event)
    case answer(UInt64, Answer)
    case nothing
    case over
}

/// The answer to a call of the control plane.
struct Answer: Sendable {
    let status: Status
    let message: String
    let json: String

    static let closed = Answer(status: .closed, message: "the engine was closed", json: "{}")
}

extension Engine {
    func nextEvent() async throws -> Event? {
        guard inbox.claim() else {
            throw OssicleError(status: .badState, message: "another task takes the events of this engine")
        }
        defer { inbox.unclaim() }
        while !Task.isCancelled {
            let rung = bell.count
            switch inbox.take(look) {
            case .event(let event):
                // A call may wait behind it, and the library rings only when nothing waited.
                if inbox.isAwaited {
                    bell.ring()
                }
                return event
            case .answer:
                continue
            case .over:
                return nil
            case .nothing:
                await bell.wait(beyond: rung)
            }
        }
        return nil
    }

    /// Calls an operation and waits for its answer.
    func call(_ operation: String, _ input: String) async throws(OssicleError) -> String {
        let bytes = Array(input.utf8CString)
        var number: UInt64 = 0
        var error = ossicle_error()
        let status = ossicle_engine_call(handle, operation, bytes, bytes.count - 1, 0, &number, &error)
        if status != OSSICLE_OK {
            throw OssicleError(error)
        }
        let answer = await answered(number)
        if answer.status != .ok {
            let service = try? JSONDecoder().decode(ServiceError.self, from: Data(answer.json.utf8))
            throw OssicleError(status: answer.status, message: answer.message, service: service)
        }
        return answer.json
    }

    /// Looks for an answer as often as the bell rings. Events that come before it are kept for whoever takes them.
    private func answered(_ number: UInt64) async -> Answer {
        inbox.expect(number)
        while true {
            let rung = bell.count
            if let answer = inbox.answer(number, look) {
                // Another call may wait behind what was found on the way, and so may the taker of events.
                bell.ring()
                return answer
            }
            if Task.isCancelled {
                inbox.forget(number)
                return Answer(status: .closed, message: "the task was cancelled; the call goes on", json: "{}")
            }
            await bell.wait(beyond: rung)
        }
    }

    /// One look into the library's queue, which does not wait. Only inside of the inbox's lock: what the library gives out is
    /// borrowed until the next look.
    private func look() -> Look {
        var raw = ossicle_event()
        raw.struct_size = UInt32(MemoryLayout<ossicle_event>.size)
        let status = ossicle_engine_poll(handle, &raw, 0)
        if status == OSSICLE_EMPTY {
            return .nothing
        }
        if status != OSSICLE_OK {
            return .over
        }
        if Int32(bitPattern: raw.kind) == OSSICLE_EVENT_CALL {
            let answer = Answer(
                status: Status(rawValue: raw.status), message: swiftString(raw.message, raw.message_bytes),
                json: swiftString(raw.json, raw.json_bytes))
            return .answer(raw.session_id, answer)
        }
        return .event(Event(raw))
    }
}

/// Events that came while an answer was waited for, and answers that came while an event was.
final class Inbox: @unchecked Sendable {
    /// Events kept while only answers are waited for. Past it they stay with the library, whose own queue is bounded too: an
    /// application with sessions takes its events.
    private static let eventsMax = 4_096

    // `lock` guards the others.
    private let lock = NSLock()
    private var claimed = false
    private var closed = false
    private var awaited: Set<UInt64> = []
    private var answers: [UInt64: Answer] = [:]
    private var events: [Event] = []

    func claim() -> Bool {
        lock.lock()
        defer { lock.unlock() }
        if claimed {
            return false
        }
        claimed = true
        return true
    }

    func unclaim() {
        lock.lock()
        defer { lock.unlock() }
        claimed = false
    }

    func close() {
        lock.lock()
        defer { lock.unlock() }
        closed = true
    }

    var isAwaited: Bool {
        lock.lock()
        defer { lock.unlock() }
        return !awaited.isEmpty
    }

    func expect(_ number: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        awaited.insert(number)
    }

    func forget(_ number: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        awaited.remove(number)
        answers[number] = nil
    }

    /// The next event: one that was kept, or what a look finds.
    func take(_ look: () -> Look) -> Look {
        lock.lock()
        defer { lock.unlock() }
        if !events.isEmpty {
            return .event(events.removeFirst())
        }
        if closed {
            return .over
        }
        let found = look()
        if case .answer(let number, let answer) = found {
            keep(number, answer)
        }
        return found
    }

    /// The answer with a number, or nil when it has not come yet.
    func answer(_ number: UInt64, _ look: () -> Look) -> Answer? {
        lock.lock()
        defer { lock.unlock() }
        while true {
            if let answer = answers.removeValue(forKey: number) {
                awaited.remove(number)
                return answer
            }
            if closed {
                awaited.remove(number)
                return Answer.closed
            }
            if events.count >= Inbox.eventsMax {
                return nil
            }
            switch look() {
            case .event(let event): events.append(event)
            case .answer(let other, let answer): keep(other, answer)
            case .nothing: return nil
            case .over: closed = true
            }
        }
    }

    /// Keeps an answer for whoever waits; of a call that nobody waits for any more it is let go.
    private func keep(_ number: UInt64, _ answer: Answer) {
        // A call that was just begun is awaited a moment later: its answer must not be lost in between.
        answers[number] = answer
        if answers.count > Inbox.answersMax {
            answers = answers.filter { entry in awaited.contains(entry.key) }
        }
    }

    /// Above the library's limit of calls that are under way at once.
    private static let answersMax = 256
}

/// Runs what may block for a moment on a thread that is not of Swift's pool.
func elsewhere<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { (continuation: CheckedContinuation<Value, Never>) in
        DispatchQueue.global(qos: .utility).async {
            continuation.resume(returning: work())
        }
    }
}
