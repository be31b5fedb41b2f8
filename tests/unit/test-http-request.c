/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of HTTP requests: what is taken, what is refused and why, in one piece and in many. */

#include <string.h>
#include <glib.h>

#include "cases.h"
#include "system/http-request.h"

typedef struct Request {
    const char *name;
    const char *text;
    HttpStatus status;
    const char *path;
    bool is_head;
} Request;

#define HOST "Host: h\r\n"

static const Request requests[] = {
    { "get", "GET /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_OK, "/metrics", false },
    { "head", "HEAD /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_OK, "/metrics", true },
    { "line-feeds", "GET / HTTP/1.1\nhost:h\n\n", HTTP_STATUS_OK, "/", false },
    { "query", "GET /metrics?name[]=x HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_OK, "/metrics",
      false },
    { "absolute", "GET HTTP://h:1/metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_OK, "/metrics",
      false },
    { "1.0", "GET /metrics HTTP/1.0\r\n\r\n", HTTP_STATUS_OK, "/metrics", false },
    { "empty-lines-first", "\r\n\r\nGET /a HTTP/1.0\r\n\r\n", HTTP_STATUS_OK, "/a", false },
    { "empty-content", "GET /a HTTP/1.0\r\nContent-Length: 0\r\n\r\n", HTTP_STATUS_OK, "/a",
      false },
    { "more-fields", "GET /a HTTP/1.1\r\n" HOST "Accept: x;q=0.5,*/*\r\nX-Y: \r\n\r\n",
      HTTP_STATUS_OK, "/a", false },
    { "begun", "GET /metrics HTTP/1.1\r\n" HOST, HTTP_STATUS_NONE, NULL, false },
    { "post", "POST /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_METHOD_NOT_ALLOWED, NULL,
      false },
    { "small-letters", "get /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_METHOD_NOT_ALLOWED,
      NULL, false },
    { "version-2", "GET / HTTP/2.0\r\n" HOST "\r\n", HTTP_STATUS_VERSION_NOT_SUPPORTED, NULL,
      false },
    { "no-version", "GET /\r\n\r\n", HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "two-blanks", "GET  / HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "no-path", "GET http://h HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "asterisk", "GET * HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "control", "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "no-host", "GET / HTTP/1.1\r\n\r\n", HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "two-hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "folded", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", HTTP_STATUS_BAD_REQUEST, NULL,
      false },
    { "no-colon", "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "blank-before-colon", "GET / HTTP/1.1\r\n" HOST "X : a\r\n\r\n", HTTP_STATUS_BAD_REQUEST,
      NULL, false },
    { "content", "GET / HTTP/1.1\r\n" HOST "content-length: 5\r\n\r\nabcde",
      HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "chunks", "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
      HTTP_STATUS_BAD_REQUEST, NULL, false },
    { "tls", "\x16\x03\x01\x02", HTTP_STATUS_NONE, NULL, false },
};

static void check(const Request *want, const HttpRequest *got, HttpStatus status)
{
    g_assert_cmpint(status, ==, want->status);
    if (status == HTTP_STATUS_OK) {
        g_assert_cmpstr(got->path, ==, want->path);
        g_assert_cmpint(got->is_head, ==, want->is_head);
    }
}

static void test_request(const void *data)
{
    const Request *want = data;
    HttpRequest whole = { 0 };
    HttpRequest cut = { 0 };
    HttpStatus status = HTTP_STATUS_NONE;

    check(want, &whole, http_request_push(&whole, (const uint8_t *)want->text,
                                          strlen(want->text)));
    http_request_clear(&whole);
    for (size_t i = 0; i < strlen(want->text) && status == HTTP_STATUS_NONE; i++) {
        status = http_request_push(&cut, (const uint8_t *)want->text + i, 1);
    }
    check(want, &cut, status);
    http_request_clear(&cut);
}

static void test_nul(void)
{
    HttpRequest request = { 0 };

    g_assert_cmpint(http_request_push(&request, (const uint8_t *)"GET /\0", 6), ==,
                    HTTP_STATUS_BAD_REQUEST);
    http_request_clear(&request);
}

/* However it comes, no more than HTTP_HEAD_MAX bytes are kept. */
static void check_too_large(size_t step)
{
    g_autofree uint8_t *data = g_malloc(step);
    HttpRequest request = { 0 };
    HttpStatus status;
    size_t n = 0;

    memset(data, 'x', step);
    do {
        status = http_request_push(&request, data, step);
        n += step;
        g_assert_cmpuint(request.head->len, <=, HTTP_HEAD_MAX);
    } while (status == HTTP_STATUS_NONE);
    g_assert_cmpint(status, ==, HTTP_STATUS_HEAD_TOO_LARGE);
    g_assert_cmpuint(n, >=, HTTP_HEAD_MAX);
    http_request_clear(&request);
}

static void test_too_large(void)
{
    check_too_large(1);
    check_too_large(1000);
    check_too_large(100000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/http-request/", requests, name, test_request);
    g_test_add_func("/http-request/nul", test_nul);
    g_test_add_func("/http-request/too-large", test_too_large);
    return g_test_run();
}
