/* Pushes from an audio callback: here a thread that plays a file of raw samples as a sound card would.
 *
 *   callback FILE.s16 [--script SCRIPT.json] [--speed N]
 *
 * FILE holds 16,000 frames per second of two channels of 16-bit samples. With --script no network is used: the
 * library's own emulator answers. --speed plays it N times as fast. */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

#include <pthread.h>
#include <time.h>

enum { RATE_HZ = 16000, CHANNELS = 2, PERIOD_FRAMES = 160 };

typedef struct {
  ossicle_session *session;
  const int16_t *samples;
  uint32_t frame_count;
  long period_ns;
  int failed;
} device;

/* What a sound card calls: nothing in here waits. */
static void callback(device *card, uint32_t at, uint32_t frames) {
  ossicle_status status = ossicle_session_push(card->session, card->samples + (size_t)at * CHANNELS, frames, 0, NULL);
  if (status != OSSICLE_OK) card->failed = 1;
}

static void *play(void *context) {
  device *card = (device *)context;
  struct timespec next;
  uint32_t at = 0;
  clock_gettime(CLOCK_MONOTONIC, &next);
  while (at < card->frame_count) {
    uint32_t frames = card->frame_count - at < PERIOD_FRAMES ? card->frame_count - at : PERIOD_FRAMES;
    callback(card, at, frames);
    at += frames;
    next.tv_nsec += card->period_ns;
    while (next.tv_nsec >= 1000000000L) {
      next.tv_nsec -= 1000000000L;
      next.tv_sec += 1;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  return NULL;
}

int main(int argc, char **argv) {
  const char *path = NULL, *script_path = NULL;
  unsigned speed = 1;
  char *script = NULL, *audio;
  size_t bytes = 0, script_bytes = 0;
  ossicle_engine *engine;
  ossicle_session_config config;
  ossicle_session *session = NULL;
  ossicle_error error;
  ossicle_event event;
  device card;
  pthread_t thread;
  int i, playing = 1, good = 0;

  for (i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--script") == 0 && i + 1 < argc) script_path = argv[++i];
    else if (strcmp(argv[i], "--speed") == 0 && i + 1 < argc) speed = (unsigned)atoi(argv[++i]);
    else path = argv[i];
  }
  if (path == NULL || speed == 0 || speed > 100) {
    fprintf(stderr, "usage: callback FILE.s16 [--script SCRIPT.json] [--speed N]\n");
    return 2;
  }
  audio = read_file(path, &bytes);
  if (script_path != NULL) script = read_file(script_path, &script_bytes);
  if (audio == NULL || (script_path != NULL && script == NULL)) {
    fprintf(stderr, "a file cannot be read\n");
    return 2;
  }
  engine = make_engine(script);
  if (engine == NULL) return 1;

  ossicle_session_config_init(&config, sizeof config);
  config.taps[0].channels = CHANNELS;
  config.channel_map = OSSICLE_CHANNELS_STEREO;
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
    ossicle_engine_destroy(engine);
    return 1;
  }

  card.session = session;
  card.samples = (const int16_t *)(const void *)audio;
  card.frame_count = (uint32_t)(bytes / (CHANNELS * sizeof(int16_t)));
  card.period_ns = 1000000000L / RATE_HZ * PERIOD_FRAMES / (long)speed;
  card.failed = 0;
  if (pthread_create(&thread, NULL, play, &card) != 0) return 1;

  event.struct_size = sizeof event;
  for (;;) {
    ossicle_status status = ossicle_engine_poll(engine, &event, 20);
    if (status == OSSICLE_OK) {
      print_event(&event);
      if (event.kind == OSSICLE_EVENT_CLOSED) {
        good = report_is_good(&event, card.frame_count);
        break;
      }
    } else if (status != OSSICLE_EMPTY) {
      break;
    }
    if (playing) {
      ossicle_session_stats stats;
      stats.struct_size = sizeof stats;
      if (ossicle_session_get_stats(session, &stats) == OSSICLE_OK && stats.pushed_frames[0] >= card.frame_count) {
        playing = 0;
        ossicle_session_finish(session);
      }
    }
  }
  pthread_join(thread, NULL);
  ossicle_session_destroy(session);
  ossicle_engine_destroy(engine);
  free(script);
  free(audio);
  return good && !card.failed ? 0 : 1;
}
