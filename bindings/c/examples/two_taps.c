/* Two microphones, each with a callback of its own: the clinician's on tap 0, the patient's on tap 1.
 *
 *   two_taps FILE.s16 [--script SCRIPT.json] [--speed N]
 *
 * FILE holds 16,000 frames per second of two channels of 16-bit samples; each thread plays one of them. Both give the
 * time at which they captured, on one clock, so that the taps are aligned. */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

#include <pthread.h>
#include <time.h>

enum { RATE_HZ = 16000, PERIOD_FRAMES = 160 };

typedef struct {
  ossicle_session *session;
  const int16_t *samples; /* of this microphone only */
  uint32_t frame_count, tap;
  unsigned speed;
  uint64_t start_ns;
  int failed;
} microphone;

static void *play(void *context) {
  microphone *mic = (microphone *)context;
  uint32_t at = 0;
  while (at < mic->frame_count) {
    uint32_t frames = mic->frame_count - at < PERIOD_FRAMES ? mic->frame_count - at : PERIOD_FRAMES;
    uint64_t audio_ns = (uint64_t)at * 1000000000u / RATE_HZ;
    uint64_t due_ns = mic->start_ns + audio_ns / mic->speed;
    struct timespec due;
    ossicle_status status;
    due.tv_sec = (time_t)(due_ns / 1000000000u);
    due.tv_nsec = (long)(due_ns % 1000000000u);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    status = ossicle_session_push_tap(mic->session, mic->tap, mic->samples + at, frames, mic->start_ns + audio_ns, NULL);
    if (status != OSSICLE_OK) mic->failed = 1;
    at += frames;
  }
  return NULL;
}

int main(int argc, char **argv) {
  const char *path = NULL, *script_path = NULL;
  unsigned speed = 1;
  char *script = NULL, *audio;
  size_t bytes = 0, script_bytes = 0, frames, at;
  int16_t *voices[2];
  ossicle_engine *engine;
  ossicle_session_config config;
  ossicle_session *session = NULL;
  ossicle_error error;
  ossicle_event event;
  microphone mics[2];
  pthread_t threads[2];
  struct timespec now;
  int i, finished = 0, good = 0;

  for (i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--script") == 0 && i + 1 < argc) script_path = argv[++i];
    else if (strcmp(argv[i], "--speed") == 0 && i + 1 < argc) speed = (unsigned)atoi(argv[++i]);
    else path = argv[i];
  }
  if (path == NULL || speed == 0 || speed > 100) {
    fprintf(stderr, "usage: two_taps FILE.s16 [--script SCRIPT.json] [--speed N]\n");
    return 2;
  }
  audio = read_file(path, &bytes);
  if (script_path != NULL) script = read_file(script_path, &script_bytes);
  if (audio == NULL || (script_path != NULL && script == NULL)) return 2;
  frames = bytes / 4;
  for (i = 0; i < 2; i++) {
    voices[i] = (int16_t *)malloc(frames * sizeof(int16_t) + 1);
    if (voices[i] == NULL) return 1;
    for (at = 0; at < frames; at++) memcpy(&voices[i][at], audio + at * 4 + (size_t)i * 2, 2);
  }
  engine = make_engine(script);
  if (engine == NULL) return 1;

  ossicle_session_config_init(&config, sizeof config);
  config.tap_count = 2;
  config.pace_percent = 100 * speed;
  config.ring_ms = 500 * speed;
  config.check_rate = speed == 1;
  if (script == NULL) {
    config.domain_id = getenv("OSSICLE_DOMAIN");
    config.subscription_id = getenv("OSSICLE_SUBSCRIPTION");
    config.output_s3_uri = getenv("OSSICLE_OUTPUT");
  }
  if (ossicle_session_create(engine, &config, &session, &error) != OSSICLE_OK) {
    fprintf(stderr, "session: %s: %s\n", ossicle_status_name(error.status), error.text);
    return 1;
  }
  clock_gettime(CLOCK_MONOTONIC, &now);
  for (i = 0; i < 2; i++) {
    mics[i].session = session;
    mics[i].samples = voices[i];
    mics[i].frame_count = (uint32_t)frames;
    mics[i].tap = (uint32_t)i;
    mics[i].speed = speed;
    mics[i].start_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    mics[i].failed = 0;
    if (pthread_create(&threads[i], NULL, play, &mics[i]) != 0) return 1;
  }
  event.struct_size = sizeof event;
  for (;;) {
    ossicle_status status = ossicle_engine_poll(engine, &event, 20);
    if (status == OSSICLE_OK) {
      print_event(&event);
      if (event.kind == OSSICLE_EVENT_CLOSED) {
        /* Two clocks: the pair may be a frame longer than either. */
        good = report_is_good(&event, frames);
        break;
      }
    } else if (status != OSSICLE_EMPTY) {
      break;
    }
    if (!finished) {
      ossicle_session_stats stats;
      stats.struct_size = sizeof stats;
      if (ossicle_session_get_stats(session, &stats) == OSSICLE_OK && stats.pushed_frames[0] >= frames &&
          stats.pushed_frames[1] >= frames) {
        finished = 1;
        ossicle_session_finish(session);
      }
    }
  }
  for (i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  ossicle_session_destroy(session);
  ossicle_engine_destroy(engine);
  free(script);
  free(audio);
  for (i = 0; i < 2; i++) free(voices[i]);
  return good && !mics[0].failed && !mics[1].failed ? 0 : 1;
}
