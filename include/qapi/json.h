/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON text to json-c values and back, with the rules and messages of QMP. */

#ifndef QAPI_JSON_H
#define QAPI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include <json-c/json.h>

/** Cuts a byte stream into JSON values (RFC 8259), as monitors read them. */
typedef struct JsonStream JsonStream;

/**
 * Gets each complete value or each error, in order.
 * @value: taken by the callee, valid when @error is NULL (NULL then is JSON null)
 * @error: taken by the callee, or NULL
 */
typedef void JsonStreamFunc(json_object *value, GError *error, void *opaque);

/** json_stream_new: @func is called for each value, with @opaque. Returns: owned. */
JsonStream *json_stream_new(JsonStreamFunc *func, void *opaque);

/** json_stream_free: NULL is legal, also inside its own callback. */
void json_stream_free(JsonStream *stream);

/** json_stream_feed: any split of the bytes gives the same calls of the function. */
void json_stream_feed(JsonStream *stream, const char *data, size_t len);

/** json_stream_is_idle: whether the bytes so far end behind a value, not inside one. */
bool json_stream_is_idle(const JsonStream *stream);

/**
 * json_stream_set_room: limit what the values of one message may take in memory
 * @room: bytes, by an estimate of the needs of json-c; 0 = no limit but those of QMP
 *
 * A message that needs more ends with the error "JSON token size limit exceeded".
 */
void json_stream_set_room(JsonStream *stream, size_t room);

/** json_stream_end: no more bytes; an unfinished value is "premature EOI". */
void json_stream_end(JsonStream *stream);

/** json_parse_text: exactly one value. Returns: true and *@value (owned), or false with @error. */
bool json_parse_text(const char *text, json_object **value, GError **error);

/** json_format: append @value as QMP writes it; @pretty: 4 blanks per level. */
void json_format(GString *out, json_object *value, bool pretty);

#endif
