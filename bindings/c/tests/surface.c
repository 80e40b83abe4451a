/* All that the header gives, used as it is meant to be, on the loopback engine: each format and layout, results with
 * typed access and as JSON, the account, keys, log lines, the sanitiser. Prints each check that fails; exits with their
 * number, 0 at best. */
#include <ossicle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;
#define EXPECT(status, call)                                                                       \
  do {                                                                                             \
    ossicle_status got = (call), wanted = (status);                                                \
    if (got != wanted) {                                                                           \
      printf("%d: %s: %s, not %s\n", __LINE__, #call, ossicle_status_name(got), ossicle_status_name(wanted)); \
      failures++;                                                                                  \
    }                                                                                              \
  } while (0)
#define CHECK(what)                                   \
  do {                                                \
    if (!(what)) {                                    \
      printf("%d: not so: %s\n", __LINE__, #what);    \
      failures++;                                     \
    }                                                 \
  } while (0)

static ossicle_engine *engine_of(const char *script, uint32_t log_level) {
  ossicle_engine_config config;
  ossicle_engine *engine = NULL;
  ossicle_error error;
  ossicle_engine_config_init(&config, sizeof config);
  config.loopback = 1;
  config.loopback_script = script;
  config.log_level = log_level;
  if (ossicle_engine_create(&config, &engine, &error) != OSSICLE_OK) {
    printf("no engine: %s\n", error.text);
    exit(100);
  }
  return engine;
}

/* Polls until an event of a kind comes. 0 when none does. */
static int until(ossicle_engine *engine, uint32_t kind, ossicle_event *event) {
  int tries;
  for (tries = 0; tries < 1000; tries++) {
    if (ossicle_engine_poll(engine, event, 20000) != OSSICLE_OK) return 0;
    if (event->kind == kind) return 1;
  }
  return 0;
}

enum { FRAMES = 1600, CHANNELS = 2 };

/* The same audio in each format and layout, from one buffer or from one pointer a channel, over one tap or two. */
static void formats(void) {
  static uint32_t samples[FRAMES * CHANNELS]; /* silence is zero in all formats */
  ossicle_engine *engine = engine_of(NULL, OSSICLE_LOG_OFF);
  ossicle_event event;
  uint32_t sample, layout, taps, apart;
  event.struct_size = sizeof event;
  for (sample = OSSICLE_SAMPLE_S16; sample <= OSSICLE_SAMPLE_S24_IN_32; sample++)
    for (layout = OSSICLE_LAYOUT_INTERLEAVED; layout <= OSSICLE_LAYOUT_PLANAR; layout++)
      for (taps = 1; taps <= 2; taps++)
        for (apart = 0; apart <= 1; apart++) {
          const void *channels[CHANNELS];
          ossicle_session_config config;
          ossicle_session *session = NULL;
          uint32_t tap, accepted = 0;
          channels[0] = samples;
          channels[1] = samples + FRAMES;
          ossicle_session_config_init(&config, sizeof config);
          config.tap_count = taps;
          for (tap = 0; tap < 2; tap++) {
            config.taps[tap].sample = sample;
            config.taps[tap].layout = layout;
            config.taps[tap].channels = CHANNELS;
          }
          config.channel_map = OSSICLE_CHANNELS_STEREO;
          config.check_rate = 0;
          config.pace_percent = 0;
          EXPECT(OSSICLE_OK, ossicle_session_create(engine, &config, &session, NULL));
          for (tap = 0; tap < taps; tap++) {
            if (apart)
              EXPECT(OSSICLE_OK, ossicle_session_push_channels(session, tap, channels, FRAMES, 0, &accepted));
            else
              EXPECT(OSSICLE_OK, ossicle_session_push_tap(session, tap, samples, FRAMES, 0, &accepted));
            CHECK(accepted == FRAMES);
          }
          EXPECT(OSSICLE_OK, ossicle_session_finish(session));
          CHECK(until(engine, OSSICLE_EVENT_CLOSED, &event));
          CHECK(event.status == OSSICLE_OK && event.report->ended == OSSICLE_ENDED_FINISHED);
          CHECK(event.report->captured_frames == FRAMES && event.report->delivered_frames == FRAMES);
          CHECK(event.report->rate_hz == 16000 && event.report->channels == 2);
          ossicle_session_destroy(session);
        }
  ossicle_engine_destroy(engine);
}

static const char SCRIPT[] =
    "{\"segments\": [{\"channel\": 0, \"begin_s\": 0.2, \"end_s\": 0.8, \"text\": \"Good morning.\"}],"
    " \"snapshots\": ["
    "  {\"at_s\": 0.3, \"kind\": \"checklistEvent\", \"payload\": {\"snapshotVersion\": 7, \"checklists\": ["
    "    {\"checklistId\": \"intake\", \"items\": [{\"itemKey\": \"allergies\", \"status\": \"DISCUSSED\"},"
    "      {\"itemKey\": \"smoking\", \"status\": \"NOT_DISCUSSED\"}]},"
    "    {\"checklistId\": \"dental\", \"items\": [{\"itemKey\": \"pain\", \"status\": \"PARTIALLY_DISCUSSED\"}]}]}},"
    "  {\"at_s\": 0.6, \"kind\": \"periodontalChartEvent\", \"payload\": {\"snapshotVersion\": 9007199254740993,"
    "    \"teeth\": [{\"toothNumber\": 3, \"missing\": false, \"mobility\": 2, \"sites\": ["
    "      {\"site\": \"MB\", \"probingDepth\": 5, \"recession\": -1, \"bleeding\": true}, {\"site\": \"L\"}]},"
    "      {\"toothNumber\": 17, \"missing\": true}],"
    "    \"reviewItems\": [{\"reason\": \"LINE_UNCLEAR\", \"toothNumber\": 3, \"sites\": [\"DB\", \"B\"]}]}}]}";

static void checklist_is_typed(const ossicle_event *event) {
  const ossicle_checklist *list = event->checklist;
  CHECK(list->struct_size >= sizeof *list && list->version == 7 && list->item_count == 3);
  CHECK(strcmp(list->items[0]->checklist_id, "intake") == 0 && strcmp(list->items[0]->item_key, "allergies") == 0);
  CHECK(list->items[0]->status == OSSICLE_CHECKLIST_DISCUSSED);
  CHECK(list->items[1]->status == OSSICLE_CHECKLIST_NOT_DISCUSSED);
  CHECK(strcmp(list->items[2]->checklist_id, "dental") == 0);
  CHECK(list->items[2]->status == OSSICLE_CHECKLIST_PARTIALLY_DISCUSSED);
  CHECK(strstr(event->json, "\"checklist\"") != NULL && strstr(event->json, "allergies") != NULL);
}

static void chart_is_typed(const ossicle_event *event) {
  const ossicle_chart *chart = event->chart;
  const ossicle_tooth *tooth = chart->teeth[0];
  CHECK(chart->version == 9007199254740993 && chart->tooth_count == 2 && chart->review_count == 1);
  CHECK(tooth->number == 3 && !tooth->missing && tooth->mobility == 2 && tooth->furcation == OSSICLE_NOT_CHARTED);
  CHECK(tooth->site_count == 2 && strcmp(tooth->sites[0]->name, "MB") == 0);
  CHECK(tooth->sites[0]->probing_depth_mm == 5 && tooth->sites[0]->recession_mm == -1);
  CHECK(tooth->sites[0]->bleeding == 1 && tooth->sites[0]->suppuration == OSSICLE_NOT_CHARTED);
  CHECK(tooth->sites[1]->probing_depth_mm == OSSICLE_NOT_CHARTED);
  CHECK(chart->teeth[1]->number == 17 && chart->teeth[1]->missing == 1 && chart->teeth[1]->site_count == 0);
  CHECK(strcmp(chart->reviews[0]->reason, "LINE_UNCLEAR") == 0 && chart->reviews[0]->tooth_number == 3);
  CHECK(strcmp(chart->reviews[0]->sites, "DB,B") == 0);
  CHECK(strstr(event->json, "\"periodontal_chart\"") != NULL && strstr(event->json, "9007199254740993") != NULL);
}

/* Whether each frame is in exactly one state. */
static int balances(const ossicle_report *report) {
  return report->captured_frames == report->delivered_frames + report->in_flight_frames + report->held_frames +
                                        report->dropped_frames &&
         report->dropped_frames == report->dropped_ring_full_frames + report->dropped_held_limit_frames +
                                       report->dropped_unproven_frames + report->dropped_paused_frames +
                                       report->dropped_muted_frames + report->dropped_ended_frames;
}

/* A visit with a pause and a mute in it: results, the account at each stage, and log lines. */
static void visit(void) {
  static const int16_t second[16000] = {0};
  ossicle_engine *engine = engine_of(SCRIPT, OSSICLE_LOG_INFO);
  ossicle_session_config config;
  ossicle_session *session = NULL;
  ossicle_event event;
  ossicle_report report, last;
  char uuid[37];
  int pieces = 0, checklists = 0, charts = 0, lines = 0, over = 0;
  event.struct_size = sizeof event;
  report.struct_size = last.struct_size = sizeof report;
  ossicle_session_config_init(&config, sizeof config);
  config.check_rate = 0;
  config.pace_percent = 0;
  config.ring_ms = 5000;
  config.user_data = 4711;
  EXPECT(OSSICLE_OK, ossicle_session_create(engine, &config, &session, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_uuid(session, uuid));
  EXPECT(OSSICLE_OK, ossicle_session_get_report(session, &report));
  CHECK(report.ended == OSSICLE_ENDED_NOT_YET && report.captured_frames == 0 && report.connections == 0);
  CHECK(strcmp(report.session_uuid, uuid) == 0);
  CHECK(until(engine, OSSICLE_EVENT_OPENED, &event));
  CHECK(event.user_data == 4711 && event.session_id == ossicle_session_number(session));
  EXPECT(OSSICLE_OK, ossicle_session_push(session, second, 16000, 0, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_pause(session));
  while (ossicle_engine_poll(engine, &event, 20000) == OSSICLE_OK && event.kind != OSSICLE_EVENT_PAUSED) {
    if (event.kind == OSSICLE_EVENT_TRANSCRIPT) {
      CHECK(event.transcript->text_bytes == strlen(event.transcript->text));
      if (!event.transcript->partial) {
        pieces++;
        CHECK(strcmp(event.transcript->text, "Good morning.") == 0);
        CHECK(strcmp(event.transcript->channel, "ch_0") == 0 && event.transcript->segment_id[0] != '\0');
        CHECK(event.begin_ns == 200000000 && event.end_ns == 800000000);
        CHECK(event.transcript->service_begin_s > 0.19 && event.transcript->service_end_s < 0.81);
        CHECK(strstr(event.json, "Good morning.") != NULL && strlen(event.json) == event.json_bytes);
      }
    } else if (event.kind == OSSICLE_EVENT_CHECKLIST) {
      checklists++;
      checklist_is_typed(&event);
    } else if (event.kind == OSSICLE_EVENT_CHART) {
      charts++;
      chart_is_typed(&event);
    } else if (event.kind == OSSICLE_EVENT_LOG) {
      lines++;
      CHECK(strstr(event.message, "morning") == NULL && event.code == OSSICLE_LOG_INFO);
    }
  }
  CHECK(event.kind == OSSICLE_EVENT_PAUSED && pieces == 1 && checklists == 1 && charts == 1);
  CHECK(event.report->ended == OSSICLE_ENDED_PAUSED && event.report->delivered_frames == 16000);
  EXPECT(OSSICLE_OK, ossicle_session_push(session, second, 1600, 0, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_resume(session));
  CHECK(until(engine, OSSICLE_EVENT_RESUMED, &event));
  EXPECT(OSSICLE_OK, ossicle_session_mute(session, 1));
  EXPECT(OSSICLE_OK, ossicle_session_get_report(session, &report)); /* behind the mute in the engine's queue */
  EXPECT(OSSICLE_OK, ossicle_session_push(session, second, 800, 0, NULL));
  do {
    EXPECT(OSSICLE_OK, ossicle_session_get_report(session, &report));
    CHECK(balances(&report) && report.connections == 2 && report.ended == OSSICLE_ENDED_NOT_YET);
  } while (report.dropped_muted_frames < 800 && failures == 0);
  CHECK(report.dropped_paused_frames == 1600 && report.rate_hz == 16000 && report.channels == 1);
  EXPECT(OSSICLE_OK, ossicle_engine_network_changed(engine));
  EXPECT(OSSICLE_OK, ossicle_session_mute(session, 0));
  EXPECT(OSSICLE_OK, ossicle_session_finish(session));
  while (!over && ossicle_engine_poll(engine, &event, 20000) == OSSICLE_OK) {
    if (event.kind == OSSICLE_EVENT_LOG) lines++;
    if (event.kind == OSSICLE_EVENT_CLOSED) {
      over = 1;
      last = *event.report;
    }
  }
  CHECK(over && lines >= 3);
  CHECK(last.ended == OSSICLE_ENDED_FINISHED && last.captured_frames == 16000 + 1600 + 800 && balances(&last));
  CHECK(last.dropped_frames == 1600 + 800 && last.transcribed_ns == 800000000);
  EXPECT(OSSICLE_OK, ossicle_session_get_report(session, &report));
  CHECK(memcmp(&report, &last, sizeof last) == 0);

  report.struct_size = 8;
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_get_report(session, &report));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_get_report(session, NULL));
  report.struct_size = sizeof report;
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_get_report(NULL, &report));
  ossicle_session_destroy(session);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_get_report(session, &report));
  ossicle_engine_destroy(engine);
}

/* An engine to an address where nobody listens: keys are asked for, also while the old ones still serve. */
static void keys(void) {
  ossicle_engine_config config;
  ossicle_session_config sc;
  ossicle_engine *engine = NULL;
  ossicle_session *session = NULL;
  ossicle_event event;
  int round;
  event.struct_size = sizeof event;
  for (round = 0; round < 2; round++) {
    ossicle_engine_config_init(&config, sizeof config);
    config.region = "us-east-1";
    config.endpoint = "http://127.0.0.1:9";
    EXPECT(OSSICLE_OK, ossicle_engine_create(&config, &engine, NULL));
    /* Far enough to be good, near enough to be asked about: the margin is five minutes. The clock is the system's, and 0
     * would mean that they never expire. */
    if (round == 1) {
      EXPECT(OSSICLE_OK, ossicle_engine_set_keys(engine, "AKIDEXAMPLE", "secret", "token", 1));
    }
    ossicle_session_config_init(&sc, sizeof sc);
    sc.domain_id = "hai-abcdefghijklmnopq";
    sc.subscription_id = "sub-abcdefghijKLMNOPQRSTU";
    sc.output_s3_uri = "s3://bucket/out/";
    EXPECT(OSSICLE_OK, ossicle_session_create(engine, &sc, &session, NULL));
    CHECK(until(engine, OSSICLE_EVENT_KEYS_EXPIRING, &event));
    CHECK(event.session_id == 0 && event.duration_ms == 0 && event.message_bytes > 0);
    EXPECT(OSSICLE_OK, ossicle_engine_set_keys(engine, "AKIDEXAMPLE", "secret", "", 0));
    /* With keys it goes on to where nobody listens. */
    CHECK(until(engine, OSSICLE_EVENT_RECOVERING, &event));
    CHECK(event.status == OSSICLE_UNREACHABLE && ossicle_status_retryable(event.status) == 1);
    ossicle_session_destroy(session);
    ossicle_engine_destroy(engine);
  }
}

static void texts(void) {
  char out[64];
  size_t needed = 0;
  uint32_t changes = 0;
  EXPECT(OSSICLE_OK, ossicle_context_sanitise("38 \xc2\xb0"
                                              "C",
                                              6, out, sizeof out, &needed, &changes));
  CHECK(strcmp(out, "38 degrees C") == 0 && needed == sizeof "38 degrees C" && changes == 1);
  CHECK(strchr(ossicle_version(), '.') != NULL);
  CHECK(strcmp(ossicle_status_name(OSSICLE_NOT_FOUND), "OSSICLE_NOT_FOUND") == 0);
}

int main(void) {
  formats();
  puts("formats");
  visit();
  puts("visit");
  keys();
  puts("keys");
  texts();
  printf("%d failures\n", failures);
  return failures > 99 ? 99 : failures;
}
