import Foundation
import XCTest

@testable import Ossicle

/// Sessions on the loopback engine: no network, no keys. The installed library needs that feature:
/// `cargo xtask install --prefix PREFIX --features loopback`.
final class LoopbackTests: XCTestCase {
    private let format = AudioFormat(sample: .int16, rateHz: 16_000, channels: 1)
    private let script = """
        {"segments": [{"channel": 0, "begin_s": 0.2, "end_s": 0.8, "text": "Good morning."}],
         "snapshots": [
          {"at_s": 0.3, "kind": "checklistEvent", "payload": {"snapshotVersion": 7, "checklists": [
            {"checklistId": "intake", "items": [{"itemKey": "allergies", "status": "DISCUSSED"}]}]}},
          {"at_s": 0.6, "kind": "periodontalChartEvent", "payload": {"snapshotVersion": 8, "teeth": [
            {"toothNumber": 3, "missing": false, "mobility": 2, "sites": [
              {"site": "MB", "probingDepth": 5, "bleeding": true}]}]}}]}
        """

    override func setUpWithError() throws {
        try XCTSkipUnless(Features.ofLibrary.contains(.loopback), "the library has no loopback engine")
    }

    private func settings() -> SessionSettings {
        var settings = SessionSettings(format: format)
        settings.checksRate = false
        settings.pacePercent = 0
        settings.ringMs = 5_000
        settings.userData = 4_711
        return settings
    }

    private func push(_ tap: Tap, frames: Int) -> Pushed {
        let samples = [Int16](repeating: 0, count: frames)
        return samples.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else {
                return Pushed(status: .badArgument, acceptedFrames: 0)
            }
            return tap.push(start, frameCount: UInt32(frames))
        }
    }

    func testAVisitGivesTypedResultsAndABalancedReport() async throws {
        let engine = try Engine(.loopback(script: script))
        let session = try engine.open(settings())
        XCTAssertEqual(session.id.count, 36)
        XCTAssertEqual(push(session.tap(), frames: 16_000), Pushed(status: .ok, acceptedFrames: 16_000))
        try session.finish()
        var texts: [String] = []
        var checklist: Checklist?
        var chart: Chart?
        var last: Report?
        for try await event in engine.events {
            XCTAssertEqual(event.session, session.number)
            XCTAssertEqual(event.userData, 4_711)
            switch event.kind {
            case .transcript(let piece) where !piece.isPartial: texts.append(piece.text)
            case .checklist(let list): checklist = list
            case .chart(let teeth): chart = teeth
            case .closed(let status, _, let report):
                XCTAssertEqual(status, .ok)
                last = report
            default: break
            }
            if last != nil { break }
        }
        XCTAssertEqual(texts, ["Good morning."])
        XCTAssertEqual(checklist?.version, 7)
        XCTAssertEqual(checklist?.items.first?.key, "allergies")
        XCTAssertEqual(checklist?.items.first?.state, .discussed)
        XCTAssertEqual(chart?.teeth.first?.sites.first?.probingDepthMm, 5)
        XCTAssertNil(chart?.teeth.first?.sites.first?.recessionMm)
        let report = try XCTUnwrap(last)
        XCTAssertEqual(report.ended, .finished)
        XCTAssertEqual(report.captured, 16_000)
        XCTAssertEqual(report.delivered, report.captured)
        let again = try await session.report()
        XCTAssertEqual(again, report)
        XCTAssertEqual(push(session.tap(), frames: 160).status, .closed)
        await engine.close()
    }

    func testPauseMuteAndStats() async throws {
        let engine = try Engine(.loopback())
        let session = try engine.open(settings())
        var events = engine.events.makeAsyncIterator()
        try await wait(&events) { kind in if case .opened = kind { return true } else { return false } }
        XCTAssertEqual(push(session.tap(), frames: 1_600).status, .ok)
        try session.pause()
        try await wait(&events) { kind in if case .paused = kind { return true } else { return false } }
        let paused = try await session.stats()
        XCTAssertEqual(paused.state, .paused)
        XCTAssertEqual(paused.pushedFrames[0], 1_600)
        try session.resume()
        try await wait(&events) { kind in if case .resumed = kind { return true } else { return false } }
        try session.mute(true)
        try session.abort()
        try await wait(&events) { kind in if case .closed = kind { return true } else { return false } }
    }

    func testErrorsAreTyped() throws {
        do {
            _ = try Engine(EngineSettings())
            XCTFail("an engine without a region")
        } catch let error as OssicleError {
            XCTAssertEqual(error.status, .badArgument)
            XCTAssertEqual(error.status.blame, .caller)
            XCTAssertFalse(error.message.isEmpty)
        }
        var wrong = settings()
        wrong.chunkMs = 1
        XCTAssertThrowsError(try wrong.validate(loopback: true)) { error in
            XCTAssertEqual((error as? OssicleError)?.status, .badArgument)
        }
        XCTAssertGreaterThan(settings().memoryBytes, 16_000)
        XCTAssertGreaterThan(EngineSettings.loopback().memoryBytes, 1_000_000)
        XCTAssertEqual(try sanitised(context: "38 \u{b0}C"), "38 degrees C")
    }

    func testATapOutlivesItsSession() throws {
        let engine = try Engine(.loopback())
        var session: Session? = try engine.open(settings())
        let tap = try XCTUnwrap(session).tap()
        XCTAssertEqual(push(tap, frames: 160).status, .ok)
        XCTAssertEqual(push(try XCTUnwrap(session).tap(1), frames: 160).status, .badArgument)
        session = nil
        XCTAssertEqual(push(tap, frames: 160).status, .badArgument)
        XCTAssertEqual(MemoryLayout<Tap>.size, MemoryLayout<UInt>.size + 4, "two integers, no object")
    }

    func testControlOperationsAreTyped() async throws {
        let engine = try Engine(.loopback())
        let made = try await engine.control.call("CreateDomain", json: #"{"name": "Clinic"}"#)
        struct Domain: Decodable { let domainId: String }
        let domain = try JSONDecoder().decode(Domain.self, from: Data(made.utf8)).domainId
        let subscription = try await engine.control.createSubscription(domainId: domain)
        XCTAssertEqual(subscription.status, .active)
        let id = subscription.subscriptionId
        let off = try await engine.control.deactivateSubscription(domainId: domain, subscriptionId: id)
        XCTAssertEqual(off.status, .inactive)
        let on = try await engine.control.activateSubscription(domainId: domain, subscriptionId: id)
        XCTAssertEqual(on.status, .active)
        let page = try await engine.control.listSubscriptions(domainId: domain, maxResults: 10)
        XCTAssertEqual(page.subscriptions.map(\.subscriptionId), [id])
        do {
            _ = try await engine.control.getSubscription(domainId: "hai-doesnotexist00000", subscriptionId: id)
            XCTFail("a domain that is not there")
        } catch let error as OssicleError {
            XCTAssertEqual(error.status, .notFound)
            XCTAssertEqual(error.service?.code, "ResourceNotFoundException")
        }
    }

    func testEventsAreTakenByOneTaskAndEndWithTheEngine() async throws {
        let engine = try Engine(.loopback())
        let taker = Task { () -> Int in
            var count = 0
            for try await _ in engine.events { count += 1 }
            return count
        }
        // A call of the control plane is answered while the other task takes events.
        let domains = try await engine.control.call("ListDomains", json: "{}")
        XCTAssertTrue(domains.contains("domains"))
        let cancelled = Task { try await engine.events.makeAsyncIterator().taken() }
        cancelled.cancel()
        _ = try? await cancelled.value
        await engine.close()
        let count = try await taker.value
        XCTAssertEqual(count, 0)
        do {
            try engine.networkChanged()
            XCTFail("the engine is closed")
        } catch let error as OssicleError {
            XCTAssertEqual(error.status, .badArgument)
        }
    }

    private func wait(
        _ events: inout Events.AsyncIterator, until found: (Event.Kind) -> Bool
    ) async throws {
        while let event = try await events.next() {
            if found(event.kind) { return }
        }
        XCTFail("the events ended")
    }
}

extension Events.AsyncIterator {
    fileprivate func taken() async throws -> Event? {
        var copy = self
        return try await copy.next()
    }
}
