import Foundation

/// Wakes the tasks that wait for events. The engine rings it from a thread of its own, where it only signals: a task that
/// is woken goes on on its own executor, never inside of `ring`.
final class Bell: @unchecked Sendable {
    // `lock` guards the other three.
    private let lock = NSLock()
    private var rings: UInt64 = 0
    private var closed = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// How often it rang. Read it before looking for events, and wait for more rings than that.
    var count: UInt64 {
        lock.lock()
        defer { lock.unlock() }
        return rings
    }

    func ring() {
        wake(closing: false)
    }

    /// Nobody waits from here on.
    func close() {
        wake(closing: true)
    }

    /// Waits until it has rung more often than `seen`, is closed, or the task is cancelled.
    func wait(beyond seen: UInt64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                if !enter(continuation, seen) {
                    continuation.resume()
                }
            }
        } onCancel: {
            // Wakes the others too, who then look once for nothing.
            self.ring()
        }
    }

    private func enter(_ continuation: CheckedContinuation<Void, Never>, _ seen: UInt64) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        if closed || rings != seen {
            return false
        }
        waiters.append(continuation)
        return true
    }

    private func wake(closing: Bool) {
        lock.lock()
        rings += 1
        closed = closed || closing
        let woken = waiters
        waiters = []
        lock.unlock()
        for waiter in woken {
            waiter.resume()
        }
    }
}
