/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the reader of HTTP requests, in pieces of any length. */

#include "fuzz.h"

#include "system/http-request.h"

/* First byte: the length of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t piece = fuzz_take_byte(&data, &len) + 1u;
    HttpStatus status = HTTP_STATUS_NONE;
    HttpRequest request = { 0 };

    while (len > 0 && status == HTTP_STATUS_NONE) {
        size_t n = MIN(piece, len);

        status = http_request_push(&request, data, n);
        g_assert_cmpuint(request.head->len, <=, HTTP_HEAD_MAX);
        data += n;
        len -= n;
    }
    if (status == HTTP_STATUS_OK) {
        g_assert_true(request.path[0] == '/');
    } else if (status != HTTP_STATUS_NONE) {
        g_assert_nonnull(http_status_reason(status));
    }
    http_request_clear(&request);
    return 0;
}
