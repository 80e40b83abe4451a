// A microphone's tap to a session, and the transcript to the screen.
//
//   swift run TapExample             with a library that has the loopback engine: no network, no keys
//   swift run TapExample DOMAIN SUBSCRIPTION S3URI    the service, with keys from the environment
//
// Where there is no AVAudioEngine (Linux) a thread of this program stands in for the microphone.
import Foundation
import Ossicle

#if canImport(AVFAudio)
import AVFAudio
#endif

let arguments = Array(CommandLine.arguments.dropFirst())
let environment = ProcessInfo.processInfo.environment

func makeEngine() throws -> Engine {
    if arguments.count < 3 {
        return try Engine(.loopback())
    }
    let engine = try Engine(EngineSettings(region: environment["AWS_REGION"]))
    try engine.setKeys(
        id: environment["AWS_ACCESS_KEY_ID"] ?? "", secret: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
        token: environment["AWS_SESSION_TOKEN"])
    return engine
}

func settings(_ format: AudioFormat) -> SessionSettings {
    if arguments.count < 3 {
        return SessionSettings(format: format)
    }
    return SessionSettings(
        format: format, domainId: arguments[0], subscriptionId: arguments[1], outputS3URI: arguments[2])
}

#if canImport(AVFAudio)
/// Ten seconds of the microphone.
func record(_ engine: Engine) throws -> Session {
    let audio = AVAudioEngine()
    let format = audio.inputNode.outputFormat(forBus: 0)
    guard let pushed = AudioFormat(format) else {
        throw OssicleError(status: .badArgument, message: "the microphone's format is none of Ossicle's")
    }
    let session = try engine.open(settings(pushed))
    // The block captures two integers: no object, so nothing is counted or freed on the audio's thread.
    let tap = session.tap()
    audio.inputNode.installTap(onBus: 0, bufferSize: 1_024, format: format) { buffer, time in
        _ = tap.push(buffer, at: time)
    }
    try audio.start()
    Thread.sleep(forTimeInterval: 10)
    audio.inputNode.removeTap(onBus: 0)
    audio.stop()
    return session
}
#else
/// Three seconds of a tone, as a sound card would give it.
func record(_ engine: Engine) throws -> Session {
    let session = try engine.open(settings(AudioFormat(sample: .float32, rateHz: 16_000, channels: 1)))
    let tap = session.tap()
    let tone = (0..<1_600).map { frame in Float(0.3 * sin(Double(frame) * 0.1)) }
    for _ in 0..<30 {
        let pushed = tone.withUnsafeBytes { bytes in
            bytes.baseAddress.map { start in tap.push(start, frameCount: 1_600) }
        }
        if let pushed, pushed.status != .ok {
            print("the ring is full: \(pushed.acceptedFrames) frames were taken")
        }
        Thread.sleep(forTimeInterval: 0.1)
    }
    return session
}
#endif

let engine = try makeEngine()
let printer = Task {
    for try await event in engine.events {
        switch event.kind {
        case .transcript(let piece) where !piece.isPartial:
            print(piece.channel, piece.text)
        case .recovering(let why, let message, _, _):
            print("\(why): \(message)")
        case .keysExpiring:
            print("new keys are wanted: call setKeys")
        case .closed(let status, _, let report):
            print("\(status): \(report.captured) frames captured, \(report.delivered) delivered")
            return
        default:
            break
        }
    }
}
let session = try record(engine)
try session.finish()
try await printer.value
await engine.close()
