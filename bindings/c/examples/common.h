/* What the examples share: options, a file of samples in memory, and printing of events. */
#ifndef OSSICLE_EXAMPLES_COMMON_H
#define OSSICLE_EXAMPLES_COMMON_H

#include <ossicle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file with a final zero, or NULL. Free it. */
static char *read_file(const char *path, size_t *bytes_out) {
  FILE *file = fopen(path, "rb");
  char *all = NULL;
  long size;
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
    all = (char *)malloc((size_t)size + 1);
    if (all != NULL) {
      *bytes_out = fread(all, 1, (size_t)size, file);
      all[*bytes_out] = '\0';
    }
  }
  fclose(file);
  return all;
}

/* Makes the engine: a loopback one that answers by a script, or the service's with keys from the environment. */
static ossicle_engine *make_engine(const char *script) {
  ossicle_engine_config config;
  ossicle_engine *engine = NULL;
  ossicle_error error;
  ossicle_engine_config_init(&config, sizeof config);
  if (script != NULL) {
    config.loopback = 1;
    config.loopback_script = script;
  } else {
    config.region = getenv("AWS_REGION");
  }
  if (ossicle_engine_create(&config, &engine, &error) != OSSICLE_OK) {
    fprintf(stderr, "engine: %s: %s\n", ossicle_status_name(error.status), error.text);
    return NULL;
  }
  if (script == NULL) {
    const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    if (ossicle_engine_set_keys(engine, id, secret, getenv("AWS_SESSION_TOKEN"), 0) != OSSICLE_OK) {
      fprintf(stderr, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n");
      ossicle_engine_destroy(engine);
      return NULL;
    }
  }
  return engine;
}

/* Prints an event; the text of a transcript only when it is final. */
static void print_event(const ossicle_event *event) {
  switch (event->kind) {
    case OSSICLE_EVENT_TRANSCRIPT:
      if (!event->transcript->partial)
        printf("%6.2f %s  %s\n", (double)event->begin_ns / 1e9, event->transcript->channel, event->transcript->text);
      break;
    case OSSICLE_EVENT_CHECKLIST:
      printf("checklist: %u items\n", (unsigned)event->checklist->item_count);
      break;
    case OSSICLE_EVENT_RECOVERING:
    case OSSICLE_EVENT_WARNING:
    case OSSICLE_EVENT_LOG:
      fprintf(stderr, "%s\n", event->message);
      break;
    case OSSICLE_EVENT_KEYS_EXPIRING:
      fprintf(stderr, "new keys are wanted: call ossicle_engine_set_keys\n");
      break;
    case OSSICLE_EVENT_DROPPED:
      fprintf(stderr, "%llu frames were dropped\n", (unsigned long long)event->frames);
      break;
    default:
      break;
  }
}

/* Whether the session ended as asked and nothing was lost. */
static int report_is_good(const ossicle_event *closed, unsigned long long captured_frames_min) {
  const ossicle_report *report = closed->report;
  printf("%s: %llu frames captured, %llu delivered, %llu dropped\n", ossicle_status_name(closed->status),
         (unsigned long long)report->captured_frames, (unsigned long long)report->delivered_frames,
         (unsigned long long)report->dropped_frames);
  return report->ended == OSSICLE_ENDED_FINISHED && report->dropped_frames == 0 &&
         report->captured_frames >= captured_frames_min && report->delivered_frames == report->captured_frames;
}

#endif
