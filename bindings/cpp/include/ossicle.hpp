// ossicle.hpp -- Ossicle for C++17 and later, in one header over ossicle.h.
//
// * Handles are move-only and end what they own.
// * Nothing throws: calls return `result<T>`. Define OSSICLE_EXCEPTIONS before including to have `value()` throw
//   `ossicle::exception` where there is no value; otherwise that ends the program, as a broken promise of the caller's.
// * Threads are in the types: an audio thread gets a `tap`, which can push and nothing else; the one `poller` of an engine is
//   move-only, so that two threads cannot poll; `engine` and `session` may be used from any thread but an audio thread.
// * What an event points to is borrowed until the next poll: copy what has to stay.
#ifndef OSSICLE_HPP
#define OSSICLE_HPP

#include "ossicle.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#if defined(__has_include)
#if __has_include(<span>) && __cplusplus >= 202002L
#include <span>
#define OSSICLE_HAS_SPAN 1
#endif
#endif
#ifdef OSSICLE_EXCEPTIONS
#include <stdexcept>
#endif

namespace ossicle {

/// Why a call failed: a status to act on, and a sentence for a person.
struct error {
  ossicle_status status = OSSICLE_OK;
  std::string text;

  [[nodiscard]] const char *name() const noexcept { return ossicle_status_name(status); }
  [[nodiscard]] bool retryable() const noexcept { return ossicle_status_retryable(status) == 1; }
};

#ifdef OSSICLE_EXCEPTIONS
/// Thrown by `result::value` where there is no value.
class exception : public std::runtime_error {
 public:
  explicit exception(const error &why) : std::runtime_error(why.text), status_(why.status) {}
  [[nodiscard]] ossicle_status status() const noexcept { return status_; }

 private:
  ossicle_status status_;
};
#endif

/// A value, or why there is none.
template <class T>
class [[nodiscard]] result {
 public:
  result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  result(ossicle::error why) : held_(std::in_place_index<1>, std::move(why)) {}

  [[nodiscard]] bool ok() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] ossicle_status status() const noexcept { return ok() ? OSSICLE_OK : std::get_if<1>(&held_)->status; }
  [[nodiscard]] const ossicle::error &why() const & noexcept { return *require<1>(); }

  [[nodiscard]] T &value() & { return *require<0>(); }
  [[nodiscard]] T &&value() && { return std::move(*require<0>()); }

 private:
  template <std::size_t I>
  auto *require() {
    auto *held = std::get_if<I>(&held_);
    if (held == nullptr) absent();
    return held;
  }
  template <std::size_t I>
  const auto *require() const {
    auto *held = std::get_if<I>(&held_);
    if (held == nullptr) absent();
    return held;
  }
  [[noreturn]] void absent() const {
    const auto *held = std::get_if<1>(&held_);
    if (held != nullptr) {
#ifdef OSSICLE_EXCEPTIONS
      throw exception(*held);
#else
      std::fprintf(stderr, "ossicle: %s: %s\n", held->name(), held->text.c_str());
#endif
    }
    std::abort();
  }

  std::variant<T, ossicle::error> held_;
};

/// Nothing to return but success.
struct done {};
using outcome = result<done>;

namespace detail {
inline outcome outcome_of(ossicle_status status) {
  if (status == OSSICLE_OK) return done{};
  return error{status, ossicle_status_name(status)};
}
inline std::string_view view(const char *text) { return text != nullptr ? std::string_view(text) : std::string_view(); }

/// A JSON string of a text.
inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[7];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}
}  // namespace detail

// ---- events ----

struct opened {};
struct transcript {
  std::string_view text, segment_id, channel;
  std::uint64_t begin_ns, end_ns;
  bool partial;
};
struct checklist {
  const ossicle_checklist *items;
};
struct chart {
  const ossicle_chart *teeth;
};
struct recovering {
  ossicle_status status;
  std::uint32_t attempt;
  std::uint64_t retry_in_ms;
};
struct recovered {
  std::uint64_t outage_ms, resent_frames;
};
struct dropped {
  std::uint32_t reason;
  std::uint64_t begin_ns, end_ns, frames;
};
struct warning {
  std::uint32_t kind;
  std::string_view message;
};
struct paused {
  const ossicle_report *report;
};
struct resumed {};
struct closed {
  ossicle_status status;
  std::string_view message;
  const ossicle_report *report;
};
struct keys_expiring {
  std::uint64_t left_ms;
};
struct discarded {
  std::uint64_t events;
};
struct answered {
  std::uint64_t call;
  ossicle_status status;
  std::string_view message;
};
struct log_line {
  std::uint32_t level;
  std::string_view message;
};
/// A kind that this header does not know.
struct other {
  std::uint32_t kind;
};

/// One thing that happened; visit `what`. All views and pointers are borrowed until the next poll.
struct event {
  std::uint64_t session;    ///< `session::number()`; 0: the engine
  std::uint64_t user_data;
  std::string_view json;    ///< the whole event; of a call: its answer
  std::variant<other, opened, transcript, checklist, chart, recovering, recovered, dropped, warning, paused, resumed,
               closed, keys_expiring, discarded, answered, log_line>
      what;

  explicit event(const ossicle_event &from)
      : session(from.session_id), user_data(from.user_data), json(from.json, from.json_bytes), what(other{from.kind}) {
    const std::string_view message(from.message, from.message_bytes);
    switch (from.kind) {
      case OSSICLE_EVENT_OPENED: what = opened{}; break;
      case OSSICLE_EVENT_TRANSCRIPT: {
        const ossicle_transcript &piece = *from.transcript;
        what = transcript{std::string_view(piece.text, piece.text_bytes), detail::view(piece.segment_id),
                          detail::view(piece.channel), piece.begin_ns, piece.end_ns, piece.partial != 0};
        break;
      }
      case OSSICLE_EVENT_CHECKLIST: what = checklist{from.checklist}; break;
      case OSSICLE_EVENT_CHART: what = chart{from.chart}; break;
      case OSSICLE_EVENT_RECOVERING: what = recovering{from.status, from.code, from.duration_ms}; break;
      case OSSICLE_EVENT_RECOVERED: what = recovered{from.duration_ms, from.frames}; break;
      case OSSICLE_EVENT_DROPPED: what = dropped{from.code, from.begin_ns, from.end_ns, from.frames}; break;
      case OSSICLE_EVENT_WARNING: what = warning{from.code, message}; break;
      case OSSICLE_EVENT_PAUSED: what = paused{from.report}; break;
      case OSSICLE_EVENT_RESUMED: what = resumed{}; break;
      case OSSICLE_EVENT_CLOSED: what = closed{from.status, message, from.report}; break;
      case OSSICLE_EVENT_KEYS_EXPIRING: what = keys_expiring{from.duration_ms}; break;
      case OSSICLE_EVENT_DISCARDED: what = discarded{from.frames}; break;
      case OSSICLE_EVENT_CALL: what = answered{from.session_id, from.status, message}; break;
      case OSSICLE_EVENT_LOG: what = log_line{from.code, message}; break;
      default: break;
    }
  }
};

/// Makes one visitor of several lambdas: `std::visit(overloaded{[](const transcript &t) {...}, [](const auto &) {}}, e.what)`.
template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

// ---- audio ----

/// What became of a push.
struct pushed {
  ossicle_status status;        ///< OSSICLE_OK, or why less was taken
  std::uint32_t accepted_frames;
};

/// [RT] The one thing for an audio thread: it pushes, without lock, allocation or system call. Small, copyable, and safe to
/// keep after its session has gone: pushes then return OSSICLE_BAD_ARGUMENT. One thread at a time for each tap.
class tap {
 public:
  tap() = default;

  /// `frames` in the tap's own format.
  pushed push(const void *frames, std::uint32_t frame_count, std::uint64_t captured_ns = 0) const noexcept {
    pushed out{OSSICLE_OK, 0};
    out.status = ossicle_session_push_tap(session_, index_, frames, frame_count, captured_ns, &out.accepted_frames);
    return out;
  }
  /// One pointer for each channel.
  pushed push_channels(const void *const *channels, std::uint32_t frame_count, std::uint64_t captured_ns = 0) const noexcept {
    pushed out{OSSICLE_OK, 0};
    out.status =
        ossicle_session_push_channels(session_, index_, channels, frame_count, captured_ns, &out.accepted_frames);
    return out;
  }
#ifdef OSSICLE_HAS_SPAN
  /// Whole frames of `channels` samples; samples at the end that are no whole frame are left out.
  template <class Sample>
  pushed push(std::span<const Sample> samples, std::uint32_t channels, std::uint64_t captured_ns = 0) const noexcept {
    static_assert(std::is_same_v<Sample, std::int16_t> || std::is_same_v<Sample, std::int32_t> ||
                      std::is_same_v<Sample, float>,
                  "samples are int16_t, int32_t or float");
    return push(samples.data(), static_cast<std::uint32_t>(samples.size() / (channels != 0 ? channels : 1)), captured_ns);
  }
#endif

 private:
  friend class session;
  tap(ossicle_session *session, std::uint32_t index) noexcept : session_(session), index_(index) {}
  ossicle_session *session_ = nullptr;
  std::uint32_t index_ = 0;
};
static_assert(std::is_trivially_copyable_v<tap>, "an audio thread copies a tap without a call");

// ---- handles ----

/// Settings of an engine: the C struct with its defaults.
struct engine_config : ossicle_engine_config {
  engine_config() noexcept { ossicle_engine_config_init(this, sizeof(ossicle_engine_config)); }
};
/// Settings of a session: the C struct with its defaults.
struct session_config : ossicle_session_config {
  session_config() noexcept { ossicle_session_config_init(this, sizeof(ossicle_session_config)); }
};

/// A session. Its destructor ends what was not finished, without END_OF_SESSION.
class session {
 public:
  session(session &&from) noexcept : raw_(std::exchange(from.raw_, nullptr)) {}
  session &operator=(session &&from) noexcept {
    if (this != &from) {
      ossicle_session_destroy(raw_);
      raw_ = std::exchange(from.raw_, nullptr);
    }
    return *this;
  }
  session(const session &) = delete;
  session &operator=(const session &) = delete;
  ~session() { ossicle_session_destroy(raw_); }

  /// What an audio thread gets: tap 0 or 1.
  [[nodiscard]] ossicle::tap tap(std::uint32_t index = 0) const noexcept { return {raw_, index}; }
  [[nodiscard]] std::uint64_t number() const noexcept { return ossicle_session_number(raw_); }
  [[nodiscard]] std::string uuid() const {
    char text[37] = "";
    return ossicle_session_uuid(raw_, text) == OSSICLE_OK ? std::string(text) : std::string();
  }
  outcome pause() noexcept { return detail::outcome_of(ossicle_session_pause(raw_)); }
  outcome resume() noexcept { return detail::outcome_of(ossicle_session_resume(raw_)); }
  outcome mute(bool muted) noexcept { return detail::outcome_of(ossicle_session_mute(raw_, muted ? 1 : 0)); }
  outcome finish() noexcept { return detail::outcome_of(ossicle_session_finish(raw_)); }
  outcome abort() noexcept { return detail::outcome_of(ossicle_session_abort(raw_)); }
  [[nodiscard]] result<ossicle_session_stats> stats() const {
    ossicle_session_stats out{};
    out.struct_size = sizeof out;
    const ossicle_status status = ossicle_session_get_stats(raw_, &out);
    if (status != OSSICLE_OK) return error{status, ossicle_status_name(status)};
    return out;
  }
  [[nodiscard]] ossicle_session *raw() const noexcept { return raw_; }

 private:
  friend class engine;
  explicit session(ossicle_session *raw) noexcept : raw_(raw) {}
  ossicle_session *raw_;
};

/// The one who polls an engine: move-only, so that there is one. Taken from `engine::take_poller`.
class poller {
 public:
  poller(poller &&from) noexcept : raw_(std::exchange(from.raw_, nullptr)) {}
  poller &operator=(poller &&from) noexcept {
    raw_ = std::exchange(from.raw_, nullptr);
    return *this;
  }
  poller(const poller &) = delete;
  poller &operator=(const poller &) = delete;

  /// The next event; OSSICLE_EMPTY when none came within the time, OSSICLE_CLOSED when the engine has gone.
  result<event> poll(std::uint32_t timeout_ms) {
    ossicle_event out{};
    out.struct_size = sizeof out;
    ossicle_status status = ossicle_engine_poll(raw_, &out, timeout_ms);
    // A poller may outlive its engine.
    if (status == OSSICLE_BAD_ARGUMENT) status = OSSICLE_CLOSED;
    if (status != OSSICLE_OK) return error{status, ossicle_status_name(status)};
    return event(out);
  }

 private:
  friend class engine;
  explicit poller(ossicle_engine *raw) noexcept : raw_(raw) {}
  ossicle_engine *raw_;
};

/// An engine. Its destructor ends its sessions at once; finish or pause them before.
class engine {
 public:
  static result<engine> create(const ossicle_engine_config &config) {
    ossicle_engine *raw = nullptr;
    ossicle_error why{};
    if (ossicle_engine_create(&config, &raw, &why) != OSSICLE_OK) return error{why.status, why.text};
    return engine(raw);
  }
  engine(engine &&from) noexcept
      : raw_(std::exchange(from.raw_, nullptr)), polled_(std::exchange(from.polled_, false)) {}
  engine &operator=(engine &&from) noexcept {
    if (this != &from) {
      ossicle_engine_destroy(raw_);
      raw_ = std::exchange(from.raw_, nullptr);
      polled_ = std::exchange(from.polled_, false);
    }
    return *this;
  }
  engine(const engine &) = delete;
  engine &operator=(const engine &) = delete;
  ~engine() { ossicle_engine_destroy(raw_); }

  /// The poller, once; empty afterwards.
  [[nodiscard]] std::optional<poller> take_poller() noexcept {
    if (raw_ == nullptr || std::exchange(polled_, true)) return std::nullopt;
    return poller(raw_);
  }
  [[nodiscard]] result<session> open(const ossicle_session_config &config) {
    ossicle_session *raw = nullptr;
    ossicle_error why{};
    if (ossicle_session_create(raw_, &config, &raw, &why) != OSSICLE_OK) return error{why.status, why.text};
    return session(raw);
  }
  /// `expires_unix_ms`: 0 when they do not expire.
  outcome set_keys(const std::string &access_key_id, const std::string &secret_access_key,
                   const std::string &session_token = {}, std::int64_t expires_unix_ms = 0) {
    return detail::outcome_of(ossicle_engine_set_keys(raw_, access_key_id.c_str(), secret_access_key.c_str(),
                                                      session_token.empty() ? nullptr : session_token.c_str(),
                                                      expires_unix_ms));
  }
  outcome network_changed() noexcept { return detail::outcome_of(ossicle_engine_network_changed(raw_)); }
  /// Readable while events wait; belongs to the engine.
  [[nodiscard]] result<std::int32_t> wake_fd() {
    std::int32_t fd = -1;
    const ossicle_status status = ossicle_engine_wake_fd(raw_, &fd);
    if (status != OSSICLE_OK) return error{status, ossicle_status_name(status)};
    return fd;
  }

  /// Calls any operation of the control plane; an `answered` event with the returned number follows.
  result<std::uint64_t> call(const char *operation, std::string_view input, std::uint64_t user_data = 0) {
    std::uint64_t number = 0;
    ossicle_error why{};
    if (ossicle_engine_call(raw_, operation, input.data(), input.size(), user_data, &number, &why) != OSSICLE_OK)
      return error{why.status, why.text};
    return number;
  }
  result<std::uint64_t> create_subscription(std::string_view domain_id, std::uint64_t user_data = 0) {
    return call("CreateSubscription", of({{"domainId", domain_id}}), user_data);
  }
  result<std::uint64_t> get_subscription(std::string_view domain_id, std::string_view subscription_id,
                                         std::uint64_t user_data = 0) {
    return call("GetSubscription", of({{"domainId", domain_id}, {"subscriptionId", subscription_id}}), user_data);
  }
  result<std::uint64_t> list_subscriptions(std::string_view domain_id, std::uint64_t user_data = 0) {
    return call("ListSubscriptions", of({{"domainId", domain_id}}), user_data);
  }
  result<std::uint64_t> activate_subscription(std::string_view domain_id, std::string_view subscription_id,
                                              std::uint64_t user_data = 0) {
    return call("ActivateSubscription", of({{"domainId", domain_id}, {"subscriptionId", subscription_id}}), user_data);
  }
  result<std::uint64_t> deactivate_subscription(std::string_view domain_id, std::string_view subscription_id,
                                                std::uint64_t user_data = 0) {
    return call("DeactivateSubscription", of({{"domainId", domain_id}, {"subscriptionId", subscription_id}}), user_data);
  }
  result<std::uint64_t> get_session(std::string_view domain_id, std::string_view subscription_id,
                                    std::string_view session_id, std::uint64_t user_data = 0) {
    return call("GetMedicalScribeListeningSession",
                of({{"domainId", domain_id}, {"subscriptionId", subscription_id}, {"sessionId", session_id}}), user_data);
  }
  [[nodiscard]] ossicle_engine *raw() const noexcept { return raw_; }

 private:
  explicit engine(ossicle_engine *raw) noexcept : raw_(raw) {}
  static std::string of(std::initializer_list<std::pair<const char *, std::string_view>> members) {
    std::string out = "{";
    for (const auto &[name, value] : members) {
      if (out.size() > 1) out += ',';
      out += detail::quoted(name) + ':' + detail::quoted(value);
    }
    return out + '}';
  }
  ossicle_engine *raw_;
  bool polled_ = false;
};

/// A text as the service takes it in an encounter's context.
inline result<std::string> sanitise(std::string_view text) {
  std::string out(20481, '\0');
  std::size_t needed = 0;
  const ossicle_status status =
      ossicle_context_sanitise(text.data(), text.size(), out.data(), out.size(), &needed, nullptr);
  if (status != OSSICLE_OK) return error{status, ossicle_status_name(status)};
  out.resize(needed - 1);
  return out;
}

}  // namespace ossicle

#endif
