/* ossicle.h -- live audio to Amazon Connect Health's listening sessions, and the transcript back.
 * C99 and later, C++11 and later. Made by `cargo xtask header` from crates/ossicle-capi; do not edit.
 *
 * AT A GLANCE
 *   engine   the home of sessions: threads, connections, keys, and one queue of events.
 *   session  one visit: one or two taps (microphones) in, one transcript out.
 *
 *     ossicle_engine_config_init(&ec, sizeof ec);     ec.region = "us-east-1";
 *     ossicle_engine_create(&ec, &engine, &error);
 *     ossicle_engine_set_keys(engine, id, secret, token, expires_unix_ms);
 *     ossicle_session_config_init(&sc, sizeof sc);    sc.domain_id = ...; sc.subscription_id = ...;
 *     ossicle_session_create(engine, &sc, &session, &error);
 *       audio thread:  ossicle_session_push(session, frames, frame_count, 0, NULL);
 *       any thread:    while (ossicle_engine_poll(engine, &event, 100) != OSSICLE_CLOSED) ...
 *     ossicle_session_finish(session);                -- then CLOSED comes as an event, with the report
 *     ossicle_session_destroy(session);
 *     ossicle_engine_destroy(engine);
 *
 * THREADS
 *   Each function begins with one tag:
 *   [RT]   wait-free: no lock, allocation, free, system call, log or wake-up. One thread at a time for each tap;
 *          a second one inside at the same time gets OSSICLE_BAD_STATE.
 *   [ANY]  any thread, concurrently; may lock or allocate. Not from an audio callback.
 *   [ONE]  one thread at a time for each handle; a second one gets OSSICLE_BAD_STATE. Not from an audio callback.
 *
 * HANDLES
 *   A handle is a name, not an address. One that is NULL, was destroyed, is of the wrong kind or was made up is
 *   found out: OSSICLE_BAD_ARGUMENT, never undefined behaviour. *_create gives a handle; exactly one *_destroy ends
 *   it (NULL and dead handles are no-ops). Both may be destroyed in any state and from any thread; a push or a poll
 *   that is inside is waited for.
 *
 * MEMORY
 *   Arguments are copied before a call returns, except `wake_context`, which is only handed back. Structs that the caller
 *   allocates begin with `struct_size`, have no hidden padding, and only grow at their end: `_init` fills what the
 *   caller's struct has, and a larger one is taken while the bytes that the library does not know are zero.
 *   What is given out as borrowed says until when. Texts are UTF-8 with a final zero.
 *
 * RESULTS
 *   Outputs are written only on OSSICLE_OK, unless stated. `error` may always be NULL; it is written only on failure.
 *   A session's or a call's outcome is an event, not the result of the call that began it. Panics never cross this line:
 *   they become OSSICLE_INTERNAL.
 *
 * UNITS
 *   end each name: _hz _frames _ms _ns _s _bytes _percent. A frame is one sample of each channel.
 *
 * WHAT IT DOES NOT DO
 *   No globals that can be seen: no log hook, signal handler, locale, environment change or thread-local last error.
 *   Nothing that is called back but `wake`. END_OF_SESSION is sent by ossicle_session_finish alone, never by a
 *   destroy, an error or a lost connection: a session that was destroyed can be resumed by its session id.
 *
 * WHAT REMAINS UNDEFINED
 *   Pointers that are neither NULL nor good for the call; a `struct_size` that is larger than the struct; a text without
 *   its final zero; using borrowed memory after its end; any use in a forked child. */

#ifndef OSSICLE_H
#define OSSICLE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(OSSICLE_SHARED)
#define OSSICLE_API __declspec(dllimport)
#elif defined(__GNUC__)
#define OSSICLE_API __attribute__((visibility("default")))
#else
#define OSSICLE_API
#endif
#if defined(__GNUC__)
#define OSSICLE_CHECK __attribute__((warn_unused_result))
#else
#define OSSICLE_CHECK
#endif

/* What became of a call or a session. Fixed width; values are frozen. The ranges say who has to act: 1xx nobody,
 * 2xx the caller, 3xx the identity or the clock, 4xx the service, 5xx the network, 9xx Ossicle. */
typedef int32_t ossicle_status;

/* The ABI of this header. Compare it with `ossicle_abi()`: a library of a later ABI 1 release takes this
 * header's structs too. */
#define OSSICLE_ABI 1

/* Success. */
#define OSSICLE_OK 0

/* The ring took less than was offered. The rest counts as dropped. */
#define OSSICLE_FULL 100
/* Nothing came within the time. */
#define OSSICLE_EMPTY 101
/* The session or the engine is closed or closing. */
#define OSSICLE_CLOSED 102

/* An argument is out of its range, NULL, or a handle that is not live. */
#define OSSICLE_BAD_ARGUMENT 200
/* The call does not fit the state, or another thread is inside of it. */
#define OSSICLE_BAD_STATE 201
/* A limit of the engine or the process is reached. */
#define OSSICLE_LIMIT 202

/* The service does not accept the identity. */
#define OSSICLE_DENIED 300
/* The keys have expired and no new ones came. */
#define OSSICLE_EXPIRED 301
/* The clock is wrong and could not be corrected. */
#define OSSICLE_SKEWED 302
/* No keys were pushed, and no source of keys is configured. */
#define OSSICLE_NO_KEYS 303

/* The service refuses the request as wrong. */
#define OSSICLE_REJECTED 400
/* The service asks for less. */
#define OSSICLE_THROTTLED 401
/* A quota of the account is used up. */
#define OSSICLE_QUOTA 402
/* The domain, the subscription or the session does not exist. */
#define OSSICLE_NOT_FOUND 403
/* Somebody else took the session, or it is already complete. */
#define OSSICLE_CONFLICT 404
/* The service failed. */
#define OSSICLE_SERVICE_FAILED 405

/* The endpoint could not be reached. */
#define OSSICLE_UNREACHABLE 500
/* The connection was lost. */
#define OSSICLE_LOST 501
/* The peer sent what no correct peer sends. */
#define OSSICLE_CORRUPT 502
/* The certificate is not trusted. */
#define OSSICLE_UNTRUSTED 503
/* The peer speaks no HTTP/2. */
#define OSSICLE_NO_HTTP2 504
/* Time ran out. */
#define OSSICLE_TIMED_OUT 505

/* A bug of Ossicle, caught before it reached the application. Destroy the engine and report it. */
#define OSSICLE_INTERNAL 900

/* `ossicle_features()`: FLAC on the wire is built in. */
#define OSSICLE_FEATURE_FLAC 1
/* `ossicle_features()`: the loopback engine is built in. Test builds have it. */
#define OSSICLE_FEATURE_LOOPBACK 2
/* `ossicle_features()`: the standard AWS chain is built in as a source of keys. */
#define OSSICLE_FEATURE_AWS_CHAIN 4

/* `ossicle_format.sample`: signed 16-bit integers. */
#define OSSICLE_SAMPLE_S16 1
/* `ossicle_format.sample`: 32-bit floats, full scale at 1.0. */
#define OSSICLE_SAMPLE_F32 2
/* `ossicle_format.sample`: signed 32-bit integers. */
#define OSSICLE_SAMPLE_S32 3
/* `ossicle_format.sample`: signed 24-bit integers in the low three bytes of 32 bits. */
#define OSSICLE_SAMPLE_S24_IN_32 4

/* `ossicle_format.layout`: frame after frame. */
#define OSSICLE_LAYOUT_INTERLEAVED 0
/* `ossicle_format.layout`: all samples of a push's first channel, then all of its second, and so on. */
#define OSSICLE_LAYOUT_PLANAR 1

/* `channel_map`: one tap is mixed to one channel; two taps give two. */
#define OSSICLE_CHANNELS_AUTO 0
/* `channel_map`: all channels of the tap are mixed to one. */
#define OSSICLE_CHANNELS_MIX 1
/* `channel_map`: two channels on the wire, clinician and patient: of one tap its first two, of two taps one each. */
#define OSSICLE_CHANNELS_STEREO 2
/* `channel_map`: the tap's channels `pick_first` and, unless it is `OSSICLE_PICK_NONE`, `pick_second`. */
#define OSSICLE_CHANNELS_PICK 3

/* `pick_second`: there is only one channel. */
#define OSSICLE_PICK_NONE 4294967295

/* `encoding`: signed 16-bit samples. */
#define OSSICLE_ENCODING_PCM 0
/* `encoding`: FLAC: about half the bytes, for a little CPU time. */
#define OSSICLE_ENCODING_FLAC 1

/* `audio_form`: audio goes as raw bytes. */
#define OSSICLE_AUDIO_BINARY 0
/* `audio_form`: audio goes as base64 in JSON, the form of the service's first API version. */
#define OSSICLE_AUDIO_JSON 1

/* `overflow`: when held audio reaches its bound the oldest goes, and the ledger says so. For microphones. */
#define OSSICLE_OVERFLOW_DROP_OLDEST 0
/* `overflow`: the ring is not read until there is room, so that push takes less. For files. */
#define OSSICLE_OVERFLOW_WAIT 1

/* `offset_rule`: found out from the first transcripts after a resume. */
#define OSSICLE_OFFSETS_DETECT 0
/* `offset_rule`: each stream's offsets begin at zero. */
#define OSSICLE_OFFSETS_RESTART 1
/* `offset_rule`: offsets go on over streams. */
#define OSSICLE_OFFSETS_CONTINUE 2

/* `keys_source`: the application pushes keys with `ossicle_engine_set_keys`. */
#define OSSICLE_KEYS_PUSHED 0
/* `keys_source`: the standard AWS chain. Needs `OSSICLE_FEATURE_AWS_CHAIN`. */
#define OSSICLE_KEYS_AWS_CHAIN 1

/* `log_level`: no log lines. */
#define OSSICLE_LOG_OFF 0
/* `log_level` and `ossicle_event.code`: what somebody should look at. */
#define OSSICLE_LOG_WARN 1
/* `log_level` and `ossicle_event.code`: also what happens as planned. */
#define OSSICLE_LOG_INFO 2

/* The service accepted the session for the first time. */
#define OSSICLE_EVENT_OPENED 1
/* `transcript` holds a piece of transcript. */
#define OSSICLE_EVENT_TRANSCRIPT 2
/* `checklist` holds the newest checklist. */
#define OSSICLE_EVENT_CHECKLIST 3
/* `chart` holds the newest periodontal chart. */
#define OSSICLE_EVENT_CHART 4
/* The stream was lost and comes back; audio is held. `status` says why, `code` is the attempt that comes next,
 * `duration_ms` the wait before it. */
#define OSSICLE_EVENT_RECOVERING 5
/* The stream is back. `duration_ms` is the outage, `frames` what is sent again. */
#define OSSICLE_EVENT_RECOVERED 6
/* Audio was dropped: `code` is an `OSSICLE_DROP_*`, `frames` how much, `begin_ns` where. */
#define OSSICLE_EVENT_DROPPED 7
/* Something to act on before it hurts: `code` is an `OSSICLE_WARNING_*`, `message` a sentence for the user. */
#define OSSICLE_EVENT_WARNING 8
/* The stream ended as a pause; all that was captured before is delivered. `report` has the account so far. */
#define OSSICLE_EVENT_PAUSED 9
/* A paused session streams again. */
#define OSSICLE_EVENT_RESUMED 10
/* The session is over; its last event. `status` says why, `report` has the final account. */
#define OSSICLE_EVENT_CLOSED 11
/* Of the engine: push keys with `ossicle_engine_set_keys`. `duration_ms` is the time left, 0 when there are none. */
#define OSSICLE_EVENT_KEYS_EXPIRING 12
/* Of the engine: the poller was too slow and `frames` events were discarded here. Never CLOSED. */
#define OSSICLE_EVENT_DISCARDED 13
/* The answer to `ossicle_engine_call`: `session_id` is the call's id, `status` the outcome, `json` the answer. */
#define OSSICLE_EVENT_CALL 14
/* A log line in `message`: `code` is an `OSSICLE_LOG_*`. Holds no health information and no keys. */
#define OSSICLE_EVENT_LOG 15

/* The ring was full: the engine could not keep up with push. */
#define OSSICLE_DROP_RING_FULL 1
/* Held audio passed its bound before it could be sent. */
#define OSSICLE_DROP_HELD_LIMIT 2
/* Sent, let go of because of the bound, and lost before delivery was proven. */
#define OSSICLE_DROP_UNPROVEN 3
/* Pushed while the session was paused: not a loss. */
#define OSSICLE_DROP_PAUSED 4
/* Pushed while the session was muted: not a loss. */
#define OSSICLE_DROP_MUTED 5
/* Held when the session ended without being able to send it. */
#define OSSICLE_DROP_ENDED 6

/* A warning that this header does not name; `message` does. */
#define OSSICLE_WARNING_OTHER 0
/* The keys expire in `duration_ms`, before a visit is likely over. */
#define OSSICLE_WARNING_KEYS_EXPIRING 1
/* The session can be resumed for `duration_ms` only. */
#define OSSICLE_WARNING_RESUME_WINDOW_ENDING 2
/* The service takes `duration_ms` more audio in this session. */
#define OSSICLE_WARNING_AUDIO_TOTAL_ENDING 3
/* This machine's clock is wrong; it is corrected in signatures. */
#define OSSICLE_WARNING_CLOCK_SKEWED 4
/* The wire rate is lower than the service recommends. */
#define OSSICLE_WARNING_LOW_RATE 5
/* The microphone is open and gives nothing. */
#define OSSICLE_WARNING_SILENT_MICROPHONE 6
/* A channel clips steadily. */
#define OSSICLE_WARNING_CLIPPING 7
/* Audio comes faster or slower than its declared rate says. */
#define OSSICLE_WARNING_RATE_MISMATCH 8
/* What is pushed as raw samples begins with a WAV header. */
#define OSSICLE_WARNING_WAV_HEADER 9
/* Silence is put in because nothing is pushed. */
#define OSSICLE_WARNING_KEEP_ALIVE 10

/* `ossicle_report.ended`: the session lives; the account is of the moment. */
#define OSSICLE_ENDED_NOT_YET 0
/* `ossicle_report.ended`: the end was asked for, sent, and answered. */
#define OSSICLE_ENDED_FINISHED 1
/* `ossicle_report.ended`: ended as a pause; the same session id resumes it. */
#define OSSICLE_ENDED_PAUSED 2
/* `ossicle_report.ended`: neither; `status` says why. */
#define OSSICLE_ENDED_FAILED 3

/* `ossicle_session_stats.state`: waiting for the first answer. */
#define OSSICLE_STATE_OPENING 1
/* `ossicle_session_stats.state`: sending. */
#define OSSICLE_STATE_STREAMING 2
/* `ossicle_session_stats.state`: the stream is lost; another comes. */
#define OSSICLE_STATE_RECOVERING 3
/* `ossicle_session_stats.state`: sending what is left before a pause or the end. */
#define OSSICLE_STATE_DRAINING 4
/* `ossicle_session_stats.state`: ended as a pause. */
#define OSSICLE_STATE_PAUSED 5
/* `ossicle_session_stats.state`: over. */
#define OSSICLE_STATE_CLOSED 6

/* `ossicle_checklist_item.status`: not yet discussed. */
#define OSSICLE_CHECKLIST_NOT_DISCUSSED 0
/* `ossicle_checklist_item.status`: discussed in part. */
#define OSSICLE_CHECKLIST_PARTIALLY_DISCUSSED 1
/* `ossicle_checklist_item.status`: discussed. */
#define OSSICLE_CHECKLIST_DISCUSSED 2
/* `ossicle_checklist_item.status`: a status that this library does not know; the JSON has its name. */
#define OSSICLE_CHECKLIST_OTHER 3

/* A number of a chart that was not given. */
#define OSSICLE_NOT_CHARTED (-128)

/* The home of sessions. A handle. */
typedef struct ossicle_engine ossicle_engine;

/* One audio stream with its transcript. A handle. */
typedef struct ossicle_session ossicle_session;

/* Called on a thread of the engine when an event came and none was waiting. It must only signal: set an event,
 * post a message, write a byte. It must not call Ossicle, block or throw. */
typedef void (*ossicle_wake)(void *context);

/* Settings of an engine. Fill it with `ossicle_engine_config_init` first; each field then has its default. */
typedef struct ossicle_engine_config {
  /* Set by `_init`. Bytes that the library does not know must be zero. */
  uint32_t struct_size;
  /* Sessions at once, 1 to 65,536. Default 1,024. */
  uint32_t sessions_max;
  /* Threads of the engine, 1 to 64. Default 1. A session stays on its thread. */
  uint32_t shards;
  /* Rings are read this often, 1 to 100 ms. Default 10. Adds as much latency at most. */
  uint32_t tick_ms;
  /* Streams on one connection, 1 to 1,000. Default 16. Never above the peer's own limit. */
  uint32_t streams_per_connection;
  /* How often a connection with audio in flight is pinged, 100 to 60,000 ms. Default 1,000. */
  uint32_t ping_interval_ms;
  /* A PING that is not answered for this long means that the connection is lost, 1,000 to 60,000 ms. Default 10,000. */
  uint32_t pong_timeout_ms;
  /* Bytes signed and not yet taken by a connection's socket, 4,096 to 16,777,216. Default 65,536. */
  uint32_t unwritten_bytes_max;
  /* New keys are asked for this long before the old ones expire, 1,000 to 3,600,000 ms. Default 300,000. */
  uint32_t keys_margin_ms;
  /* `OSSICLE_KEYS_*`. Default: pushed. */
  uint32_t keys_source;
  /* Events kept for a slow poller, 8 to 1,048,576. Default 4,096. Partial transcripts give way first. */
  uint32_t events_max;
  /* `OSSICLE_LOG_*`. Default: off. */
  uint32_t log_level;
  /* 1: FIPS endpoints, for streams too. Default 0. */
  uint32_t fips;
  /* 1: an engine with the service's emulator in its own process, for tests without a network. Region, endpoint
   * and keys are then not needed. Needs `OSSICLE_FEATURE_LOOPBACK`. Default 0. */
  uint32_t loopback;
  /* How fast held audio is sent after an outage, in percent of real time, 100 to 100,000. Default 200. */
  uint32_t catch_up_percent;
  /* Must be 0. */
  uint32_t reserved;
  /* Held audio of all sessions, 1 MiB to 1 TiB. Default 256 MiB. Past it the largest holder loses its oldest. */
  uint64_t held_bytes_max;
  /* Seeds the jitter of waits. Default 0: drawn at random. */
  uint64_t seed;
  /* The region, such as "us-east-1". Required unless `loopback` is 1. */
  const char *region;
  /* "https://HOST[:PORT]", used as given, or NULL for the region's. On loopback "http://" is taken too. */
  const char *endpoint;
  /* Certificates to trust beside the system's, in PEM, or NULL. */
  const char *ca_pem;
  /* "http://[USER:PASSWORD@]HOST:PORT" of a proxy, "" for none, or NULL: as the environment says. */
  const char *proxy;
  /* What the emulator of a loopback engine answers, as JSON, or NULL: it then reports speech by its level. */
  const char *loopback_script;
  /* Called when events come and none was waiting, or NULL. It must only signal. */
  ossicle_wake wake;
  /* Handed to `wake`. */
  void *wake_context;
} ossicle_engine_config;

/* What one tap pushes. */
typedef struct ossicle_format {
  /* `OSSICLE_SAMPLE_*`, in the byte order of the host. */
  uint32_t sample;
  /* `OSSICLE_LAYOUT_*`. */
  uint32_t layout;
  /* Frames per second, 8,000 to 192,000. */
  uint32_t rate_hz;
  /* Channels, 1 to 8. */
  uint32_t channels;
} ossicle_format;

/* Settings of a session. Fill it with `ossicle_session_config_init` first; each field then has its default. */
typedef struct ossicle_session_config {
  /* Set by `_init`. Bytes that the library does not know must be zero. */
  uint32_t struct_size;
  /* Microphones, each with a tap of its own: 1, or 2 as clinician and patient. Default 1. */
  uint32_t tap_count;
  /* What each tap pushes; two taps push the same. Default: S16, interleaved, 16,000 Hz, 1 channel. */
  ossicle_format taps[2];
  /* Audio that the ring takes while nobody reads it, 50 to 60,000 ms. Default 500. */
  uint32_t ring_ms;
  /* `OSSICLE_CHANNELS_*`. Default: automatic. */
  uint32_t channel_map;
  /* For `OSSICLE_CHANNELS_PICK`: a channel of the tap, from 0. */
  uint32_t pick_first;
  /* For `OSSICLE_CHANNELS_PICK`: another, or `OSSICLE_PICK_NONE`, the default. */
  uint32_t pick_second;
  /* 1: tell when audio comes at another rate than declared. Default 1; 0 for what is pushed faster than real time. */
  uint32_t check_rate;
  /* Frames per second on the wire, 8,000 to 48,000. Default 0: the lower of 16,000 and the tap's own rate. */
  uint32_t wire_rate_hz;
  /* `OSSICLE_ENCODING_*`. Default: PCM. */
  uint32_t encoding;
  /* `OSSICLE_AUDIO_*`. Default: binary. */
  uint32_t audio_form;
  /* Audio in one message, 20 to 1,000 ms. Default 100. */
  uint32_t chunk_ms;
  /* Audio held while it cannot be sent or is not proven delivered, 1,000 to 3,600,000 ms. Default 60,000. */
  uint32_t held_ms_max;
  /* `OSSICLE_OVERFLOW_*`. Default: the oldest goes. */
  uint32_t overflow;
  /* Delivered audio that is sent again after a loss, 0 to 10,000 ms. Default 0. */
  uint32_t resend_overlap_ms;
  /* How fast audio is sent, in percent of real time, 1 to 100,000. Default 100. 0: as fast as the peer takes it. */
  uint32_t pace_percent;
  /* Nothing pushed for this long: silence is put in. 0 turns it off, else 100 to 14,000 ms. Default 5,000. */
  uint32_t keep_alive_ms;
  /* How long finish waits for held audio and last results, 100 to 600,000 ms. Default 30,000. */
  uint32_t finish_deadline_ms;
  /* `OSSICLE_OFFSETS_*`. Default: detect. */
  uint32_t offset_rule;
  /* How long the session waits for its first answer, 100 ms to 5 h. Default 5 h. */
  uint32_t open_patience_ms;
  /* Must be 0. */
  uint32_t reserved;
  /* Returned in every event of the session. */
  uint64_t user_data;
  /* The session's id, a UUID of 36 characters; the same id resumes a paused session. NULL: one is made. */
  const char *session_uuid;
  /* The domain, "hai-..." or "dom-...". Required unless the engine is a loopback. */
  const char *domain_id;
  /* The subscription, "sub-...". Required unless the engine is a loopback. */
  const char *subscription_id;
  /* "en-US" or "multi". NULL: en-US. */
  const char *language;
  /* The whole configurationEvent as JSON, or NULL: made of the next two fields. */
  const char *configuration;
  /* The folder in S3 for the results, "s3://...". Required with no `configuration`, unless the engine is a loopback. */
  const char *output_s3_uri;
  /* A managed note template, such as "PHYSICAL_SOAP". NULL: HISTORY_AND_PHYSICAL. */
  const char *note_template;
  /* Must be NULL. */
  const void *reserved_pointer;
} ossicle_session_config;

/* Why a call failed, in a sentence for a person. Never holds keys or health information. */
typedef struct ossicle_error {
  /* The status that the call returned. */
  ossicle_status status;
  /* UTF-8, ends with a zero. */
  char text[252];
} ossicle_error;

/* A piece of transcript on the session's own timeline. The text is health information. */
typedef struct ossicle_transcript {
  /* Size of this struct in the library that made it. */
  uint32_t struct_size;
  /* 1: the text may still change; a later piece of the same `segment_id` replaces it. */
  uint32_t partial;
  /* Where it begins in the session's captured audio, in nanoseconds. */
  uint64_t begin_ns;
  /* Where it ends. */
  uint64_t end_ns;
  /* The service's own offset of the beginning on its stream, in seconds; negative when it gave none. */
  double service_begin_s;
  /* The service's own offset of the end, in seconds; negative when it gave none. */
  double service_end_s;
  /* The service's name for the segment. */
  const char *segment_id;
  /* The channel, such as "ch_0", or "". */
  const char *channel;
  /* What was said. */
  const char *text;
  /* Bytes of `text`, without its zero. */
  size_t text_bytes;
} ossicle_transcript;

/* One item of a checklist. Health information. */
typedef struct ossicle_checklist_item {
  /* Size of this struct in the library that made it. */
  uint32_t struct_size;
  /* `OSSICLE_CHECKLIST_*`. */
  uint32_t status;
  /* The checklist that it belongs to. */
  const char *checklist_id;
  /* The item. */
  const char *item_key;
} ossicle_checklist_item;

/* All checklists of a session. Keep the one with the highest version. */
typedef struct ossicle_checklist {
  /* Size of this struct in the library that made it. */
  uint32_t struct_size;
  /* Entries of `items`. */
  uint32_t item_count;
  /* Counts up over the session, also over reconnects. */
  int64_t version;
  /* The items of all checklists, in order. */
  const ossicle_checklist_item *const *items;
} ossicle_checklist;

/* One site of a tooth. Health information. */
typedef struct ossicle_tooth_site {
  /* Size of this struct in the library that made it. */
  uint32_t struct_size;
  /* Probing depth, 0 to 15 mm, or OSSICLE_NOT_CHARTED. */
  int32_t probing_depth_mm;
  /* Recession, -5 to 15 mm, or OSSICLE_NOT_CHARTED. */
  int32_t recession_mm;
  /* Bleeding: 0, 1, or OSSICLE_NOT_CHARTED. */
  int32_t bleeding;
  /* Suppuration: 0, 1, or OSSICLE_NOT_CHARTED. */
  int32_t suppuration;
  /* 0. */
  uint32_t reserved;
  /* The site: "DB", "B", "MB", "DL", "L" or "ML". */
  const char *name;
} ossicle_tooth_site;

/* One tooth of a chart. Health information. */
typedef struct ossicle_tooth {
  /* Size of this struct in the library that made it. */
  uint32_t struct_size;
  /* The tooth, 1 to 32. */
  int32_t number;
  /* 1 when it is missing. */
  int32_t missing;
  /* 0 to 3, or OSSICLE_NOT_CHARTED. */
  int32_t mobility;
  /* 0 to 3, or OSSICLE_NOT_CHARTED. */
  int32_t furcation;
  /* Entries of `sites`. */
  uint32_t site_count;
  /* What was measured at its sites. */
  const ossicle_tooth_site *const *sites;
} ossicle_tooth;

/* What a person should look at in a chart. Health information. */
typedef struct ossicle_chart_review {
  /* Size of this struct in the library that made it. */
  uint32_t struct_size;
  /* The tooth, 1 to 32, or OSSICLE_NOT_CHARTED. */
  int32_t tooth_number;
  /* Why, as the service names it, such as "LINE_UNCLEAR". */
  const char *reason;
  /* The sites, as their names joined by commas, or "". */
  const char *sites;
} ossicle_chart_review;

/* A periodontal chart. Keep the one with the highest version. Health information. */
typedef struct ossicle_chart {
  /* Size of this struct in the library that made it. */
  uint32_t struct_size;
  /* Entries of `teeth`. */
  uint32_t tooth_count;
  /* Counts up over the session, apart from the checklists' version. */
  int64_t version;
  /* The teeth, ascending. */
  const ossicle_tooth *const *teeth;
  /* What a person should look at. */
  const ossicle_chart_review *const *reviews;
  /* Entries of `reviews`. */
  uint32_t review_count;
  /* 0. */
  uint32_t reserved;
} ossicle_chart;

/* The account of a session. Frames count at the wire rate, and
 * captured_frames = delivered_frames + in_flight_frames + held_frames + dropped_frames. */
typedef struct ossicle_report {
  /* In an event: size of this struct in the library. For `ossicle_session_get_report`: set by the caller. */
  uint32_t struct_size;
  /* `OSSICLE_ENDED_*`. */
  uint32_t ended;
  /* Why it failed; otherwise OSSICLE_OK. */
  ossicle_status status;
  /* Frames per second on the wire. */
  uint32_t rate_hz;
  /* Channels on the wire. */
  uint32_t channels;
  /* Streams that the service accepted, each on one connection at a time. */
  uint32_t connections;
  /* Offered by push, whatever became of it. */
  uint64_t captured_frames;
  /* Proven to have arrived at the peer's HTTP/2. */
  uint64_t delivered_frames;
  /* Sent and not proven yet. */
  uint64_t in_flight_frames;
  /* Kept here. */
  uint64_t held_frames;
  /* Dropped, for any of the reasons below. */
  uint64_t dropped_frames;
  /* Dropped because the ring was full. */
  uint64_t dropped_ring_full_frames;
  /* Dropped because held audio reached its bound. */
  uint64_t dropped_held_limit_frames;
  /* Dropped because delivery of what was sent and let go of was never proven. */
  uint64_t dropped_unproven_frames;
  /* Pushed while paused: not a loss. */
  uint64_t dropped_paused_frames;
  /* Pushed while muted: not a loss. */
  uint64_t dropped_muted_frames;
  /* Held when the session ended. */
  uint64_t dropped_ended_frames;
  /* Silence put in; not part of the captured. */
  uint64_t silence_frames;
  /* Sent more than once; not part of the captured. */
  uint64_t resent_frames;
  /* Messages written, over all streams. */
  uint64_t messages;
  /* Bytes of them. */
  uint64_t wire_bytes;
  /* The oldest signature when its bytes left for the socket, in milliseconds. */
  uint64_t signature_age_ms_max;
  /* The end of the newest final transcript in captured audio, in nanoseconds. */
  uint64_t transcribed_ns;
  /* The session's id, 36 characters and a zero. */
  char session_uuid[40];
} ossicle_report;

/* One thing that happened. Set `struct_size` before the first poll. Every pointer in it is borrowed until the next
 * poll on the same engine, or its destruction; texts are UTF-8, end with a zero, and are never NULL but where it says so. */
typedef struct ossicle_event {
  /* Set by the caller to `sizeof(ossicle_event)`. */
  uint32_t struct_size;
  /* `OSSICLE_EVENT_*`. Skip kinds that you do not know. */
  uint32_t kind;
  /* The number of the session (`ossicle_session_number`) or the call; 0: the engine. Never used twice. */
  uint64_t session_id;
  /* The session's `user_data`, or the call's; else 0. */
  uint64_t user_data;
  /* RECOVERING, CLOSED and CALL: what happened. Otherwise OSSICLE_OK. */
  ossicle_status status;
  /* What the kind says; otherwise 0. */
  uint32_t code;
  /* TRANSCRIPT and DROPPED: where it begins in the session's captured audio, in nanoseconds. */
  uint64_t begin_ns;
  /* TRANSCRIPT and DROPPED: where it ends. */
  uint64_t end_ns;
  /* What the kind says, in frames at the wire rate; otherwise 0. */
  uint64_t frames;
  /* What the kind says, in milliseconds; otherwise 0. */
  uint64_t duration_ms;
  /* A sentence for a person, or "". No health information and no keys. */
  const char *message;
  /* Bytes of `message`, without its zero. */
  size_t message_bytes;
  /* The whole event as a JSON object with a `type`. CALL: the answer. */
  const char *json;
  /* Bytes of `json`, without its zero. */
  size_t json_bytes;
  /* TRANSCRIPT: the piece. Otherwise NULL. */
  const ossicle_transcript *transcript;
  /* CHECKLIST: all checklists. Otherwise NULL. */
  const ossicle_checklist *checklist;
  /* CHART: the whole chart. Otherwise NULL. */
  const ossicle_chart *chart;
  /* PAUSED and CLOSED: the account. Otherwise NULL. */
  const ossicle_report *report;
} ossicle_event;

/* A snapshot of a session. Set `struct_size` before the call. */
typedef struct ossicle_session_stats {
  /* Set by the caller to `sizeof(ossicle_session_stats)`. */
  uint32_t struct_size;
  /* `OSSICLE_STATE_*`. */
  uint32_t state;
  /* Frames that push took, at each tap's own rate. */
  uint64_t pushed_frames[2];
  /* Frames that push was offered and did not take, at each tap's own rate. */
  uint64_t refused_frames[2];
  /* Of the ledger, at the wire rate: as in `ossicle_report`. */
  uint64_t captured_frames;
  /* As in `ossicle_report`. */
  uint64_t delivered_frames;
  /* As in `ossicle_report`. */
  uint64_t in_flight_frames;
  /* As in `ossicle_report`. */
  uint64_t held_frames;
  /* As in `ossicle_report`. */
  uint64_t dropped_frames;
  /* As in `ossicle_report`. */
  uint64_t silence_frames;
  /* As in `ossicle_report`. */
  uint64_t resent_frames;
  /* Messages written. */
  uint64_t messages;
  /* Bytes of them. */
  uint64_t wire_bytes;
  /* The oldest signature so far when its bytes left for the socket, in milliseconds. */
  uint64_t signature_age_ms_max;
  /* Captured audio that is not sent yet, in milliseconds. */
  uint64_t lag_ms;
  /* The last round trip to the peer in nanoseconds; 0: none was measured yet. */
  uint64_t rtt_ns;
  /* Peak level of each wire channel since the last snapshot, in dBFS, -120 for silence. */
  float peak_dbfs[2];
  /* Losses that were recovered from. */
  uint32_t reconnects;
  /* 0. */
  uint32_t reserved;
} ossicle_session_stats;

#ifdef __cplusplus
extern "C" {
#endif

/* [ANY] Puts the defaults into as much of `config` as `struct_size` says that there is. Pass
 * `sizeof *config`. Does nothing when `config` is NULL or the size is none that a release had. */
OSSICLE_API void ossicle_engine_config_init(ossicle_engine_config *config, uint32_t struct_size);

/* [ANY] Puts the defaults into as much of `config` as `struct_size` says that there is. Pass
 * `sizeof *config`. Does nothing when `config` is NULL or the size is none that a release had. */
OSSICLE_API void ossicle_session_config_init(ossicle_session_config *config, uint32_t struct_size);

/* [ANY] Checks the settings of an engine without making one. `error` may be NULL.
 * Returns OSSICLE_OK or OSSICLE_BAD_ARGUMENT. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_engine_config_check(
    const ossicle_engine_config *config,
    ossicle_error *error);

/* [ANY] Checks the settings of a session without making one: ranges, ids, and the configuration by all rules of the
 * service. `loopback` is 1 for a session of a loopback engine, which needs no ids. `error` may be NULL; its text
 * names the field and never its value. Returns OSSICLE_OK or OSSICLE_BAD_ARGUMENT. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_session_config_check(
    const ossicle_session_config *config,
    uint32_t loopback,
    ossicle_error *error);

/* [ANY] An upper bound for the memory that an engine with these settings takes at its busiest, in bytes, without
 * that of its sessions (`ossicle_session_memory_bytes`) but with all audio that they hold. 0: the settings are bad. */
OSSICLE_API size_t ossicle_engine_memory_bytes(const ossicle_engine_config *config);

/* [ANY] An upper bound for the memory that a session with these settings takes, in bytes, without the audio that it
 * holds in an outage. 0: the formats or lengths are bad. */
OSSICLE_API size_t ossicle_session_memory_bytes(const ossicle_session_config *config);

/* [ANY] The ABI of the library; compare it with OSSICLE_ABI. */
OSSICLE_API uint32_t ossicle_abi(void);

/* [ANY] The library's version, such as "0.1.0". Static storage. */
OSSICLE_API const char *ossicle_version(void);

/* [ANY] What is built in: OSSICLE_FEATURE_* added up. */
OSSICLE_API uint32_t ossicle_features(void);

/* [ANY] The status' name, such as "OSSICLE_FULL", or "OSSICLE_UNKNOWN". Static storage. */
OSSICLE_API const char *ossicle_status_name(ossicle_status status);

/* [ANY] 1 when a new session or another call may succeed without a change by the caller, else 0. */
OSSICLE_API int32_t ossicle_status_retryable(ossicle_status status);

/* [ANY] Maps a text into the characters that the service takes in an encounter's context, and bounds it to 20,480
 * bytes: one character outside of them refuses a whole session. Reads `text_bytes` bytes of UTF-8 and writes the
 * result with a final zero to `out`, which has room for `out_bytes` bytes; 20,481 are always enough.
 * `*needed_out` is ALWAYS written: the bytes of the result with its zero, or 0 when the text cannot be read.
 * `*changes_out`: how many kinds of changes were made. Both may be NULL, and `out` when `out_bytes` is 0.
 * Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_LIMIT when `out` is too small, and nothing is written to it. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_context_sanitise(
    const char *text,
    size_t text_bytes,
    char *out,
    size_t out_bytes,
    size_t *needed_out,
    uint32_t *changes_out);

/* [ANY] Starts an engine: its threads run, and nothing is connected yet. `error` may be NULL.
 * Errors: OSSICLE_BAD_ARGUMENT for a setting, which the text names; OSSICLE_LIMIT when the system gives no thread. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_engine_create(
    const ossicle_engine_config *config,
    ossicle_engine **engine_out,
    ossicle_error *error);

/* [ANY] New keys serve the next stream and the next call. They are copied, and wiped when the last stream that began with
 * them has ended. `session_token` may be NULL. `expires_unix_ms`: milliseconds since 1970, or 0: they do not expire.
 * Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_BAD_STATE when the engine's keys come from the AWS chain. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_engine_set_keys(
    ossicle_engine *engine,
    const char *access_key_id,
    const char *secret_access_key,
    const char *session_token,
    int64_t expires_unix_ms);

/* [ANY] Tells that the network may have changed (another Wi-Fi, awake again): waits end, connections are probed.
 * Errors: OSSICLE_BAD_ARGUMENT. */
OSSICLE_API ossicle_status ossicle_engine_network_changed(ossicle_engine *engine);

/* [ONE] The next event of the engine and its sessions, oldest first. Waits up to `timeout_ms` for it (0: not at all; at
 * most a day). Set `event_out->struct_size` before the first call. What the event points to is borrowed until the next
 * poll of this engine, or its destruction.
 * OSSICLE_EMPTY: nothing came. OSSICLE_CLOSED: the engine is being destroyed. OSSICLE_BAD_STATE: another thread polls.
 * OSSICLE_BAD_ARGUMENT. Only on OSSICLE_OK is something written. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_engine_poll(
    ossicle_engine *engine,
    ossicle_event *event_out,
    uint32_t timeout_ms);

/* [ANY] A descriptor that is readable while events wait, for select, poll, epoll, kqueue or an event loop. It belongs to
 * the engine: do not read, write or close it. When it is readable, poll the engine until OSSICLE_EMPTY.
 * Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_BAD_STATE where the system has no such descriptors (Windows); OSSICLE_LIMIT. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_engine_wake_fd(ossicle_engine *engine, int32_t *fd_out);

/* [ANY] Ends an engine: its sessions end at once, without END_OF_SESSION and without an event, a poll that waits
 * returns OSSICLE_CLOSED, `wake` is not called any more, and threads are joined within 2,000 ms. Destroy its sessions
 * first, or afterwards: their handles then answer OSSICLE_CLOSED. To end sessions well, finish or pause them and wait for
 * CLOSED or PAUSED before. Not from `wake`. NULL and dead handles are no-ops. */
OSSICLE_API void ossicle_engine_destroy(ossicle_engine *engine);

/* [ANY] Begins a session and returns at once; OPENED or CLOSED follows as an event. Audio may be pushed from here on:
 * it is held until the session is open. `error` may be NULL.
 * Errors: OSSICLE_BAD_ARGUMENT for a setting, which the text names; OSSICLE_LIMIT beyond `sessions_max`; OSSICLE_CLOSED. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_session_create(
    ossicle_engine *engine,
    const ossicle_session_config *config,
    ossicle_session **session_out,
    ossicle_error *error);

/* [ANY] The session's number in events, never used twice in an engine; 0 when the handle is not live. */
OSSICLE_API uint64_t ossicle_session_number(const ossicle_session *session);

/* [ANY] Writes the session's id to `uuid_out`, which has room for 37 bytes: 36 characters and a zero. Keep it to resume
 * a paused session later.
 * Errors: OSSICLE_BAD_ARGUMENT. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_session_uuid(const ossicle_session *session, char *uuid_out);

/* [ANY] Sends what was captured, then ends the stream as a pause; PAUSED follows. What is pushed from now on is dropped
 * as paused: never kept, sent or written. A command that does not fit the session's state changes nothing.
 * Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_CLOSED; OSSICLE_LIMIT when too many commands wait. */
OSSICLE_API ossicle_status ossicle_session_pause(ossicle_session *session);

/* [ANY] Goes on after a pause; RESUMED follows. Errors: as `ossicle_session_pause`. */
OSSICLE_API ossicle_status ossicle_session_resume(ossicle_session *session);

/* [ANY] 1: sends silence in place of what is pushed, which is dropped as muted. 0: stops doing so.
 * Errors: as `ossicle_session_pause`. */
OSSICLE_API ossicle_status ossicle_session_mute(ossicle_session *session, uint32_t muted);

/* [ANY] Sends what was captured, then END_OF_SESSION, and waits for the last results; CLOSED follows. From here on
 * push takes nothing. Errors: as `ossicle_session_pause`. */
OSSICLE_API ossicle_status ossicle_session_finish(ossicle_session *session);

/* [ANY] Ends the session at once, without END_OF_SESSION: it can be resumed by its id. CLOSED follows. From here on push
 * takes nothing. Errors: as `ossicle_session_pause`. */
OSSICLE_API ossicle_status ossicle_session_abort(ossicle_session *session);

/* [ANY] A snapshot of a live session. Waits for the engine's next turn, usually milliseconds, 2,000 at most. Set
 * `stats_out->struct_size` before.
 * Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_CLOSED when the session is over: its report came with CLOSED; OSSICLE_TIMED_OUT. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_session_get_stats(
    const ossicle_session *session,
    ossicle_session_stats *stats_out);

/* [ANY] The account of a session: of the moment while it lives, with `ended` OSSICLE_ENDED_NOT_YET, and the final one once
 * poll has given out its CLOSED. Waits as `ossicle_session_get_stats` does. Set `report_out->struct_size` before.
 * `connections` counts the streams that poll has told of.
 * Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_CLOSED when the session is over and its CLOSED was not polled yet; OSSICLE_TIMED_OUT. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_session_get_report(
    const ossicle_session *session,
    ossicle_report *report_out);

/* [ANY] Ends a session that is still there as `ossicle_session_abort` does; no event of it follows, and a push that is
 * inside is waited for. After `ossicle_session_finish` its end goes on unattended. NULL and dead handles are no-ops. */
OSSICLE_API void ossicle_session_destroy(ossicle_session *session);

/* [RT] Pushes to the session's first tap: the same as `ossicle_session_push_tap` with `tap` 0. */
OSSICLE_API ossicle_status ossicle_session_push(
    ossicle_session *session,
    const void *frames,
    uint32_t frame_count,
    uint64_t captured_ns,
    uint32_t *accepted_out);

/* [RT] Copies `frame_count` frames, in the tap's format, into the ring of tap 0 or 1; converts nothing. Planar: the
 * channels lie one after another. `frames` needs no alignment, and may be NULL when `frame_count` is 0.
 * `captured_ns`: when the first frame was captured, on any monotonic clock that is the same in all pushes to a
 * session, or 0. With two taps give it for both or for neither: it aligns them.
 * `*accepted_out`, unless NULL, is ALWAYS written. OSSICLE_FULL: only that many were taken; the rest is counted as
 * dropped in its place, and later audio does not slide. OSSICLE_CLOSED: the session finishes or is over, nothing was
 * taken. OSSICLE_BAD_STATE: another thread is pushing to this tap, nothing was taken. OSSICLE_BAD_ARGUMENT. */
OSSICLE_API ossicle_status ossicle_session_push_tap(
    ossicle_session *session,
    uint32_t tap,
    const void *frames,
    uint32_t frame_count,
    uint64_t captured_ns,
    uint32_t *accepted_out);

/* [RT] As `ossicle_session_push_tap`, from one pointer for each of the tap's channels, whatever its layout: what
 * AVAudioEngine, JACK and VST hand out. Each points to `frame_count` samples, aligned as its type asks. */
OSSICLE_API ossicle_status ossicle_session_push_channels(
    ossicle_session *session,
    uint32_t tap,
    const void *const *channels,
    uint32_t frame_count,
    uint64_t captured_ns,
    uint32_t *accepted_out);

/* [ANY] Calls an operation of the control plane by the service's name for it, such as "CreateSubscription". `input` is its
 * input as JSON of `input_bytes` bytes, with the service's own member names. Returns at once; an OSSICLE_EVENT_CALL
 * follows, with the number that is written to `call_out` (which may be NULL) and with `user_data`. Its `json` is the
 * output, or on failure an object with `status`, `message`, `code`, `http_status` and `request_id`. Calls are tried
 * again as far as that is safe, and end within 120 s. When the engine is destroyed first, no event follows.
 * Errors: OSSICLE_BAD_ARGUMENT for a name or an input that breaks a rule, which the text names; OSSICLE_LIMIT when 64
 * calls are under way; OSSICLE_CLOSED. */
OSSICLE_API OSSICLE_CHECK ossicle_status ossicle_engine_call(
    ossicle_engine *engine,
    const char *operation,
    const char *input,
    size_t input_bytes,
    uint64_t user_data,
    uint64_t *call_out,
    ossicle_error *error);

#ifdef __cplusplus
}
#endif

#endif  /* OSSICLE_H */
