/*
 * A Lambda function in C: its own runtime on provided.al2023, and a thumbnail by a box filter.
 *
 * The runtime is a loop over two HTTP requests on one connection (lambda docs, "Building a custom runtime"): GET
 * .../invocation/next waits for an event, POST .../response answers it, POST .../error says why not. The image is a
 * binary PPM, the simplest format there is, as base64 in JSON. The JSON reader knows just enough for this event.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIXELS_MAX = 4000000, HEAD_MAX = 65536, BODY_MAX = 6291456 + 100 };

typedef struct {
    char id[128];
    char *body; /* ends in a zero */
    size_t length;
} Event;

typedef struct {
    int width, height;
    unsigned char *pixels; /* RGB */
} Image;

static const char *api; /* host:port */
static int connection = -1;

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocate(size_t size) {
    void *memory = malloc(size);
    if (!memory) die("malloc");
    return memory;
}

/* ---- the Runtime API ---- */

static void connect_api(void) {
    char host[64];
    const char *colon = strrchr(api, ':');
    if (!colon || (size_t)(colon - api) >= sizeof host) {
        errno = EINVAL;
        die("AWS_LAMBDA_RUNTIME_API");
    }
    memcpy(host, api, (size_t)(colon - api));
    host[colon - api] = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(colon + 1))};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("address of the Runtime API");
    connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    /* Or the body would wait 40 ms for the acknowledgement of the head. */
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void send_all(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = write(connection, bytes, length);
        if (sent < 0 && errno != EINTR) die("write");
        if (sent > 0) bytes += sent, length -= (size_t)sent;
    }
}

static void header_value(const char *head, const char *name, char *value, size_t size) {
    value[0] = 0;
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        size_t length = strlen(name);
        if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
        line += length + 1;
        line += strspn(line, " ");
        size_t end = strcspn(line, "\r\n");
        if (end >= size) end = size - 1;
        memcpy(value, line, end);
        value[end] = 0;
        return;
    }
}

/* Reads one response. It has a Content-Length; nothing comes behind it before the next request. */
static Event read_response(void) {
    static char head[HEAD_MAX + 1];
    size_t length = 0;
    char *end = NULL;
    while (!end) {
        ssize_t count = read(connection, head + length, HEAD_MAX - length);
        if (count <= 0) die("the Runtime API is gone");
        length += (size_t)count;
        head[length] = 0;
        end = strstr(head, "\r\n\r\n");
    }
    size_t here = length - (size_t)(end + 4 - head);
    char number[32];
    Event event;
    header_value(head, "content-length", number, sizeof number);
    header_value(head, "lambda-runtime-aws-request-id", event.id, sizeof event.id);
    event.length = strtoul(number, NULL, 10);
    if (event.length > BODY_MAX || here > event.length) {
        errno = EMSGSIZE;
        die("response of the Runtime API");
    }
    event.body = allocate(event.length + 1);
    memcpy(event.body, end + 4, here);
    while (here < event.length) {
        ssize_t count = read(connection, event.body + here, event.length - here);
        if (count <= 0) die("the Runtime API is gone");
        here += (size_t)count;
    }
    event.body[event.length] = 0;
    return event;
}

static Event next_event(void) {
    char request[256];
    int length = snprintf(request, sizeof request,
                          "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", api);
    send_all(request, (size_t)length);
    return read_response();
}

static void answer(const char *id, const char *kind, const char *json) {
    char head[512];
    int length = snprintf(head, sizeof head,
                          "POST /2018-06-01/runtime/invocation/%s/%s HTTP/1.1\r\nHost: %s\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                          id, kind, api, strlen(json));
    send_all(head, (size_t)length);
    send_all(json, strlen(json));
    free(read_response().body);
}

static void answer_error(const char *id, const char *message) {
    char json[256];
    snprintf(json, sizeof json, "{\"errorType\":\"Function.BadEvent\",\"errorMessage\":\"%s\",\"stackTrace\":[]}",
             message);
    printf("error: %s\n", message);
    answer(id, "error", json);
}

/* ---- the function ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of "name" in a flat JSON object: where it begins. */
static const char *member(const char *json, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *at = strstr(json, key);
    if (!at) return NULL;
    at += strlen(key);
    at += strspn(at, " \t\r\n");
    if (*at++ != ':') return NULL;
    return at + strspn(at, " \t\r\n");
}

/* Decodes up to the closing quote; returns NULL if it is no base64. */
static unsigned char *from_base64(const char *text, size_t *size) {
    unsigned char *bytes = allocate(strlen(text) / 4 * 3 + 3);
    unsigned value = 0;
    int bits = 0;
    *size = 0;
    for (; *text && *text != '"' && *text != '='; text++) {
        const char *found = strchr(alphabet, *text);
        if (!found) {
            free(bytes);
            return NULL;
        }
        value = (value << 6 | (unsigned)(found - alphabet)) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[(*size)++] = (unsigned char)(value >> bits);
        }
    }
    return bytes;
}

static char *to_base64(const unsigned char *bytes, size_t size) {
    char *text = allocate((size + 2) / 3 * 4 + 1), *out = text;
    for (size_t i = 0; i < size; i += 3) {
        unsigned value = (unsigned)bytes[i] << 16;
        if (i + 1 < size) value |= (unsigned)bytes[i + 1] << 8;
        if (i + 2 < size) value |= bytes[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) *out++ = alphabet[value >> shift & 63];
        if (i + 2 >= size) out[-1] = '=';
        if (i + 1 >= size) out[-2] = '=';
    }
    *out = 0;
    return text;
}

/* Returns what is wrong, or NULL. The pixels point into the bytes. */
static const char *read_ppm(unsigned char *bytes, size_t size, Image *image) {
    int depth = 0, offset = 0;
    char head[64] = {0};
    memcpy(head, bytes, size < sizeof head - 1 ? size : sizeof head - 1);
    if (sscanf(head, "P6 %d %d %d%n", &image->width, &image->height, &depth, &offset) != 3) return "not a PPM (P6)";
    if (depth != 255) return "only PPMs with 8 bits a channel";
    if (image->width < 1 || image->height < 1 || image->width > PIXELS_MAX / image->height) return "bad size";
    size_t begin = (size_t)offset + 1; /* one white space */
    if (size < begin + 3 * (size_t)image->width * (size_t)image->height) return "the PPM is cut off";
    image->pixels = bytes + begin;
    return NULL;
}

/* Each pixel is the mean of those it stands for. */
static Image shrink(const Image *from, int width) {
    Image to = {.width = width, .height = (int)((long)from->height * width / from->width)};
    if (to.height < 1) to.height = 1;
    to.pixels = allocate(3 * (size_t)to.width * (size_t)to.height);
    for (int y = 0; y < to.height; y++) {
        int top = (int)((long)y * from->height / to.height), bottom = (int)((long)(y + 1) * from->height / to.height);
        for (int x = 0; x < to.width; x++) {
            int left = (int)((long)x * from->width / to.width), right = (int)((long)(x + 1) * from->width / to.width);
            unsigned long sum[3] = {0, 0, 0};
            for (int v = top; v < bottom; v++)
                for (int u = left; u < right; u++)
                    for (int c = 0; c < 3; c++) sum[c] += from->pixels[3 * ((long)v * from->width + u) + c];
            unsigned long count = (unsigned long)(bottom - top) * (unsigned long)(right - left);
            for (int c = 0; c < 3; c++) to.pixels[3 * ((long)y * to.width + x) + c] = (unsigned char)(sum[c] / count);
        }
    }
    return to;
}

static char *render(const Image *image, const Image *original) {
    size_t size = 3 * (size_t)image->width * (size_t)image->height;
    unsigned char *ppm = allocate(size + 64);
    int head = sprintf((char *)ppm, "P6\n%d %d\n255\n", image->width, image->height);
    memcpy(ppm + head, image->pixels, size);
    char *text = to_base64(ppm, size + (size_t)head);
    free(ppm);
    char *json = allocate(strlen(text) + 256);
    sprintf(json,
            "{\"image\":\"%s\",\"format\":\"ppm\",\"width\":%d,\"height\":%d,"
            "\"original\":{\"format\":\"ppm\",\"width\":%d,\"height\":%d}}",
            text, image->width, image->height, original->width, original->height);
    free(text);
    return json;
}

/* {"image": base64 of a PPM, "width": pixels} -> the same, smaller. */
static void handle(const Event *event) {
    const char *text = member(event->body, "image"), *number = member(event->body, "width");
    size_t size;
    unsigned char *bytes = text && *text == '"' ? from_base64(text + 1, &size) : NULL;
    if (!bytes) {
        answer_error(event->id, "image: base64, please");
        return;
    }
    Image original;
    const char *wrong = read_ppm(bytes, size, &original);
    if (wrong) {
        answer_error(event->id, wrong);
    } else {
        int width = number ? atoi(number) : 40;
        if (width < 1 || width > original.width) width = original.width;
        Image small = shrink(&original, width);
        char *json = render(&small, &original);
        printf("ppm %dx%d -> ppm %dx%d\n", original.width, original.height, small.width, small.height);
        answer(event->id, "response", json);
        free(json);
        free(small.pixels);
    }
    free(bytes);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* each line is one log event, at once */
    api = getenv("AWS_LAMBDA_RUNTIME_API");
    if (!api) die("AWS_LAMBDA_RUNTIME_API");
    connect_api();
    for (;;) {
        Event event = next_event();
        handle(&event);
        free(event.body);
    }
}
