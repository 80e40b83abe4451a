/* How long it takes from the start of a process until it may push: the process is started, makes an engine and a session,
 * and its first push is taken. Prints one line for each of RUNS processes: milliseconds.
 *
 *   start RUNS */
#define _POSIX_C_SOURCE 200809L
#include <ossicle.h>

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The process that is measured. Nobody answers at its endpoint: audio is held, as in an outage. */
static int child(void) {
  static const int16_t silence[160];
  ossicle_engine_config engine_config;
  ossicle_session_config session_config;
  ossicle_engine *engine = NULL;
  ossicle_session *session = NULL;
  ossicle_error error;
  uint32_t accepted = 0;
  long long ready;

  ossicle_engine_config_init(&engine_config, sizeof engine_config);
  engine_config.region = "us-east-1";
  engine_config.endpoint = "https://127.0.0.1:9";
  engine_config.proxy = "";
  if (ossicle_engine_create(&engine_config, &engine, &error) != OSSICLE_OK) {
    fprintf(stderr, "engine: %s\n", error.text);
    return 1;
  }
  if (ossicle_engine_set_keys(engine, "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL, 0) != OSSICLE_OK) return 1;
  ossicle_session_config_init(&session_config, sizeof session_config);
  session_config.domain_id = "hai-abcdefghijklmnopq";
  session_config.subscription_id = "sub-abcdefghijKLMNOPQRSTU";
  session_config.output_s3_uri = "s3://example-bucket/start/";
  if (ossicle_session_create(engine, &session_config, &session, &error) != OSSICLE_OK) {
    fprintf(stderr, "session: %s\n", error.text);
    return 1;
  }
  if (ossicle_session_push(session, silence, 160, 0, &accepted) != OSSICLE_OK || accepted != 160) return 1;
  ready = now_ns();
  if (write(STDOUT_FILENO, &ready, sizeof ready) != (ssize_t)sizeof ready) return 1;
  ossicle_session_destroy(session);
  ossicle_engine_destroy(engine);
  return 0;
}

static int measure(char *program) {
  char mode[] = "--child";
  char *arguments[] = {program, mode, NULL};
  posix_spawn_file_actions_t actions;
  int ends[2], status = 1;
  long long begin, ready = 0;
  pid_t pid;
  if (pipe(ends) != 0 || posix_spawn_file_actions_init(&actions) != 0) return 1;
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  begin = now_ns();
  if (posix_spawn(&pid, program, &actions, NULL, arguments, environ) != 0) return 1;
  close(ends[1]);
  if (read(ends[0], &ready, sizeof ready) != (ssize_t)sizeof ready) ready = 0;
  close(ends[0]);
  posix_spawn_file_actions_destroy(&actions);
  if (waitpid(pid, &status, 0) != pid || status != 0 || ready == 0) return 1;
  printf("%.3f\n", (double)(ready - begin) / 1e6);
  return 0;
}

int main(int argc, char **argv) {
  int runs, i;
  if (argc == 2 && strcmp(argv[1], "--child") == 0) return child();
  runs = argc == 2 ? atoi(argv[1]) : 0;
  if (runs < 1) {
    fprintf(stderr, "usage: start RUNS\n");
    return 2;
  }
  for (i = 0; i < runs; i++)
    if (measure(argv[0]) != 0) {
      fprintf(stderr, "the process that is measured failed\n");
      return 1;
    }
  return 0;
}
