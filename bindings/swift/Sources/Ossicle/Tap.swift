import COssicle

/// What became of a push.
public struct Pushed: Hashable, Sendable {
    /// `ok`, or why less was taken.
    public let status: Status
    public let acceptedFrames: UInt32
}

/// What an audio thread gets: it pushes, and does nothing else.
///
/// Real-time: no push takes a lock, allocates, frees or calls the system, and none counts references. A tap is two integers
/// and no object, so a callback that captures it copies them; nothing here is generic, throws, or holds an object. It is
/// safe to keep after its session has gone: pushes then return `badArgument`. One thread at a time for each tap; a second one
/// that is inside at the same time gets `badState`. Let the callback capture the tap, never the session or the engine.
public struct Tap: Sendable, Hashable {
    let session: UInt
    let index: UInt32

    /// Copies frames in the tap's own format. `capturedNs`: when the first was captured, on any monotonic clock that is the
    /// same in all pushes to a session, or 0. With two taps give it for both.
    public func push(_ frames: UnsafeRawPointer, frameCount: UInt32, capturedNs: UInt64 = 0) -> Pushed {
        var accepted: UInt32 = 0
        let status = ossicle_session_push_tap(
            OpaquePointer(bitPattern: session), index, frames, frameCount, capturedNs, &accepted)
        return Pushed(status: Status(rawValue: status), acceptedFrames: accepted)
    }

    /// As `push`, from one pointer for each of the tap's channels, whatever its layout.
    public func push(
        channels: UnsafePointer<UnsafeRawPointer?>, frameCount: UInt32, capturedNs: UInt64 = 0
    ) -> Pushed {
        var accepted: UInt32 = 0
        let status = ossicle_session_push_channels(
            OpaquePointer(bitPattern: session), index, channels, frameCount, capturedNs, &accepted)
        return Pushed(status: Status(rawValue: status), acceptedFrames: accepted)
    }
}

#if canImport(AVFAudio)
import AVFAudio

extension AudioFormat {
    /// What `Tap.push(_:at:)` takes from a node with this format: its channels, one by one. nil: of a kind that is none of
    /// Ossicle's, such as 64-bit floats.
    public init?(_ format: AVAudioFormat) {
        let sample: Sample
        switch format.commonFormat {
        case .pcmFormatFloat32: sample = .float32
        case .pcmFormatInt16: sample = .int16
        case .pcmFormatInt32: sample = .int32
        default: return nil
        }
        self.init(
            sample: sample, rateHz: UInt32(format.sampleRate), channels: format.channelCount,
            isPlanar: !format.isInterleaved)
    }
}

extension Tap {
    /// Pushes what a tap block or a sink node got, in the format of `AudioFormat(buffer.format)`. The same promises: reading
    /// the buffer's pointers is a message to an object that the caller owns, and allocates nothing.
    public func push(_ buffer: AVAudioPCMBuffer, at time: AVAudioTime? = nil) -> Pushed {
        let frames = buffer.frameLength
        var capturedNs: UInt64 = 0
        if let time, time.isHostTimeValid {
            capturedNs = UInt64(AVAudioTime.seconds(forHostTime: time.hostTime) * 1_000_000_000)
        }
        if let floats = buffer.floatChannelData {
            return push(planes: UnsafeRawPointer(floats), buffer, frames, capturedNs)
        }
        if let shorts = buffer.int16ChannelData {
            return push(planes: UnsafeRawPointer(shorts), buffer, frames, capturedNs)
        }
        if let longs = buffer.int32ChannelData {
            return push(planes: UnsafeRawPointer(longs), buffer, frames, capturedNs)
        }
        return Pushed(status: .badArgument, acceptedFrames: 0)
    }

    /// `planes` points to a pointer for each channel; of an interleaved buffer only the first counts.
    private func push(
        planes: UnsafeRawPointer, _ buffer: AVAudioPCMBuffer, _ frames: UInt32, _ capturedNs: UInt64
    ) -> Pushed {
        // A pointer to samples and a raw one are laid out alike.
        let channels = planes.assumingMemoryBound(to: UnsafeRawPointer?.self)
        if buffer.format.isInterleaved, let first = channels[0] {
            return push(first, frameCount: frames, capturedNs: capturedNs)
        }
        return push(channels: channels, frameCount: frames, capturedNs: capturedNs)
    }
}
#endif
