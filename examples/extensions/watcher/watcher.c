/*
 * An external extension in C: registers for INVOKE and SHUTDOWN, and prints each event as one line.
 *
 * The Extensions API over a plain socket, without a library. Settings: WATCHER_HOLD_MS, how long it works on an INVOKE
 * before it asks for the next event; WATCHER_EXIT, the exit code with which it ends on its first INVOKE.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define API "/2020-01-01/extension/"

static char answer[64 * 1024];

/* One request on a connection of its own. Leaves the answer, head and body, in `answer`; returns the body. */
static char *call(const char *method, const char *path, const char *header, const char *body) {
  char host[64], request[2048];
  snprintf(host, sizeof host, "%s", getenv("AWS_LAMBDA_RUNTIME_API"));
  char *port = strrchr(host, ':');
  if (!port) exit(2);
  *port++ = '\0';
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  inet_pton(AF_INET, host, &address.sin_addr);
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection, (struct sockaddr *)&address, sizeof address) != 0) exit(3);
  int size = snprintf(request, sizeof request,
                      "%s " API "%s HTTP/1.1\r\nHost: %s\r\n%s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                      method, path, host, header, strlen(body), body);
  if (write(connection, request, size) != size) exit(4);
  size_t received = 0;
  for (ssize_t count; received < sizeof answer - 1; received += count) {
    count = read(connection, answer + received, sizeof answer - 1 - received);
    if (count <= 0) break;
  }
  close(connection);
  answer[received] = '\0';
  char *end = strstr(answer, "\r\n\r\n");
  if (!end || strncmp(answer, "HTTP/1.1 200", 12) != 0) {
    printf("watcher: refused: %s\n", end ? end + 4 : answer);
    exit(5);
  }
  return end + 4;
}

static void hold(const char *milliseconds) {
  if (!milliseconds) return;
  long ms = atol(milliseconds);
  struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&pause, NULL);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  char *facts = call("POST", "register", "Lambda-Extension-Name: watcher\r\nLambda-Extension-Accept-Feature: accountId",
                     "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}");
  printf("watcher: registered %s\n", facts);
  char identity[128] = "Lambda-Extension-Identifier: ";
  for (char *line = answer; line && line < facts; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL) {
    if (strncasecmp(line, identity, 29) == 0) snprintf(identity + 29, 37, "%s", line + 29);
  }
  for (;;) {
    char *event = call("GET", "event/next", identity, "");
    printf("watcher: %s\n", event);
    if (strstr(event, "\"eventType\":\"SHUTDOWN\"")) return 0;
    if (getenv("WATCHER_EXIT")) return atoi(getenv("WATCHER_EXIT"));
    hold(getenv("WATCHER_HOLD_MS"));
  }
}
