import COssicle

/// What one tap pushes.
public struct AudioFormat: Hashable, Sendable {
    public enum Sample: UInt32, Sendable {
        case int16 = 1, float32 = 2, int32 = 3, int24In32 = 4
    }

    public var sample: Sample
    /// Frames per second, 8,000 to 192,000.
    public var rateHz: UInt32
    /// 1 to 8.
    public var channels: UInt32
    /// Whether a push from one buffer has its channels one after another, instead of frame after frame.
    public var isPlanar: Bool

    public init(sample: Sample, rateHz: UInt32, channels: UInt32, isPlanar: Bool = false) {
        self.sample = sample
        self.rateHz = rateHz
        self.channels = channels
        self.isPlanar = isPlanar
    }

    var raw: ossicle_format {
        var raw = ossicle_format()
        raw.sample = sample.rawValue
        raw.layout = UInt32(isPlanar ? OSSICLE_LAYOUT_PLANAR : OSSICLE_LAYOUT_INTERLEAVED)
        raw.rate_hz = rateHz
        raw.channels = channels
        return raw
    }
}

public enum LogLevel: UInt32, Sendable {
    case off = 0, warn = 1, info = 2
}

/// Settings of an engine. Each has the library's default.
public struct EngineSettings: Sendable {
    /// Such as "us-east-1". Required unless `loopback` is true.
    public var region: String?
    /// "https://HOST[:PORT]" instead of the region's.
    public var endpoint: String?
    /// Certificates to trust beside the system's, in PEM.
    public var certificates: String?
    /// "http://[USER:PASSWORD@]HOST:PORT", "" for none, nil for what the environment says.
    public var proxy: String?
    /// The service's emulator in this process, for tests without a network. Needs `Features.loopback`.
    public var loopback = false
    /// What the emulator answers, as JSON.
    public var loopbackScript: String?
    public var fips = false
    public var logLevel = LogLevel.off
    /// Keys come from the standard AWS chain instead of `Engine.setKeys`. Needs `Features.awsChain`.
    public var keysFromAWSChain = false
    public var sessionsMax: UInt32
    public var shards: UInt32
    public var tickMs: UInt32
    public var streamsPerConnection: UInt32
    public var pingIntervalMs: UInt32
    public var pongTimeoutMs: UInt32
    public var unwrittenBytesMax: UInt32
    /// New keys are asked for this long before the old ones expire.
    public var keysMarginMs: UInt32
    public var eventsMax: UInt32
    public var catchUpPercent: UInt32
    public var heldBytesMax: UInt64
    public var seed: UInt64

    public init(region: String? = nil) {
        let raw = EngineSettings.defaults
        self.region = region
        sessionsMax = raw.sessions_max
        shards = raw.shards
        tickMs = raw.tick_ms
        streamsPerConnection = raw.streams_per_connection
        pingIntervalMs = raw.ping_interval_ms
        pongTimeoutMs = raw.pong_timeout_ms
        unwrittenBytesMax = raw.unwritten_bytes_max
        keysMarginMs = raw.keys_margin_ms
        eventsMax = raw.events_max
        catchUpPercent = raw.catch_up_percent
        heldBytesMax = raw.held_bytes_max
        seed = raw.seed
    }

    /// An engine that needs no network and no keys.
    public static func loopback(script: String? = nil) -> EngineSettings {
        var settings = EngineSettings()
        settings.loopback = true
        settings.loopbackScript = script
        return settings
    }

    /// An upper bound for the memory of such an engine, with all audio that its sessions hold; 0 when a setting is bad.
    public var memoryBytes: Int {
        let texts = Texts()
        var raw = self.raw(texts)
        return withExtendedLifetime(texts) { ossicle_engine_memory_bytes(&raw) }
    }

    static var defaults: ossicle_engine_config {
        var raw = ossicle_engine_config()
        ossicle_engine_config_init(&raw, UInt32(MemoryLayout<ossicle_engine_config>.size))
        return raw
    }

    func raw(_ texts: Texts) -> ossicle_engine_config {
        var raw = EngineSettings.defaults
        raw.sessions_max = sessionsMax
        raw.shards = shards
        raw.tick_ms = tickMs
        raw.streams_per_connection = streamsPerConnection
        raw.ping_interval_ms = pingIntervalMs
        raw.pong_timeout_ms = pongTimeoutMs
        raw.unwritten_bytes_max = unwrittenBytesMax
        raw.keys_margin_ms = keysMarginMs
        raw.keys_source = UInt32(keysFromAWSChain ? OSSICLE_KEYS_AWS_CHAIN : OSSICLE_KEYS_PUSHED)
        raw.events_max = eventsMax
        raw.log_level = logLevel.rawValue
        raw.fips = fips ? 1 : 0
        raw.loopback = loopback ? 1 : 0
        raw.catch_up_percent = catchUpPercent
        raw.held_bytes_max = heldBytesMax
        raw.seed = seed
        raw.region = texts.pointer(region)
        raw.endpoint = texts.pointer(endpoint)
        raw.ca_pem = texts.pointer(certificates)
        raw.proxy = texts.pointer(proxy)
        raw.loopback_script = texts.pointer(loopbackScript)
        return raw
    }
}

/// Settings of a session. Each has the library's default.
public struct SessionSettings: Sendable {
    /// How a tap's channels become the wire's.
    public enum ChannelMap: Hashable, Sendable {
        /// One tap is mixed to one channel; two taps give two.
        case automatic
        case mixToOne
        /// Clinician and patient: of one tap its first two, of two taps one each.
        case stereo
        case pick(UInt32)
        case pickTwo(UInt32, UInt32)
    }

    /// What happens when held audio reaches its bound.
    public enum Overflow: UInt32, Sendable {
        /// The oldest goes, and the ledger says so. For microphones.
        case dropOldest = 0
        /// Push takes less until there is room. For files.
        case wait = 1
    }

    public enum Encoding: UInt32, Sendable {
        case pcm = 0, flac = 1
    }

    public enum AudioForm: UInt32, Sendable {
        case binary = 0, json = 1
    }

    public enum OffsetRule: UInt32, Sendable {
        case detect = 0, restart = 1, goOn = 2
    }

    /// Required unless the engine is a loopback.
    public var domainId: String?
    /// Required unless the engine is a loopback.
    public var subscriptionId: String?
    /// A UUID; the same one resumes a paused session. nil: one is made.
    public var sessionId: String?
    /// "en-US" or "multi".
    public var language: String?
    /// The whole configurationEvent as JSON, instead of the next two.
    public var configuration: String?
    /// The folder in S3 for the results, "s3://...".
    public var outputS3URI: String?
    /// A managed note template, such as "PHYSICAL_SOAP".
    public var noteTemplate: String?
    /// What the taps push.
    public var format: AudioFormat
    /// 1, or 2 as clinician and patient, each with a microphone.
    public var tapCount: UInt32 = 1
    public var channelMap = ChannelMap.automatic
    public var encoding = Encoding.pcm
    public var audioForm = AudioForm.binary
    public var overflow = Overflow.dropOldest
    public var offsetRule = OffsetRule.detect
    /// Tells when audio comes at another rate than declared; turn it off for what is pushed faster than real time.
    public var checksRate = true
    /// Returned in every event of the session.
    public var userData: UInt64 = 0
    public var ringMs: UInt32
    /// 0: the lower of 16,000 and the tap's own rate.
    public var wireRateHz: UInt32
    public var chunkMs: UInt32
    public var heldMsMax: UInt32
    public var resendOverlapMs: UInt32
    /// Percent of real time; 0: as fast as the peer takes it.
    public var pacePercent: UInt32
    public var keepAliveMs: UInt32
    public var finishDeadlineMs: UInt32
    public var openPatienceMs: UInt32

    public init(
        format: AudioFormat, domainId: String? = nil, subscriptionId: String? = nil, outputS3URI: String? = nil
    ) {
        let raw = SessionSettings.defaults
        self.format = format
        self.domainId = domainId
        self.subscriptionId = subscriptionId
        self.outputS3URI = outputS3URI
        ringMs = raw.ring_ms
        wireRateHz = raw.wire_rate_hz
        chunkMs = raw.chunk_ms
        heldMsMax = raw.held_ms_max
        resendOverlapMs = raw.resend_overlap_ms
        pacePercent = raw.pace_percent
        keepAliveMs = raw.keep_alive_ms
        finishDeadlineMs = raw.finish_deadline_ms
        openPatienceMs = raw.open_patience_ms
    }

    /// An upper bound for the memory of such a session, without the audio that it holds in an outage; 0 when a setting is bad.
    public var memoryBytes: Int {
        let texts = Texts()
        var raw = self.raw(texts)
        return withExtendedLifetime(texts) { ossicle_session_memory_bytes(&raw) }
    }

    /// Checks ranges, ids, and the configuration by all rules of the service. The error names the field, never its value.
    public func validate(loopback: Bool = false) throws(OssicleError) {
        let texts = Texts()
        var raw = self.raw(texts)
        var error = ossicle_error()
        let status = withExtendedLifetime(texts) {
            ossicle_session_config_check(&raw, loopback ? 1 : 0, &error)
        }
        if status != OSSICLE_OK {
            throw OssicleError(error)
        }
    }

    static var defaults: ossicle_session_config {
        var raw = ossicle_session_config()
        ossicle_session_config_init(&raw, UInt32(MemoryLayout<ossicle_session_config>.size))
        return raw
    }

    func raw(_ texts: Texts) -> ossicle_session_config {
        var raw = SessionSettings.defaults
        raw.tap_count = tapCount
        raw.taps = (format.raw, format.raw)
        raw.ring_ms = ringMs
        switch channelMap {
        case .automatic:
            raw.channel_map = UInt32(OSSICLE_CHANNELS_AUTO)
        case .mixToOne:
            raw.channel_map = UInt32(OSSICLE_CHANNELS_MIX)
        case .stereo:
            raw.channel_map = UInt32(OSSICLE_CHANNELS_STEREO)
        case .pick(let first):
            raw.channel_map = UInt32(OSSICLE_CHANNELS_PICK)
            raw.pick_first = first
        case .pickTwo(let first, let second):
            raw.channel_map = UInt32(OSSICLE_CHANNELS_PICK)
            raw.pick_first = first
            raw.pick_second = second
        }
        raw.check_rate = checksRate ? 1 : 0
        raw.wire_rate_hz = wireRateHz
        raw.encoding = encoding.rawValue
        raw.audio_form = audioForm.rawValue
        raw.chunk_ms = chunkMs
        raw.held_ms_max = heldMsMax
        raw.overflow = overflow.rawValue
        raw.resend_overlap_ms = resendOverlapMs
        raw.pace_percent = pacePercent
        raw.keep_alive_ms = keepAliveMs
        raw.finish_deadline_ms = finishDeadlineMs
        raw.offset_rule = offsetRule.rawValue
        raw.open_patience_ms = openPatienceMs
        raw.user_data = userData
        raw.session_uuid = texts.pointer(sessionId)
        raw.domain_id = texts.pointer(domainId)
        raw.subscription_id = texts.pointer(subscriptionId)
        raw.language = texts.pointer(language)
        raw.configuration = texts.pointer(configuration)
        raw.output_s3_uri = texts.pointer(outputS3URI)
        raw.note_template = texts.pointer(noteTemplate)
        return raw
    }
}
