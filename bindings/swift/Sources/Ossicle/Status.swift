import COssicle

/// What became of a call or a session. Compare it with the names below; a later library may have more.
public struct Status: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32

    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    public static let ok = Status(rawValue: OSSICLE_OK)
    /// The ring took less than was offered; the rest counts as dropped.
    public static let full = Status(rawValue: OSSICLE_FULL)
    public static let empty = Status(rawValue: OSSICLE_EMPTY)
    public static let closed = Status(rawValue: OSSICLE_CLOSED)
    public static let badArgument = Status(rawValue: OSSICLE_BAD_ARGUMENT)
    public static let badState = Status(rawValue: OSSICLE_BAD_STATE)
    public static let limit = Status(rawValue: OSSICLE_LIMIT)
    public static let denied = Status(rawValue: OSSICLE_DENIED)
    public static let expired = Status(rawValue: OSSICLE_EXPIRED)
    public static let skewed = Status(rawValue: OSSICLE_SKEWED)
    public static let noKeys = Status(rawValue: OSSICLE_NO_KEYS)
    public static let rejected = Status(rawValue: OSSICLE_REJECTED)
    public static let throttled = Status(rawValue: OSSICLE_THROTTLED)
    public static let quota = Status(rawValue: OSSICLE_QUOTA)
    public static let notFound = Status(rawValue: OSSICLE_NOT_FOUND)
    public static let conflict = Status(rawValue: OSSICLE_CONFLICT)
    public static let serviceFailed = Status(rawValue: OSSICLE_SERVICE_FAILED)
    public static let unreachable = Status(rawValue: OSSICLE_UNREACHABLE)
    public static let lost = Status(rawValue: OSSICLE_LOST)
    public static let corrupt = Status(rawValue: OSSICLE_CORRUPT)
    public static let untrusted = Status(rawValue: OSSICLE_UNTRUSTED)
    public static let noHTTP2 = Status(rawValue: OSSICLE_NO_HTTP2)
    public static let timedOut = Status(rawValue: OSSICLE_TIMED_OUT)
    /// A bug of Ossicle: destroy the engine and report it.
    public static let `internal` = Status(rawValue: OSSICLE_INTERNAL)

    /// Who has to act.
    public enum Blame: Sendable {
        case nobody, caller, identity, service, network, ossicle
    }

    public var blame: Blame {
        switch rawValue / 100 {
        case 2: return .caller
        case 3: return .identity
        case 4: return .service
        case 5: return .network
        case 9: return .ossicle
        default: return .nobody
        }
    }

    /// Whether a new session or another call may succeed without a change by the caller.
    public var isRetryable: Bool {
        ossicle_status_retryable(rawValue) == 1
    }

    /// The name in C, such as "OSSICLE_FULL".
    public var description: String {
        String(cString: ossicle_status_name(rawValue))
    }
}

/// Why a call failed: a status to act on, and a sentence for a person. Holds no keys and no health information.
public struct OssicleError: Error, Hashable, Sendable, CustomStringConvertible {
    public let status: Status
    public let message: String
    /// What the service said of a control operation that it refused.
    public let service: ServiceError?

    public init(status: Status, message: String, service: ServiceError? = nil) {
        self.status = status
        self.message = message
        self.service = service
    }

    public var description: String {
        "\(status): \(message)"
    }

    init(_ error: ossicle_error) {
        let message = withUnsafeBytes(of: error.text) { bytes in
            String(decoding: bytes.prefix(while: { byte in byte != 0 }), as: UTF8.self)
        }
        self.init(status: Status(rawValue: error.status), message: message)
    }

    /// For calls that have a status and no sentence.
    init(_ status: ossicle_status) {
        let status = Status(rawValue: status)
        self.init(status: status, message: status.description)
    }
}

/// What the service said of a request.
public struct ServiceError: Hashable, Sendable, Codable {
    /// The exception, such as "ResourceNotFoundException".
    public let code: String?
    public let httpStatus: Int?
    public let requestId: String?

    enum CodingKeys: String, CodingKey {
        case code
        case httpStatus = "http_status"
        case requestId = "request_id"
    }
}

/// Throws unless a call went well.
func check(_ status: ossicle_status) throws(OssicleError) {
    if status != OSSICLE_OK {
        throw OssicleError(status)
    }
}
