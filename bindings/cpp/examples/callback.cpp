// Pushes from an audio callback, here a thread that plays a file of raw samples as a sound card would.
//
//   callback FILE.s16 [--script SCRIPT.json] [--speed N]
//
// FILE holds 16,000 frames per second of two channels of 16-bit samples. With --script no network is used.
#include <ossicle.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>
#include <vector>

namespace {

constexpr std::uint32_t channels = 2, period_frames = 160, rate_hz = 16000;

std::string read_file(const char *path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A sound card. Its thread has a tap and nothing else of Ossicle.
bool play(ossicle::tap tap, const std::vector<std::int16_t> &samples, unsigned speed) {
  bool good = true;
  auto due = std::chrono::steady_clock::now();
  const auto period = std::chrono::nanoseconds(1000000000ull * period_frames / rate_hz / speed);
  for (std::size_t at = 0; at < samples.size(); at += period_frames * channels) {
    const auto left = (samples.size() - at) / channels;
    const auto frames = left < period_frames ? static_cast<std::uint32_t>(left) : period_frames;
    good = tap.push(samples.data() + at, frames).status == OSSICLE_OK && good;
    due += period;
    std::this_thread::sleep_until(due);
  }
  return good;
}

const char *environment(const char *name) { return std::getenv(name); }

}  // namespace

int main(int argc, char **argv) {
  const char *path = nullptr, *script_path = nullptr;
  unsigned speed = 1;
  for (int i = 1; i < argc; i++) {
    if (std::strcmp(argv[i], "--script") == 0 && i + 1 < argc) script_path = argv[++i];
    else if (std::strcmp(argv[i], "--speed") == 0 && i + 1 < argc) speed = static_cast<unsigned>(std::atoi(argv[++i]));
    else path = argv[i];
  }
  if (path == nullptr || speed == 0 || speed > 100) {
    std::cerr << "usage: callback FILE.s16 [--script SCRIPT.json] [--speed N]\n";
    return 2;
  }
  const std::string audio = read_file(path), script = script_path != nullptr ? read_file(script_path) : std::string();
  std::vector<std::int16_t> samples(audio.size() / 4 * 2);
  std::memcpy(samples.data(), audio.data(), samples.size() * 2);

  ossicle::engine_config engine_config;
  engine_config.loopback = script_path != nullptr ? 1 : 0;
  engine_config.loopback_script = script_path != nullptr ? script.c_str() : nullptr;
  engine_config.region = script_path != nullptr ? nullptr : environment("AWS_REGION");
  auto made = ossicle::engine::create(engine_config);
  if (!made) {
    std::cerr << made.why().name() << ": " << made.why().text << '\n';
    return 1;
  }
  ossicle::engine engine = std::move(made).value();
  if (script_path == nullptr) {
    const char *id = environment("AWS_ACCESS_KEY_ID"), *secret = environment("AWS_SECRET_ACCESS_KEY");
    const char *token = environment("AWS_SESSION_TOKEN");
    if (id == nullptr || secret == nullptr || !engine.set_keys(id, secret, token != nullptr ? token : "")) {
      std::cerr << "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n";
      return 1;
    }
  }

  ossicle::session_config config;
  config.taps[0].channels = channels;
  config.channel_map = OSSICLE_CHANNELS_STEREO;
  config.pace_percent = 100 * speed;
  config.ring_ms = 500 * speed;
  config.check_rate = speed == 1 ? 1 : 0;
  if (script_path == nullptr) {
    config.domain_id = environment("OSSICLE_DOMAIN");
    config.subscription_id = environment("OSSICLE_SUBSCRIPTION");
    config.output_s3_uri = environment("OSSICLE_OUTPUT");
  }
  auto opening = engine.open(config);
  if (!opening) {
    std::cerr << opening.why().name() << ": " << opening.why().text << '\n';
    return 1;
  }
  ossicle::session session = std::move(opening).value();

  std::atomic<bool> played{false};
  bool pushed_all = false, finished = false, over = false, good = false;
  std::thread card([&] {
    pushed_all = play(session.tap(), samples, speed);
    played = true;
  });
  auto poller = engine.take_poller();
  while (!over) {
    auto next = poller->poll(20);
    if (next) {
      std::visit(ossicle::overloaded{
                     [](const ossicle::transcript &piece) {
                       if (!piece.partial)
                         std::cout << static_cast<double>(piece.begin_ns) / 1e9 << ' ' << piece.channel << "  " << piece.text << '\n';
                     },
                     [](const ossicle::warning &warning) { std::cerr << warning.message << '\n'; },
                     [&](const ossicle::closed &closed) {
                       const ossicle_report &report = *closed.report;
                       std::cout << ossicle_status_name(closed.status) << ": " << report.captured_frames << " frames captured, "
                                 << report.delivered_frames << " delivered, " << report.dropped_frames << " dropped\n";
                       good = report.ended == OSSICLE_ENDED_FINISHED && report.dropped_frames == 0 &&
                              report.delivered_frames == samples.size() / channels;
                       over = true;
                     },
                     [](const auto &) {},
                 },
                 next.value().what);
    } else if (next.status() != OSSICLE_EMPTY) {
      break;
    }
    if (played && !finished) finished = session.finish().ok();
  }
  card.join();
  return good && pushed_all ? 0 : 1;
}
