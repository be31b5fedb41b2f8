/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QMP commands on character devices. */

#include "chardev/char-internal.h"

#include <string.h>

#include "qapi/qapi-commands.h"
#include "util/error.h"

static void char_qmp_count(Chardev *chr, void *opaque)
{
    (*(size_t *)opaque)++;
}

static void char_qmp_describe(Chardev *chr, void *opaque)
{
    ChardevInfoList *list = opaque;
    ChardevInfo *info = &list->items[list->len++];

    info->label = g_strdup(chr->id);
    info->filename = char_filename(chr);
    info->frontend_open = char_in_use(chr);
}

ChardevInfoList *qmp_query_chardev(GError **error)
{
    ChardevInfoList *list = g_new0(ChardevInfoList, 1);
    size_t n_chardevs = 0;

    char_foreach(char_qmp_count, &n_chardevs);
    list->items = g_new0(ChardevInfo, n_chardevs);
    char_foreach(char_qmp_describe, list);
    return list;
}

ChardevBackendInfoList *qmp_query_chardev_backends(GError **error)
{
    const QapiType *type = QAPI_TYPE(ChardevBackendKind);
    ChardevBackendInfoList *list = g_new0(ChardevBackendInfoList, 1);

    list->len = type->n_values;
    list->items = g_new0(ChardevBackendInfo, type->n_values);
    for (size_t i = 0; i < type->n_values; i++) {
        list->items[i].name = g_strdup(type->values[i].name);
    }
    return list;
}

static ChardevReturn *char_qmp_return(const Chardev *chr)
{
    ChardevReturn *ret = g_new0(ChardevReturn, 1);

    if (chr->class->pty_path) {
        ret->pty = g_strdup(chr->class->pty_path(chr));
    }
    return ret;
}

ChardevReturn *qmp_chardev_add(const ChardevAddArgs *args, GError **error)
{
    Chardev *chr;

    if (char_find(args->id)) {
        error_set(error, "Chardev with id '%s' already exists", args->id);
        return NULL;
    }
    chr = char_new(args->id, args->backend, error);
    if (!chr) {
        g_prefix_error(error, "Failed to add chardev '%s': ", args->id);
        return NULL;
    }
    return char_qmp_return(chr);
}

ChardevReturn *qmp_chardev_change(const ChardevChangeArgs *args, GError **error)
{
    Chardev *chr;

    if (!char_check_change(args->id, error)) {
        return NULL;
    }
    chr = char_change(char_find(args->id), args->backend, error);
    if (!chr) {
        g_prefix_error(error, "Failed to add chardev '%s': ", args->id);
        return NULL;
    }
    return char_qmp_return(chr);
}

bool qmp_chardev_remove(const ChardevRemoveArgs *args, GError **error)
{
    Chardev *chr = char_find(args->id);

    if (!chr) {
        return error_set(error, "Chardev '%s' not found", args->id);
    }
    char_ask_to_yield(chr);
    if (char_in_use(chr)) {
        return error_set(error, "Chardev '%s' is busy", args->id);
    }
    char_remove(chr);
    return true;
}

bool qmp_chardev_send_break(const ChardevSendBreakArgs *args, GError **error)
{
    Chardev *chr = char_find(args->id);

    if (!chr) {
        return error_set(error, "Chardev '%s' not found", args->id);
    }
    if (chr->class->send_break) {
        chr->class->send_break(chr);
    } else {
        char_deliver_event(chr, CHAR_EVENT_BREAK);
    }
    return true;
}

static Chardev *char_qmp_find_ringbuf(const char *id, GError **error)
{
    Chardev *chr = char_find(id);

    if (!chr) {
        error_set(error, "Device '%s' not found", id);
        return NULL;
    }
    if (!char_is_ringbuf(chr)) {
        error_set(error, "%s is not a ringbuf device", id);
        return NULL;
    }
    return chr;
}

/** Whether @text is base64 with its padding; GLib's decoder skips what it does not know. */
static bool char_qmp_is_base64(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789+/";
    size_t len = strlen(text);
    size_t n_digits = strspn(text, digits);

    return len % 4 == 0 && len - n_digits <= 2 && strspn(text + n_digits, "=") == len - n_digits;
}

bool qmp_ringbuf_write(const RingbufWriteArgs *args, GError **error)
{
    Chardev *chr = char_qmp_find_ringbuf(args->device, error);
    g_autofree uint8_t *decoded = NULL;
    struct iovec iov = { .iov_base = args->data, .iov_len = strlen(args->data) };

    if (!chr) {
        return false;
    }
    if (args->format == DATA_FORMAT_BASE64) {
        if (!char_qmp_is_base64(args->data)) {
            return error_set(error, "Base64 data contains invalid characters");
        }
        decoded = g_base64_decode(args->data, &iov.iov_len);
        iov.iov_base = decoded;
    }
    chr->class->writev(chr, NULL, &iov, 1);
    return true;
}

char *qmp_ringbuf_read(const RingbufReadArgs *args, GError **error)
{
    Chardev *chr = char_qmp_find_ringbuf(args->device, error);
    g_autoptr(GByteArray) bytes = NULL;

    if (!chr) {
        return NULL;
    }
    if (args->size <= 0) {
        error_set(error, "size must be greater than zero");
        return NULL;
    }
    bytes = char_ringbuf_read(chr, (size_t)args->size);
    if (args->format == DATA_FORMAT_BASE64) {
        return g_base64_encode(bytes->data, bytes->len);
    }
    if (bytes->len == 0) {
        return g_strdup("");
    }
    return g_utf8_make_valid((const char *)bytes->data,
                             (gssize)strnlen((const char *)bytes->data, bytes->len));
}
