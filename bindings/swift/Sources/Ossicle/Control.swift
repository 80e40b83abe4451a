import Foundation

/// The control plane of the service, typed for subscriptions and sessions; `call` takes any other operation.
public struct Control: Sendable {
    let engine: Engine

    /// Makes a subscription, which is active at once.
    public func createSubscription(domainId: String) async throws(OssicleError) -> Subscription {
        try await call("CreateSubscription", OfDomain(domainId: domainId))
    }

    public func getSubscription(domainId: String, subscriptionId: String) async throws(OssicleError) -> Subscription {
        let input = OfSubscription(domainId: domainId, subscriptionId: subscriptionId)
        let output: SubscriptionOutput = try await call("GetSubscription", input)
        return try present(output.subscription)
    }

    /// A page of a domain's subscriptions. `maxResults`: 1 to 100. `nextToken`: of the page before.
    public func listSubscriptions(
        domainId: String, maxResults: Int? = nil, nextToken: String? = nil
    ) async throws(OssicleError) -> SubscriptionPage {
        let input = ListSubscriptions(domainId: domainId, maxResults: maxResults, nextToken: nextToken)
        return try await call("ListSubscriptions", input)
    }

    public func activateSubscription(
        domainId: String, subscriptionId: String
    ) async throws(OssicleError) -> Subscription {
        let input = OfSubscription(domainId: domainId, subscriptionId: subscriptionId)
        let output: SubscriptionOutput = try await call("ActivateSubscription", input)
        return try present(output.subscription)
    }

    /// Streams in progress end normally, new ones are refused.
    public func deactivateSubscription(
        domainId: String, subscriptionId: String
    ) async throws(OssicleError) -> Subscription {
        let input = OfSubscription(domainId: domainId, subscriptionId: subscriptionId)
        let output: SubscriptionOutput = try await call("DeactivateSubscription", input)
        return try present(output.subscription)
    }

    /// The details of a listening session, with what was made of it.
    public func getListeningSession(
        domainId: String, subscriptionId: String, sessionId: String
    ) async throws(OssicleError) -> ListeningSession {
        let input = OfSession(domainId: domainId, subscriptionId: subscriptionId, sessionId: sessionId)
        let output: ListeningSessionOutput = try await call("GetMedicalScribeListeningSession", input)
        return try present(output.medicalScribeListeningSessionDetails)
    }

    /// Any operation, by the service's name for it and with its own member names. Returns the output as JSON.
    public func call(_ operation: String, json input: String) async throws(OssicleError) -> String {
        try await engine.call(operation, input)
    }

    private func call<Input: Encodable, Output: Decodable>(
        _ operation: String, _ input: Input
    ) async throws(OssicleError) -> Output {
        guard let text = try? JSONEncoder().encode(input) else {
            throw OssicleError(status: .badArgument, message: "the input cannot become JSON")
        }
        let json = try await engine.call(operation, String(decoding: text, as: UTF8.self))
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .secondsSince1970
        guard let output = try? decoder.decode(Output.self, from: Data(json.utf8)) else {
            throw OssicleError(status: .corrupt, message: "the service's answer is not as it should be")
        }
        return output
    }

    private func present<Value>(_ value: Value?) throws(OssicleError) -> Value {
        guard let value else {
            throw OssicleError(status: .corrupt, message: "the service's answer is empty")
        }
        return value
    }
}

/// A word of the service's, which may have more of them than this package knows.
public protocol ServiceWord: RawRepresentable, Hashable, Sendable, Codable where RawValue == String {}

public struct SubscriptionStatus: ServiceWord {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public static let active = SubscriptionStatus(rawValue: "ACTIVE")
    public static let inactive = SubscriptionStatus(rawValue: "INACTIVE")
    public static let deleted = SubscriptionStatus(rawValue: "DELETED")
}

public struct StreamStatus: ServiceWord {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public static let inProgress = StreamStatus(rawValue: "IN_PROGRESS")
    public static let paused = StreamStatus(rawValue: "PAUSED")
    public static let failed = StreamStatus(rawValue: "FAILED")
    public static let completed = StreamStatus(rawValue: "COMPLETED")
}

/// What sessions run under.
public struct Subscription: Hashable, Sendable, Codable {
    public let domainId: String
    public let subscriptionId: String
    public let arn: String
    public let status: SubscriptionStatus
    public let createdAt: Date
    public let lastUpdatedAt: Date
    public let activatedAt: Date?
    public let deactivatedAt: Date?
}

public struct SubscriptionPage: Hashable, Sendable, Codable {
    public let subscriptions: [Subscription]
    /// For the next page; nil: this is the last.
    public let nextToken: String?
}

/// A listening session, read from outside of its stream.
public struct ListeningSession: Hashable, Sendable, Codable {
    public struct Channel: Hashable, Sendable, Codable {
        public let channelId: Int
        /// "CLINICIAN" or "PATIENT".
        public let participantRole: String
    }

    /// Something that was made of the session.
    public struct Artifact: Hashable, Sendable, Codable {
        public let status: String?
        /// Where it lies in S3.
        public let outputLocation: String?
        public let failureReason: String?
    }

    public struct Note: Hashable, Sendable, Codable {
        public let noteResult: Artifact?
        public let transcriptResult: Artifact?
        public let afterVisitSummaryResult: Artifact?
    }

    public struct Codes: Hashable, Sendable, Codable {
        public let medicalCodesResult: Artifact?
        public let jobId: String?
    }

    public struct Results: Hashable, Sendable, Codable {
        public let clinicalNoteGenerationResult: Note?
        public let medicalCodeGenerationResult: Codes?
    }

    public struct Actions: Hashable, Sendable, Codable {
        public let outputS3Uri: String
    }

    public let sessionId: String?
    public let domainId: String?
    public let subscriptionId: String?
    public let languageCode: String?
    public let mediaSampleRateHertz: Int?
    public let mediaEncoding: String?
    public let channelDefinitions: [Channel]?
    public let postStreamActionSettings: Actions?
    public let postStreamActionResult: Results?
    public let encounterContextProvided: Bool?
    public let medicalCodingContextProvided: Bool?
    public let streamStatus: StreamStatus?
    public let streamCreationTime: Date?
    public let streamEndTime: Date?
}

private struct OfDomain: Encodable {
    let domainId: String
}

private struct OfSubscription: Encodable {
    let domainId: String
    let subscriptionId: String
}

private struct OfSession: Encodable {
    let domainId: String
    let subscriptionId: String
    let sessionId: String
}

private struct ListSubscriptions: Encodable {
    let domainId: String
    let maxResults: Int?
    let nextToken: String?
}

private struct SubscriptionOutput: Decodable {
    let subscription: Subscription?
}

private struct ListeningSessionOutput: Decodable {
    let medicalScribeListeningSessionDetails: ListeningSession?
}
