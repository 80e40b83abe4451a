/* Everything that a caller can get wrong and that a check can find out, with its documented status. Runs on the
 * loopback engine. Prints each check that fails; exits with their number, 0 at best. */
#define _POSIX_C_SOURCE 200809L
#include <ossicle.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
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

ossicle_status ossicle_test_panic(ossicle_session *session, uint32_t place);

static ossicle_engine *engine_of(ossicle_wake wake, void *context) {
  ossicle_engine_config config;
  ossicle_engine *engine = NULL;
  ossicle_error error;
  ossicle_engine_config_init(&config, sizeof config);
  config.loopback = 1;
  config.wake = wake;
  config.wake_context = context;
  if (ossicle_engine_create(&config, &engine, &error) != OSSICLE_OK) {
    printf("no engine: %s\n", error.text);
    exit(100);
  }
  return engine;
}

static ossicle_session *session_of(ossicle_engine *engine) {
  ossicle_session_config config;
  ossicle_session *session = NULL;
  ossicle_session_config_init(&config, sizeof config);
  EXPECT(OSSICLE_OK, ossicle_session_create(engine, &config, &session, NULL));
  return session;
}

/* Polls until an event of a kind comes, and returns its status. */
static ossicle_status until(ossicle_engine *engine, uint32_t kind) {
  ossicle_event event;
  int tries;
  event.struct_size = sizeof event;
  for (tries = 0; tries < 1000; tries++) {
    ossicle_status status = ossicle_engine_poll(engine, &event, 10000);
    if (status != OSSICLE_OK) return status;
    if (event.kind == kind) return event.status;
  }
  return OSSICLE_EMPTY;
}

static void nulls(ossicle_engine *engine, ossicle_session *session) {
  ossicle_engine_config ec;
  ossicle_session_config sc;
  ossicle_session *made = NULL;
  ossicle_event event;
  ossicle_session_stats stats;
  int16_t frames[160] = {0};
  uint32_t accepted = 77;
  char uuid[37];
  size_t needed = 5;
  int32_t fd;
  ossicle_engine_config_init(NULL, sizeof ec);
  ossicle_session_config_init(NULL, sizeof sc);
  ossicle_engine_config_init(&ec, sizeof ec);
  ossicle_session_config_init(&sc, sizeof sc);
  ec.loopback = 1;
  event.struct_size = sizeof event;
  stats.struct_size = sizeof stats;
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_config_check(NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_config_check(NULL, 1, NULL));
  CHECK(ossicle_engine_memory_bytes(NULL) == 0 && ossicle_engine_memory_bytes(&ec) > 0);
  CHECK(ossicle_session_memory_bytes(NULL) == 0 && ossicle_session_memory_bytes(&sc) > 16000);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_create(NULL, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_create(&ec, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_set_keys(NULL, "a", "b", NULL, 0));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_set_keys(engine, NULL, "b", NULL, 0));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_set_keys(engine, "a", NULL, NULL, 0));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_set_keys(engine, "a", "b", NULL, -1));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_network_changed(NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_poll(NULL, &event, 0));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_poll(engine, NULL, 0));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_wake_fd(NULL, &fd));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_wake_fd(engine, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_call(NULL, "ListDomains", "{}", 2, 0, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_call(engine, NULL, "{}", 2, 0, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_call(engine, "ListDomains", NULL, 2, 0, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_call(engine, "NoSuchThing", "{}", 2, 0, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_call(engine, "GetDomain", "{}", 2, 0, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_call(engine, "GetDomain", "{", 1, 0, NULL, NULL));
  ossicle_engine_destroy(NULL);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_create(NULL, &sc, &made, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_create(engine, NULL, &made, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_create(engine, &sc, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push(NULL, frames, 160, 0, &accepted));
  CHECK(accepted == 0);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push(session, NULL, 160, 0, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_push(session, NULL, 0, 0, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_push(session, frames, 160, 0, &accepted));
  CHECK(accepted == 160);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push_tap(session, 1, frames, 160, 0, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push_tap(session, 2, frames, 160, 0, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push_tap(session, 0xffffffffu, frames, 160, 0, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push_channels(session, 0, NULL, 160, 0, NULL));
  {
    const void *channels[1] = {NULL};
    EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push_channels(session, 0, channels, 160, 0, NULL));
    channels[0] = (const char *)frames + 1;
    EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push_channels(session, 0, channels, 10, 0, NULL));
    channels[0] = frames;
    EXPECT(OSSICLE_OK, ossicle_session_push_channels(session, 0, channels, 160, 0, NULL));
  }
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_uuid(NULL, uuid));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_uuid(session, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_uuid(session, uuid));
  CHECK(strlen(uuid) == 36);
  CHECK(ossicle_session_number(NULL) == 0 && ossicle_session_number(session) != 0);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_pause(NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_resume(NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_mute(NULL, 1));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_mute(session, 2));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_finish(NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_abort(NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_get_stats(NULL, &stats));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_get_stats(session, NULL));
  ossicle_session_destroy(NULL);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_context_sanitise(NULL, 3, NULL, 0, &needed, NULL));
  CHECK(needed == 0);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_context_sanitise("\xff", 1, NULL, 0, NULL, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_context_sanitise("a", 1, NULL, 100, NULL, NULL));
  EXPECT(OSSICLE_LIMIT, ossicle_context_sanitise("abc", 3, uuid, 3, &needed, NULL));
  CHECK(needed == 4);
  CHECK(strcmp(ossicle_status_name(-1), "OSSICLE_UNKNOWN") == 0 && ossicle_status_retryable(12345) == 0);
}

static void sizes(ossicle_engine *engine, ossicle_session *session) {
  struct {
    ossicle_session_config known;
    uint64_t more;
  } larger;
  ossicle_engine_config ec;
  ossicle_event event;
  ossicle_session_stats stats;
  ossicle_error error;
  uint32_t wrong[] = {0, 1, 4, (uint32_t)sizeof ec - 1, 4097, 0xffffffffu};
  size_t i;
  memset(&event, 0, sizeof event);
  memset(&stats, 0, sizeof stats);
  for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    memset(&ec, 0xee, sizeof ec);
    if (wrong[i] != sizeof ec) ossicle_engine_config_init(&ec, wrong[i]);
    CHECK(ec.sessions_max == 0xeeeeeeeeu);
    ossicle_engine_config_init(&ec, sizeof ec);
    ec.struct_size = wrong[i];
    EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_config_check(&ec, &error));
    CHECK(strstr(error.text, "struct_size") != NULL);
    event.struct_size = wrong[i] > sizeof event && wrong[i] <= 4096 ? 0 : wrong[i];
    if (event.struct_size < 64) EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_poll(engine, &event, 0));
    stats.struct_size = wrong[i] > 4096 ? wrong[i] : 8;
    EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_get_stats(session, &stats));
  }
  memset(&larger, 0, sizeof larger);
  ossicle_session_config_init(&larger.known, sizeof larger);
  EXPECT(OSSICLE_OK, ossicle_session_config_check(&larger.known, 1, NULL));
  larger.more = 1;
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_config_check(&larger.known, 1, &error));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_config_check((ossicle_session_config *)((char *)&larger + 1), 1, NULL));
}

static void ranges(ossicle_engine *engine) {
  ossicle_session_config sc;
  ossicle_session *made = NULL;
  ossicle_error error;
#define REFUSED(set, word)                                                                       \
  ossicle_session_config_init(&sc, sizeof sc);                                                   \
  set;                                                                                           \
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_create(engine, &sc, &made, &error));              \
  CHECK(strstr(error.text, word) != NULL && made == NULL)
  REFUSED(sc.tap_count = 0, "tap_count");
  REFUSED(sc.tap_count = 3, "tap_count");
  REFUSED(sc.taps[0].rate_hz = 7999, "taps[0]");
  REFUSED(sc.taps[0].channels = 300, "taps[0]");
  REFUSED(sc.taps[0].sample = 9, "sample");
  REFUSED((sc.tap_count = 2, sc.taps[1].layout = 5), "layout");
  REFUSED(sc.ring_ms = 49, "ring_ms");
  REFUSED(sc.wire_rate_hz = 48001, "wire_rate_hz");
  REFUSED(sc.chunk_ms = 19, "chunk_ms");
  REFUSED(sc.channel_map = OSSICLE_CHANNELS_STEREO, "channel_map");
  REFUSED((sc.channel_map = OSSICLE_CHANNELS_PICK, sc.pick_first = 1), "channel_map");
  REFUSED(sc.keep_alive_ms = 15000, "keep_alive_ms");
  REFUSED(sc.reserved = 1, "reserved");
  REFUSED(sc.session_uuid = "not one", "sessionId");
  REFUSED(sc.domain_id = "x", "domainId");
  REFUSED(sc.subscription_id = "\xff", "subscription_id");
  REFUSED(sc.note_template = "NO_SUCH", "note_template");
  REFUSED(sc.output_s3_uri = "http://x", "outputS3Uri");
  REFUSED(sc.configuration = "{}", "configuration");
  REFUSED(sc.language = "xx", "languageCode");
}

/* Dead handles, handles of the wrong kind, handles that were made up. */
static void handles(ossicle_engine *engine) {
  int16_t frames[160] = {0};
  ossicle_session *first = session_of(engine), *second;
  ossicle_event event;
  event.struct_size = sizeof event;
  ossicle_session_destroy(first);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push(first, frames, 160, 0, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_finish(first));
  ossicle_session_destroy(first);
  second = session_of(engine);
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push(first, frames, 160, 0, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_push(second, frames, 160, 0, NULL));
  ossicle_session_destroy(first);
  EXPECT(OSSICLE_OK, ossicle_session_push(second, frames, 160, 0, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push((ossicle_session *)(void *)engine, frames, 160, 0, NULL));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_engine_poll((ossicle_engine *)(void *)second, &event, 0));
  EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_push((ossicle_session *)(void *)frames, frames, 160, 0, NULL));
  ossicle_engine_destroy((ossicle_engine *)(void *)second);
  EXPECT(OSSICLE_OK, ossicle_session_push(second, frames, 160, 0, NULL));
  ossicle_session_destroy(second);
}

typedef struct {
  ossicle_engine *engine;
  ossicle_session *session;
  atomic_int stop;
  atomic_int busy, ended, other;
} shared;

static void *push_on(void *context) {
  shared *all = (shared *)context;
  static const int16_t frames[16000] = {0};
  while (!atomic_load(&all->stop)) {
    switch (ossicle_session_push(all->session, frames, 160, 0, NULL)) {
      case OSSICLE_OK: case OSSICLE_FULL: break;
      case OSSICLE_BAD_STATE: atomic_fetch_add(&all->busy, 1); break;
      case OSSICLE_CLOSED: case OSSICLE_BAD_ARGUMENT: atomic_fetch_add(&all->ended, 1); break;
      default: atomic_fetch_add(&all->other, 1);
    }
  }
  return NULL;
}

static void *poll_on(void *context) {
  shared *all = (shared *)context;
  ossicle_event event;
  event.struct_size = sizeof event;
  for (;;) {
    ossicle_status status = ossicle_engine_poll(all->engine, &event, 60000);
    if (status == OSSICLE_CLOSED || status == OSSICLE_BAD_ARGUMENT) return NULL;
    if (status == OSSICLE_BAD_STATE) atomic_fetch_add(&all->busy, 1);
    else if (status != OSSICLE_OK && status != OSSICLE_EMPTY) atomic_fetch_add(&all->other, 1);
  }
}

/* Two pushers and a destroy from a third thread; two pollers and a destroy while they wait. */
static void threads(void) {
  pthread_t a, b;
  shared all;
  int round;
  memset(&all, 0, sizeof all);
  all.engine = engine_of(NULL, NULL);
  for (round = 0; round < 20; round++) {
    all.session = session_of(all.engine);
    atomic_store(&all.stop, 0);
    atomic_store(&all.ended, 0);
    pthread_create(&a, NULL, push_on, &all);
    pthread_create(&b, NULL, push_on, &all);
    if (round % 3 == 0) ossicle_session_finish(all.session);
    if (round % 3 == 1) ossicle_session_abort(all.session);
    ossicle_session_destroy(all.session);
    while (atomic_load(&all.ended) == 0) ossicle_session_number(all.session);
    atomic_store(&all.stop, 1);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
  }
  CHECK(atomic_load(&all.other) == 0);
  atomic_store(&all.busy, 0);
  pthread_create(&a, NULL, poll_on, &all);
  pthread_create(&b, NULL, poll_on, &all);
  while (atomic_load(&all.busy) == 0) ossicle_session_destroy(session_of(all.engine));
  ossicle_engine_destroy(all.engine);
  pthread_join(a, NULL);
  pthread_join(b, NULL);
  CHECK(atomic_load(&all.other) == 0);
}

/* Destroy in every state that a session can be in. */
static void states(void) {
  static const int16_t frames[1600] = {0};
  ossicle_engine *engine = engine_of(NULL, NULL);
  int state;
  for (state = 0; state < 7; state++) {
    ossicle_session *session = session_of(engine);
    EXPECT(OSSICLE_OK, ossicle_session_push(session, frames, 1600, 0, NULL));
    if (state > 0) EXPECT(OSSICLE_OK, until(engine, OSSICLE_EVENT_OPENED));
    if (state == 2) {
      EXPECT(OSSICLE_OK, ossicle_session_pause(session));
      EXPECT(OSSICLE_OK, until(engine, OSSICLE_EVENT_PAUSED));
      EXPECT(OSSICLE_OK, ossicle_session_resume(session));
      EXPECT(OSSICLE_OK, until(engine, OSSICLE_EVENT_RESUMED));
    }
    if (state == 3) EXPECT(OSSICLE_OK, ossicle_session_pause(session));
    if (state >= 4) {
      EXPECT(OSSICLE_OK, ossicle_session_finish(session));
      EXPECT(OSSICLE_CLOSED, ossicle_session_push(session, frames, 1600, 0, NULL));
    }
    if (state >= 5) {
      ossicle_session_stats stats;
      stats.struct_size = sizeof stats;
      EXPECT(OSSICLE_OK, until(engine, OSSICLE_EVENT_CLOSED));
      EXPECT(OSSICLE_CLOSED, ossicle_session_push(session, frames, 1600, 0, NULL));
      EXPECT(OSSICLE_CLOSED, ossicle_session_get_stats(session, &stats));
    }
    if (state == 6) EXPECT(OSSICLE_OK, ossicle_session_finish(session));
    ossicle_session_destroy(session);
  }
  {
    /* The engine first: its session's handle then answers CLOSED. */
    ossicle_session *left = session_of(engine);
    ossicle_engine_destroy(engine);
    EXPECT(OSSICLE_CLOSED, ossicle_session_push(left, frames, 1600, 0, NULL));
    EXPECT(OSSICLE_CLOSED, ossicle_session_finish(left));
    ossicle_session_destroy(left);
    EXPECT(OSSICLE_BAD_ARGUMENT, ossicle_session_finish(left));
  }
}

static void on_wake(void *context) { atomic_fetch_add((atomic_int *)context, 1); }

/* The two wake-ups: a callback that counts, and a descriptor. */
static void wake_ups(void) {
  atomic_int woken = 0;
  ossicle_engine *engine = engine_of(on_wake, &woken);
  ossicle_session *session;
  ossicle_event event;
  struct pollfd waiting;
  int32_t fd = -1;
  event.struct_size = sizeof event;
  EXPECT(OSSICLE_OK, ossicle_engine_wake_fd(engine, &fd));
  while (ossicle_engine_poll(engine, &event, 0) == OSSICLE_OK) {}
  waiting.fd = fd;
  waiting.events = POLLIN;
  CHECK(poll(&waiting, 1, 0) == 0);
  session = session_of(engine);
  CHECK(poll(&waiting, 1, 10000) == 1);
  CHECK(atomic_load(&woken) > 0);
  CHECK(ossicle_engine_poll(engine, &event, 0) == OSSICLE_OK);
  while (ossicle_engine_poll(engine, &event, 0) == OSSICLE_OK) {}
  CHECK(poll(&waiting, 1, 0) == 0);
  ossicle_session_destroy(session);
  ossicle_engine_destroy(engine);
}

/* Control plane: an answer, an error of the service, and typed status for both. */
static void calls(void) {
  static const char make[] = "{\"name\":\"Clinic\"}";
  static const char none[] = "{\"domainId\":\"hai-doesnotexist00000\"}";
  ossicle_engine *engine = engine_of(NULL, NULL);
  ossicle_event event;
  uint64_t first = 0, second = 0;
  int answered;
  event.struct_size = sizeof event;
  EXPECT(OSSICLE_OK, ossicle_engine_call(engine, "CreateDomain", make, sizeof make - 1, 41, &first, NULL));
  EXPECT(OSSICLE_OK, ossicle_engine_call(engine, "GetDomain", none, sizeof none - 1, 42, &second, NULL));
  CHECK(first != 0 && second != 0 && first != second);
  for (answered = 0; answered < 2;) {
    if (ossicle_engine_poll(engine, &event, 30000) != OSSICLE_OK) {
      CHECK(!"an answer came");
      break;
    }
    if (event.kind != OSSICLE_EVENT_CALL) continue;
    answered++;
    if (event.session_id == first) {
      CHECK(event.user_data == 41 && event.status == OSSICLE_OK && strstr(event.json, "domainId") != NULL);
    } else {
      CHECK(event.session_id == second && event.user_data == 42 && event.status == OSSICLE_NOT_FOUND);
      CHECK(strstr(event.json, "ResourceNotFoundException") != NULL);
    }
  }
  ossicle_engine_destroy(engine);
}

static void panics(void) {
  static const int16_t frames[1600] = {0};
  ossicle_engine *engine = engine_of(NULL, NULL);
  ossicle_session *session = session_of(engine), *other = session_of(engine);
  EXPECT(OSSICLE_INTERNAL, ossicle_test_panic(session, 0));
  EXPECT(OSSICLE_INTERNAL, until(engine, OSSICLE_EVENT_CLOSED));
  EXPECT(OSSICLE_CLOSED, ossicle_session_push(session, frames, 1600, 0, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_push(other, frames, 1600, 0, NULL));
  EXPECT(OSSICLE_OK, ossicle_session_finish(other));
  EXPECT(OSSICLE_OK, until(engine, OSSICLE_EVENT_CLOSED));
  ossicle_session_destroy(session);
  ossicle_session_destroy(other);

  /* On the engine's own thread: both of its sessions end with INTERNAL, another engine goes on. */
  {
    ossicle_engine *apart = engine_of(NULL, NULL);
    ossicle_session *bystander = session_of(apart);
    ossicle_session_stats stats;
    stats.struct_size = sizeof stats;
    session = session_of(engine);
    other = session_of(engine);
    EXPECT(OSSICLE_OK, ossicle_test_panic(session, 1));
    EXPECT(OSSICLE_INTERNAL, until(engine, OSSICLE_EVENT_CLOSED));
    EXPECT(OSSICLE_INTERNAL, until(engine, OSSICLE_EVENT_CLOSED));
    EXPECT(OSSICLE_CLOSED, ossicle_session_push(session, frames, 1600, 0, NULL));
    EXPECT(OSSICLE_CLOSED, ossicle_session_get_stats(other, &stats));
    ossicle_session_destroy(session);
    ossicle_session_destroy(other);
    EXPECT(OSSICLE_OK, ossicle_session_push(bystander, frames, 1600, 0, NULL));
    EXPECT(OSSICLE_OK, ossicle_session_finish(bystander));
    EXPECT(OSSICLE_OK, until(apart, OSSICLE_EVENT_CLOSED));
    ossicle_session_destroy(bystander);
    ossicle_engine_destroy(apart);
  }
  ossicle_engine_destroy(engine);
}

static long resident_kb(void) {
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
  fclose(file);
  return resident * 4;
}

/* An engine whose endpoint refuses connections. */
static ossicle_engine *engine_to_nowhere(void) {
  ossicle_engine_config config;
  ossicle_engine *engine = NULL;
  ossicle_engine_config_init(&config, sizeof config);
  config.region = "us-east-1";
  config.endpoint = "http://127.0.0.1:9";
  EXPECT(OSSICLE_OK, ossicle_engine_create(&config, &engine, NULL));
  EXPECT(OSSICLE_OK, ossicle_engine_set_keys(engine, "AKIDEXAMPLE", "secret", NULL, 0));
  return engine;
}

/*
 * Creates and destroys, `OSSICLE_CYCLES` times. Against the emulator in this process connections are cut at every stage,
 * and no write to one may end the program by SIGPIPE. Memory is judged with an engine alone, since the emulator keeps a
 * record of each session that has reached it.
 */
static void cycles(void) {
  const char *asked = getenv("OSSICLE_CYCLES");
  int count = asked != NULL ? atoi(asked) : 200, done;
  long after_tenth = 0, end;
  ossicle_engine *engine = engine_of(NULL, NULL);
  ossicle_event event;
  event.struct_size = sizeof event;
  for (done = 0; done < count; done++) {
    ossicle_session_destroy(session_of(engine));
    while (ossicle_engine_poll(engine, &event, 0) == OSSICLE_OK) {}
  }
  ossicle_engine_destroy(engine);
  engine = engine_to_nowhere();
  for (done = 0; done < count; done++) {
    ossicle_session_config config;
    ossicle_session *session = NULL;
    ossicle_session_config_init(&config, sizeof config);
    config.domain_id = "hai-abcdefghijklmnopq";
    config.subscription_id = "sub-abcdefghijKLMNOPQRSTU";
    config.output_s3_uri = "s3://bucket/out/";
    EXPECT(OSSICLE_OK, ossicle_session_create(engine, &config, &session, NULL));
    ossicle_session_destroy(session);
    while (ossicle_engine_poll(engine, &event, 0) == OSSICLE_OK) {}
    if (done == count / 10) after_tenth = resident_kb();
  }
  end = resident_kb();
  ossicle_engine_destroy(engine);
  printf("%d sessions: %ld kB after a tenth, %ld kB at the end\n", count, after_tenth, end);
  if (asked != NULL) CHECK(end - after_tenth < 4096);
  for (done = 0; done < count / 50; done++) ossicle_engine_destroy(engine_of(NULL, NULL));
  printf("%d engines: %ld kB\n", count / 50, resident_kb());
}

int main(void) {
  ossicle_engine *engine = engine_of(NULL, NULL);
  ossicle_session *session = session_of(engine);
  CHECK(ossicle_abi() == OSSICLE_ABI);
  CHECK((ossicle_features() & OSSICLE_FEATURE_LOOPBACK) != 0);
  nulls(engine, session);
  sizes(engine, session);
  ranges(engine);
  handles(engine);
  ossicle_session_destroy(session);
  ossicle_engine_destroy(engine);
  puts("arguments");
  states();
  puts("states");
  threads();
  puts("threads");
  wake_ups();
  puts("wake-ups");
  calls();
  puts("calls");
  panics();
  puts("panics");
  cycles();
  printf("%d failures\n", failures);
  return failures > 99 ? 99 : failures;
}
