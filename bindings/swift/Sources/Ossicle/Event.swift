import COssicle

/// One thing that happened. It owns all that it holds.
public struct Event: Sendable {
    public enum Kind: Sendable {
        /// The service accepted the session for the first time.
        case opened
        case transcript(Transcript)
        /// Keep the one with the highest version.
        case checklist(Checklist)
        /// Keep the one with the highest version.
        case chart(Chart)
        /// The stream was lost and comes back; audio is held.
        case recovering(why: Status, message: String, attempt: UInt32, retryInMs: UInt64)
        case recovered(outageMs: UInt64, resentFrames: UInt64)
        case dropped(Dropped)
        /// Something to act on before it hurts.
        case warning(Warning)
        /// The stream ended as a pause; all that was captured before is delivered.
        case paused(Report)
        case resumed
        /// The session is over; its last event.
        case closed(Status, message: String, report: Report)
        /// Call `Engine.setKeys`. 0 ms: there are none.
        case keysExpiring(leftMs: UInt64)
        /// The events were not taken in time, and this many were let go. Never `closed`.
        case discarded(events: UInt64)
        /// A line for a log. Holds no health information and no keys.
        case log(LogLevel, message: String)
        /// A kind that this package does not know; the JSON does.
        case other(UInt32)
    }

    /// `Session.number`; 0: the engine.
    public let session: UInt64
    /// The session's own.
    public let userData: UInt64
    public let kind: Kind
    /// The whole event as a JSON object with a `type`.
    public let json: String

    init(_ raw: ossicle_event) {
        session = raw.session_id
        userData = raw.user_data
        json = swiftString(raw.json, raw.json_bytes)
        kind = Kind(raw)
    }
}

extension Event.Kind {
    init(_ raw: ossicle_event) {
        let message = swiftString(raw.message, raw.message_bytes)
        self = .other(raw.kind)
        switch Int32(bitPattern: raw.kind) {
        case OSSICLE_EVENT_OPENED:
            self = .opened
        case OSSICLE_EVENT_TRANSCRIPT:
            if let piece = raw.transcript { self = .transcript(Transcript(piece.pointee)) }
        case OSSICLE_EVENT_CHECKLIST:
            if let list = raw.checklist { self = .checklist(Checklist(list.pointee)) }
        case OSSICLE_EVENT_CHART:
            if let chart = raw.chart { self = .chart(Chart(chart.pointee)) }
        case OSSICLE_EVENT_RECOVERING:
            let why = Status(rawValue: raw.status)
            self = .recovering(why: why, message: message, attempt: raw.code, retryInMs: raw.duration_ms)
        case OSSICLE_EVENT_RECOVERED:
            self = .recovered(outageMs: raw.duration_ms, resentFrames: raw.frames)
        case OSSICLE_EVENT_DROPPED:
            self = .dropped(Dropped(raw))
        case OSSICLE_EVENT_WARNING:
            let kind = Warning.Kind(rawValue: raw.code) ?? .other
            self = .warning(Warning(kind: kind, message: message, leftMs: raw.duration_ms))
        case OSSICLE_EVENT_PAUSED:
            if let report = raw.report { self = .paused(Report(report.pointee)) }
        case OSSICLE_EVENT_RESUMED:
            self = .resumed
        case OSSICLE_EVENT_CLOSED:
            if let report = raw.report {
                self = .closed(Status(rawValue: raw.status), message: message, report: Report(report.pointee))
            }
        case OSSICLE_EVENT_KEYS_EXPIRING:
            self = .keysExpiring(leftMs: raw.duration_ms)
        case OSSICLE_EVENT_DISCARDED:
            self = .discarded(events: raw.frames)
        case OSSICLE_EVENT_LOG:
            self = .log(LogLevel(rawValue: raw.code) ?? .info, message: message)
        default:
            break
        }
    }
}

/// A piece of transcript on the session's own timeline. The text is health information.
public struct Transcript: Sendable, Hashable {
    public let text: String
    /// A later piece of the same segment replaces a partial one.
    public let segmentId: String
    public let isPartial: Bool
    /// Such as "ch_0", or "".
    public let channel: String
    /// In the session's captured audio.
    public let beginNs: UInt64
    public let endNs: UInt64
    /// The service's own offsets on its stream, if it gave any.
    public let serviceBeginS: Double?
    public let serviceEndS: Double?

    init(_ raw: ossicle_transcript) {
        text = swiftString(raw.text, raw.text_bytes)
        segmentId = swiftString(raw.segment_id)
        isPartial = raw.partial != 0
        channel = swiftString(raw.channel)
        beginNs = raw.begin_ns
        endNs = raw.end_ns
        serviceBeginS = raw.service_begin_s < 0 ? nil : raw.service_begin_s
        serviceEndS = raw.service_end_s < 0 ? nil : raw.service_end_s
    }
}

/// Audio that was dropped, and why.
public struct Dropped: Sendable, Hashable {
    public enum Reason: UInt32, Sendable {
        case ringFull = 1, heldLimit = 2, unproven = 3, paused = 4, muted = 5, ended = 6
    }

    public let reason: Reason?
    /// At the wire rate.
    public let frames: UInt64
    /// In the session's captured audio.
    public let beginNs: UInt64
    public let endNs: UInt64

    init(_ raw: ossicle_event) {
        reason = Reason(rawValue: raw.code)
        frames = raw.frames
        beginNs = raw.begin_ns
        endNs = raw.end_ns
    }
}

/// Something to act on before it hurts.
public struct Warning: Sendable, Hashable {
    public enum Kind: UInt32, Sendable {
        case other = 0, keysExpiring = 1, resumeWindowEnding = 2, audioTotalEnding = 3, clockSkewed = 4
        case lowRate = 5, silentMicrophone = 6, clipping = 7, rateMismatch = 8, wavHeader = 9, keepAlive = 10
    }

    public let kind: Kind
    /// A sentence for a person.
    public let message: String
    public let leftMs: UInt64
}

/// All checklists of a session. Health information.
public struct Checklist: Sendable, Hashable {
    public struct Item: Sendable, Hashable {
        public enum State: UInt32, Sendable {
            case notDiscussed = 0, partiallyDiscussed = 1, discussed = 2, other = 3
        }

        public let checklistId: String
        public let key: String
        public let state: State

        init(_ raw: ossicle_checklist_item) {
            checklistId = swiftString(raw.checklist_id)
            key = swiftString(raw.item_key)
            state = State(rawValue: raw.status) ?? .other
        }
    }

    public let version: Int64
    public let items: [Item]

    init(_ raw: ossicle_checklist) {
        version = raw.version
        items = entries(raw.items, raw.item_count).map { item in Item(item) }
    }
}

/// A periodontal chart. Health information.
public struct Chart: Sendable, Hashable {
    public struct Site: Sendable, Hashable {
        /// "DB", "B", "MB", "DL", "L" or "ML".
        public let name: String
        public let probingDepthMm: Int?
        public let recessionMm: Int?
        public let bleeding: Bool?
        public let suppuration: Bool?

        init(_ raw: ossicle_tooth_site) {
            name = swiftString(raw.name)
            probingDepthMm = charted(raw.probing_depth_mm)
            recessionMm = charted(raw.recession_mm)
            bleeding = charted(raw.bleeding).map { value in value != 0 }
            suppuration = charted(raw.suppuration).map { value in value != 0 }
        }
    }

    public struct Tooth: Sendable, Hashable {
        /// 1 to 32.
        public let number: Int
        public let isMissing: Bool
        public let mobility: Int?
        public let furcation: Int?
        public let sites: [Site]

        init(_ raw: ossicle_tooth) {
            number = Int(raw.number)
            isMissing = raw.missing != 0
            mobility = charted(raw.mobility)
            furcation = charted(raw.furcation)
            sites = entries(raw.sites, raw.site_count).map { site in Site(site) }
        }
    }

    /// What a person should look at.
    public struct Review: Sendable, Hashable {
        public let tooth: Int?
        /// As the service names it, such as "LINE_UNCLEAR".
        public let reason: String
        /// Names joined by commas, or "".
        public let sites: String

        init(_ raw: ossicle_chart_review) {
            tooth = charted(raw.tooth_number)
            reason = swiftString(raw.reason)
            sites = swiftString(raw.sites)
        }
    }

    public let version: Int64
    public let teeth: [Tooth]
    public let reviews: [Review]

    init(_ raw: ossicle_chart) {
        version = raw.version
        teeth = entries(raw.teeth, raw.tooth_count).map { tooth in Tooth(tooth) }
        reviews = entries(raw.reviews, raw.review_count).map { review in Review(review) }
    }
}

/// What an array of pointers points to.
private func entries<Entry>(
    _ start: UnsafePointer<UnsafePointer<Entry>?>?, _ count: UInt32
) -> [Entry] {
    guard let start else { return [] }
    return UnsafeBufferPointer(start: start, count: Int(count)).compactMap { entry in entry?.pointee }
}

private func charted(_ value: Int32) -> Int? {
    value == OSSICLE_NOT_CHARTED ? nil : Int(value)
}
