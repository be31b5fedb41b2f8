/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the head of one HTTP/1 request. */

/*
 * Only what a scraper of metrics sends is understood. Everything else is refused rather than
 * guessed: two readers of one request that guess differently can be played off against each other.
 */

#include "system/http-request.h"

#include <string.h>

/** What the header fields say that matters here. */
typedef struct HttpFields {
    unsigned n_host;
    bool has_content;
} HttpFields;

static const struct {
    HttpStatus status;
    const char *reason;
} http_reasons[] = {
    { HTTP_STATUS_OK, "OK" },
    { HTTP_STATUS_BAD_REQUEST, "Bad Request" },
    { HTTP_STATUS_NOT_FOUND, "Not Found" },
    { HTTP_STATUS_METHOD_NOT_ALLOWED, "Method Not Allowed" },
    { HTTP_STATUS_REQUEST_TIMEOUT, "Request Timeout" },
    { HTTP_STATUS_HEAD_TOO_LARGE, "Request Header Fields Too Large" },
    { HTTP_STATUS_VERSION_NOT_SUPPORTED, "HTTP Version Not Supported" },
};

const char *http_status_reason(HttpStatus status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(http_reasons); i++) {
        if (http_reasons[i].status == status) {
            return http_reasons[i].reason;
        }
    }
    g_assert_not_reached();
}

void http_request_clear(HttpRequest *request)
{
    if (request->head) {
        g_string_free(request->head, TRUE);
    }
    g_free(request->path);
    *request = (HttpRequest) { .head = NULL };
}

/* RFC 9110, 5.6.2: what names of methods and fields are made of. */
static bool http_is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isalnum(text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i])) {
            return false;
        }
    }
    return len > 0;
}

static bool http_is_visible(const char *text)
{
    for (; *text; text++) {
        if (!g_ascii_isgraph(*text)) {
            return false;
        }
    }
    return true;
}

/* The path of a target, "/metrics?x" or "http://host/metrics". Owned; NULL = it has none. */
static char *http_target_path(const char *target)
{
    const char *path = target;

    if (g_ascii_strncasecmp(target, "http://", 7) == 0) {
        path = strchr(target + 7, '/');
    }
    if (!path || *path != '/') {
        return NULL;
    }
    return g_strndup(path, strcspn(path, "?#"));
}

static HttpStatus http_parse_line(HttpRequest *request, const char *line, bool *is_1_0)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    const char *version = words[0] && words[1] ? words[2] : NULL;

    if (!version || words[3] || !http_is_token(words[0], strlen(words[0])) || !*words[1] ||
        !http_is_visible(words[1]) || !g_str_has_prefix(version, "HTTP/")) {
        return HTTP_STATUS_BAD_REQUEST;
    }
    *is_1_0 = strcmp(version, "HTTP/1.0") == 0;
    if (!*is_1_0 && strcmp(version, "HTTP/1.1") != 0) {
        return HTTP_STATUS_VERSION_NOT_SUPPORTED;
    }
    request->is_head = strcmp(words[0], "HEAD") == 0;
    if (!request->is_head && strcmp(words[0], "GET") != 0) {
        return HTTP_STATUS_METHOD_NOT_ALLOWED;
    }
    request->path = http_target_path(words[1]);
    return request->path ? HTTP_STATUS_OK : HTTP_STATUS_BAD_REQUEST;
}

static bool http_parse_field(const char *line, HttpFields *fields)
{
    const char *colon = strchr(line, ':');
    size_t len = colon ? (size_t)(colon - line) : 0;
    g_autofree char *name = g_strndup(line, len);
    g_autofree char *value = colon ? g_strstrip(g_strdup(colon + 1)) : NULL;

    if (!http_is_token(line, len)) {
        return false;
    }
    fields->n_host += g_ascii_strcasecmp(name, "Host") == 0;
    fields->has_content |= g_ascii_strcasecmp(name, "Transfer-Encoding") == 0 ||
                           (g_ascii_strcasecmp(name, "Content-Length") == 0 &&
                            strcmp(value, "0") != 0);
    return true;
}

/* @lines: the head, cut at its line feeds */
static HttpStatus http_parse(HttpRequest *request, char **lines)
{
    HttpFields fields = { 0 };
    bool is_1_0 = false;
    HttpStatus status;

    for (char **line = lines; *line; line++) {
        g_strchomp(*line); /* the CR */
    }
    status = http_parse_line(request, lines[0], &is_1_0);
    for (char **line = lines + 1; status == HTTP_STATUS_OK && *line && **line; line++) {
        if (!http_parse_field(*line, &fields)) {
            status = HTTP_STATUS_BAD_REQUEST;
        }
    }
    if (status == HTTP_STATUS_OK &&
        (fields.has_content || fields.n_host > 1 || (fields.n_host == 0 && !is_1_0))) {
        status = HTTP_STATUS_BAD_REQUEST;
    }
    return status;
}

/* Where the head ends: behind the first empty line. 0 = it has not come. */
static size_t http_head_len(const GString *head)
{
    const char *at = head->str;

    while ((at = strchr(at, '\n'))) {
        at++;
        if (at[0] == '\n') {
            return (size_t)(at + 1 - head->str);
        }
        if (at[0] == '\r' && at[1] == '\n') {
            return (size_t)(at + 2 - head->str);
        }
    }
    return 0;
}

/* RFC 9112, 2.2: a client may send empty lines in front of a request. */
static void http_skip_empty_lines(GString *head)
{
    size_t n = strspn(head->str, "\r\n");

    g_string_erase(head, 0, (gssize)n);
}

HttpStatus http_request_push(HttpRequest *request, const uint8_t *data, size_t len)
{
    g_autofree char *head = NULL;
    g_auto(GStrv) lines = NULL;
    size_t room;
    size_t head_len;

    if (!request->head) {
        request->head = g_string_new(NULL);
    }
    if (memchr(data, '\0', len)) {
        return HTTP_STATUS_BAD_REQUEST;
    }
    room = HTTP_HEAD_MAX - request->head->len;
    g_string_append_len(request->head, (const char *)data, (gssize)MIN(len, room));
    http_skip_empty_lines(request->head);
    head_len = http_head_len(request->head);
    if (head_len == 0) {
        return request->head->len == HTTP_HEAD_MAX ? HTTP_STATUS_HEAD_TOO_LARGE : HTTP_STATUS_NONE;
    }
    head = g_strndup(request->head->str, head_len);
    lines = g_strsplit(head, "\n", -1);
    return http_parse(request, lines);
}
