import COssicle

/// Texts as C has them, for as long as this object lives.
final class Texts {
    private var kept: [UnsafeMutablePointer<CChar>] = []

    /// The text with its final zero, or nil.
    func pointer(_ text: String?) -> UnsafePointer<CChar>? {
        guard let text else { return nil }
        let bytes = Array(text.utf8CString)
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        kept.append(copy)
        return UnsafePointer(copy)
    }

    deinit {
        for text in kept {
            text.deallocate()
        }
    }
}

/// A text that C counts.
func swiftString(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count), as: UTF8.self)
}

/// A text that ends with a zero.
func swiftString(_ start: UnsafePointer<CChar>?) -> String {
    guard let start else { return "" }
    return String(cString: start)
}

/// The library's version, such as "0.1.0".
public var libraryVersion: String {
    swiftString(ossicle_version())
}

/// What is built into the library.
public struct Features: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static let flac = Features(rawValue: UInt32(OSSICLE_FEATURE_FLAC))
    /// The service's emulator, for tests without a network.
    public static let loopback = Features(rawValue: UInt32(OSSICLE_FEATURE_LOOPBACK))
    public static let awsChain = Features(rawValue: UInt32(OSSICLE_FEATURE_AWS_CHAIN))

    /// Of the library that this program runs with.
    public static var ofLibrary: Features {
        Features(rawValue: ossicle_features())
    }
}

/// A text as the service takes it in an encounter's context: one character outside of that refuses a whole session.
public func sanitised(context: String) throws(OssicleError) -> String {
    let bytes = Array(context.utf8CString)
    let room = contextBytesMax + 1
    var out = [CChar](repeating: 0, count: room)
    var needed = 0
    let status = ossicle_context_sanitise(bytes, bytes.count - 1, &out, room, &needed, nil)
    try check(status)
    return swiftString(out, needed - 1)
}

/// The service's bound for a context.
private let contextBytesMax = 20_480
