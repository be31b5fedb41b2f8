/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the head of one HTTP/1 request. */

#ifndef SYSTEM_HTTP_REQUEST_H
#define SYSTEM_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/** The most bytes that a request line and its header fields may have together. */
#define HTTP_HEAD_MAX 8192u

/** What to answer, as far as the head of the request decides it. */
typedef enum HttpStatus {
    HTTP_STATUS_NONE = 0, /* the head is not there yet */
    HTTP_STATUS_OK = 200,
    HTTP_STATUS_BAD_REQUEST = 400,
    HTTP_STATUS_NOT_FOUND = 404,
    HTTP_STATUS_METHOD_NOT_ALLOWED = 405,
    HTTP_STATUS_REQUEST_TIMEOUT = 408,
    HTTP_STATUS_HEAD_TOO_LARGE = 431,
    HTTP_STATUS_VERSION_NOT_SUPPORTED = 505,
} HttpStatus;

/** A request that is being read; embedded, zeroed = nothing has come. */
typedef struct HttpRequest {
    GString *head;  /* owned; what has come so far; at most HTTP_HEAD_MAX bytes */
    char *path;     /* owned; of the target, without the query; NULL until the status is OK */
    bool is_head;   /* the method is HEAD: no content is wanted */
} HttpRequest;

/**
 * http_request_push: more bytes have come
 *
 * What follows the head is ignored: a request with content is a bad one.
 * Source: RFC 9112, 2.2 to 5, without line folding; methods GET and HEAD.
 * Returns: NONE until the head is complete; OK = @path and @is_head tell what is wanted; else
 *     what is wrong. Nothing is to be pushed after that.
 */
HttpStatus http_request_push(HttpRequest *request, const uint8_t *data, size_t len);

/** http_request_clear: as if nothing had come. */
void http_request_clear(HttpRequest *request);

/** http_status_reason: "Not Found"; borrowed. */
const char *http_status_reason(HttpStatus status);

#endif
