// The wrapper's types: what moves, what cannot be copied, what a result holds, and a session on the loopback engine.
#include <ossicle.hpp>

#include <cstdio>
#include <cstring>

using namespace ossicle;

static_assert(!std::is_copy_constructible_v<engine> && std::is_nothrow_move_constructible_v<engine>);
static_assert(!std::is_copy_constructible_v<session> && std::is_nothrow_move_assignable_v<session>);
static_assert(!std::is_copy_constructible_v<poller> && std::is_nothrow_move_constructible_v<poller>);

static int line_failed = 0;
#define CHECK(what) \
  if (!(what) && line_failed == 0) line_failed = __LINE__

int main() {
  engine_config config;
  CHECK(config.struct_size == sizeof(ossicle_engine_config) && config.tick_ms == 10);
  auto refused = engine::create(config);  // no region
  CHECK(!refused && refused.status() == OSSICLE_BAD_ARGUMENT && !refused.why().text.empty());

  config.loopback = 1;
  auto made = engine::create(config);
  CHECK(made.ok());
  engine first = std::move(made).value();
  engine home = std::move(first);
  auto listening = home.take_poller();
  CHECK(listening.has_value() && !home.take_poller().has_value());

  session_config settings;
  settings.taps[0].sample = OSSICLE_SAMPLE_F32;
  settings.taps[0].channels = 2;
  auto opened_session = home.open(settings);
  CHECK(opened_session.ok());
  session visit = std::move(opened_session).value();
  CHECK(visit.uuid().size() == 36 && visit.number() != 0);

  tap microphone = visit.tap();
  float left[160] = {}, right[160] = {}, both[320] = {};
  const void *planes[] = {left, right};
  CHECK(microphone.push(both, 160).accepted_frames == 160);
  CHECK(microphone.push_channels(planes, 160).status == OSSICLE_OK);
  CHECK(visit.tap(1).push(both, 160).status == OSSICLE_BAD_ARGUMENT);
#ifdef OSSICLE_HAS_SPAN
  CHECK(microphone.push(std::span<const float>(both), 2).accepted_frames == 160);
#endif
  CHECK(home.create_subscription("hai-\"quoted\"").status() == OSSICLE_BAD_ARGUMENT);
  auto asked = home.get_subscription("hai-doesnotexist00000", "sub-abcdefghijklmnopqrstu", 7);
  CHECK(asked.ok());
  CHECK(visit.stats().ok());
  CHECK(visit.finish().ok());

  bool over = false, told = false, opened_seen = false;
  while (!over || !told) {
    auto next = listening->poll(20000);
    if (!next) break;
    std::visit(overloaded{
                   [&](const opened &) { opened_seen = true; },
                   [&](const closed &end) {
                     over = true;
                     CHECK(end.status == OSSICLE_OK && end.report->ended == OSSICLE_ENDED_FINISHED);
                   },
                   [&](const answered &answer) {
                     told = true;
                     CHECK(answer.call == asked.value() && answer.status == OSSICLE_NOT_FOUND);
                   },
                   [](const auto &) {},
               },
               next.value().what);
  }
  CHECK(over && told && opened_seen);
  CHECK(microphone.push(both, 160).status == OSSICLE_CLOSED);
  {
    session gone = std::move(visit);
  }
  CHECK(microphone.push(both, 160).status == OSSICLE_BAD_ARGUMENT);
  CHECK(sanitise("38 \xc2\xb0"
                 "C")
            .value() == "38 degrees C");
  { engine ends = std::move(home); }
  CHECK(listening->poll(0).status() == OSSICLE_CLOSED);
  if (line_failed != 0) {
    std::printf("line %d\n", line_failed);
    return 1;
  }
  std::puts("ok");
  return 0;
}
