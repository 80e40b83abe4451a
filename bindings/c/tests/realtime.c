/* RealtimeSanitizer over push: between enter and leave, a call that locks, allocates or asks the system ends the program.
 *
 * `clang -fsanitize=realtime` puts these two calls around a function with [[clang::nonblocking]]; here they are written
 * out, so that any C compiler will do with the sanitizer's runtime linked in. The program has to be run in each way:
 *
 *   realtime           pushes of every kind: ends with 0
 *   realtime malloc    an allocation of its own between the two: must die
 *   realtime stats     ossicle_session_get_stats between the two, which allocates inside of the library: must die */
#include <ossicle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void __rtsan_realtime_enter(void);
void __rtsan_realtime_exit(void);
void __rtsan_ensure_initialized(void);

enum { FRAMES = 480, CHANNELS = 2, TURNS = 300 };

/* Kept where the compiler cannot prove that nobody looks, or it takes the allocation out. */
static void *volatile kept;

int main(int argc, char **argv) {
  static float samples[FRAMES * CHANNELS];
  const char *bad = argc > 1 ? argv[1] : "";
  const void *channels[CHANNELS];
  ossicle_engine_config engine_config;
  ossicle_session_config config;
  ossicle_engine *engine = NULL;
  ossicle_session *session = NULL, *other = NULL;
  ossicle_session_stats stats;
  uint64_t accepted = 0, full = 0;
  int turn;
  __rtsan_ensure_initialized();
  ossicle_engine_config_init(&engine_config, sizeof engine_config);
  engine_config.loopback = 1;
  ossicle_session_config_init(&config, sizeof config);
  config.tap_count = 2;
  config.taps[0].sample = config.taps[1].sample = OSSICLE_SAMPLE_F32;
  config.taps[0].channels = config.taps[1].channels = CHANNELS;
  config.taps[0].rate_hz = config.taps[1].rate_hz = 48000;
  config.ring_ms = 50; /* small, so that it fills: that path is looked at too */
  if (ossicle_engine_create(&engine_config, &engine, NULL) != OSSICLE_OK) return 3;
  if (ossicle_session_create(engine, &config, &session, NULL) != OSSICLE_OK) return 3;
  if (ossicle_session_create(engine, &config, &other, NULL) != OSSICLE_OK) return 3;
  stats.struct_size = sizeof stats;
  channels[0] = samples;
  channels[1] = samples + FRAMES;
  for (turn = 0; turn < TURNS; turn++) {
    uint32_t count = 0;
    ossicle_status status;
    uint64_t captured_ns = (uint64_t)turn * 10000000u + 1;
    __rtsan_realtime_enter();
    status = ossicle_session_push_tap(session, 0, samples, FRAMES, captured_ns, &count);
    accepted += count;
    full += status == OSSICLE_FULL;
    status = ossicle_session_push_channels(session, 1, channels, FRAMES, captured_ns, &count);
    accepted += count;
    full += status == OSSICLE_FULL;
    /* Faults too are found without a lock: no such tap, no frames, no such handle. */
    status = ossicle_session_push_tap(session, 2, samples, FRAMES, 0, NULL);
    if (status == OSSICLE_BAD_ARGUMENT) status = ossicle_session_push(session, NULL, FRAMES, 0, NULL);
    if (status == OSSICLE_BAD_ARGUMENT) status = ossicle_session_push(NULL, samples, FRAMES, 0, NULL);
    if (strcmp(bad, "malloc") == 0) kept = malloc(100);
    if (strcmp(bad, "stats") == 0) status = ossicle_session_get_stats(session, &stats);
    __rtsan_realtime_exit();
    if (status != OSSICLE_BAD_ARGUMENT) return 4;
  }
  ossicle_session_finish(session);
  ossicle_session_destroy(other);
  for (turn = 0; turn < TURNS; turn++) {
    ossicle_status over, dead;
    __rtsan_realtime_enter();
    over = ossicle_session_push(session, samples, FRAMES, 0, NULL);
    dead = ossicle_session_push(other, samples, FRAMES, 0, NULL);
    __rtsan_realtime_exit();
    if (over != OSSICLE_CLOSED || dead != OSSICLE_BAD_ARGUMENT) return 5;
  }
  ossicle_session_destroy(session);
  ossicle_engine_destroy(engine);
  free(kept);
  printf("%llu frames accepted, %llu pushes to a full ring\n", (unsigned long long)accepted, (unsigned long long)full);
  return accepted > 0 && full > 0 ? 0 : 6;
}
