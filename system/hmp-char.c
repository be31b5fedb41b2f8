/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: character devices. */

#include "system/hmp-internal.h"

#include <string.h>

#include "chardev/char.h"
#include "qapi/opts.h"
#include "qapi/qapi-commands.h"
#include "util/error.h"

void hmp_complete_chardev(const char *word, int arg_index, GPtrArray *candidates)
{
    g_autoptr(ChardevInfoList) list = arg_index == 0 ? qmp_query_chardev(NULL) : NULL;

    for (size_t i = 0; list && i < list->len; i++) {
        g_ptr_array_add(candidates, g_strdup(list->items[i].label));
    }
}

static void hmp_complete_backend(const char *word, int arg_index, GPtrArray *candidates)
{
    g_autoptr(ChardevBackendInfoList) list =
        arg_index == 0 ? qmp_query_chardev_backends(NULL) : NULL;

    for (size_t i = 0; list && i < list->len; i++) {
        g_ptr_array_add(candidates, g_strconcat(list->items[i].name, ",id=", NULL));
    }
}

static void hmp_complete_change(const char *word, int arg_index, GPtrArray *candidates)
{
    if (arg_index == 0) {
        hmp_complete_chardev(word, arg_index, candidates);
    } else {
        hmp_complete_backend(word, arg_index - 1, candidates);
    }
}

/* A key that does not exist has an error of its own. */
static void hmp_print_char_error(Hmp *hmp, GError *error)
{
    if (g_str_has_prefix(error->message, "Invalid parameter '")) {
        hmp_printf(hmp, "%s\nError: Parsing chardev args failed\n", error->message);
        g_error_free(error);
        return;
    }
    hmp_error(hmp, error);
}

static void hmp_print_redirect(Hmp *hmp, Chardev *chr)
{
    g_autofree char *text = char_redirect_text(chr);

    if (text) {
        hmp_printf(hmp, "%s\n", text);
    }
}

/* The text that a second chardev of one name gets here, other than on the command line. */
static bool hmp_char_is_new(const char *text, GError **error)
{
    g_autoptr(Opts) opts = opts_parse(text, "backend", true, NULL);

    if (opts && opts->id && char_find(opts->id)) {
        return error_set(error, "attempt to add duplicate property '%s' to object "
                         "(type 'container')", opts->id);
    }
    return true;
}

static void hmp_run_chardev_add(Hmp *hmp)
{
    const char *text = hmp_str(hmp, "args");
    g_autoptr(GError) error = NULL;
    g_autofree char *help = NULL;
    Chardev *chr = NULL;
    int status;

    help = char_help(text, &status);
    if (help) {
        hmp_printf(hmp, "%s", help);
        return;
    }
    if (hmp_char_is_new(text, &error)) {
        chr = char_new_from_opts(text, &error);
    }
    if (chr) {
        hmp_print_redirect(hmp, chr);
    } else {
        hmp_print_char_error(hmp, g_steal_pointer(&error));
    }
}

static void hmp_run_chardev_change(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;
    Chardev *chr = char_change_from_opts(hmp_str(hmp, "id"), hmp_str(hmp, "args"), &error);

    if (chr) {
        hmp_print_redirect(hmp, chr);
    } else {
        hmp_print_char_error(hmp, g_steal_pointer(&error));
    }
}

static void hmp_run_chardev_remove(Hmp *hmp)
{
    ChardevRemoveArgs args = { .id = (char *)hmp_str(hmp, "id") };
    g_autoptr(GError) error = NULL;

    qmp_chardev_remove(&args, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_chardev_send_break(Hmp *hmp)
{
    ChardevSendBreakArgs args = { .id = (char *)hmp_str(hmp, "id") };
    g_autoptr(GError) error = NULL;

    qmp_chardev_send_break(&args, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_ringbuf_write(Hmp *hmp)
{
    RingbufWriteArgs args = { .device = (char *)hmp_str(hmp, "device"),
                              .data = (char *)hmp_str(hmp, "data"),
                              .format = DATA_FORMAT_UTF8 };
    g_autoptr(GError) error = NULL;

    qmp_ringbuf_write(&args, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

/* Control characters and backslashes are spelled out, so that a terminal shows them. */
static void hmp_print_data(Hmp *hmp, const char *data)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (; *data; data++) {
        if (*data == '\\') {
            g_string_append(text, "\\\\");
        } else if ((g_ascii_iscntrl(*data) && *data != '\n')) {
            g_string_append_printf(text, "\\u%04X", (unsigned char)*data);
        } else {
            g_string_append_c(text, *data);
        }
    }
    hmp_printf(hmp, "%s\n", text->str);
}

static void hmp_run_ringbuf_read(Hmp *hmp)
{
    RingbufReadArgs args = { .device = (char *)hmp_str(hmp, "device"),
                             .size = hmp_int(hmp, "size"),
                             .format = DATA_FORMAT_UTF8 };
    g_autoptr(GError) error = NULL;
    g_autofree char *data = qmp_ringbuf_read(&args, &error);

    if (data) {
        hmp_print_data(hmp, data);
    } else {
        hmp_error(hmp, g_steal_pointer(&error));
    }
}

static void hmp_run_info_chardev(Hmp *hmp)
{
    g_autoptr(ChardevInfoList) list = qmp_query_chardev(NULL);

    for (size_t i = 0; i < list->len; i++) {
        hmp_printf(hmp, "%s: filename=%s\n", list->items[i].label, list->items[i].filename);
    }
}

static const HmpCommand hmp_char_commands[] = {
    { .name = "chardev-add", .args = "args:s", .params = "BACKEND,id=ID[,...]",
      .help = "add a character device", .run = hmp_run_chardev_add,
      .complete = hmp_complete_backend },
    { .name = "chardev-change", .args = "id:s,args:s", .params = "ID BACKEND[,...]",
      .help = "put another back end in place of character device ID",
      .run = hmp_run_chardev_change, .complete = hmp_complete_change },
    { .name = "chardev-remove", .args = "id:s", .params = "ID",
      .help = "remove a character device", .run = hmp_run_chardev_remove,
      .complete = hmp_complete_chardev },
    { .name = "chardev-send-break", .args = "id:s", .params = "ID",
      .help = "send a break on a character device", .run = hmp_run_chardev_send_break,
      .complete = hmp_complete_chardev },
    { .name = "ringbuf_write", .args = "device:s,data:s", .params = "ID DATA",
      .help = "write DATA into a ring buffer", .run = hmp_run_ringbuf_write,
      .complete = hmp_complete_chardev },
    { .name = "ringbuf_read", .args = "device:s,size:i", .params = "ID SIZE",
      .help = "take up to SIZE bytes out of a ring buffer", .run = hmp_run_ringbuf_read,
      .complete = hmp_complete_chardev },
};
HMP_REGISTER(hmp_char_commands, false);

static const HmpCommand hmp_char_info_commands[] = {
    { .name = "chardev", .help = "the character devices", .run = hmp_run_info_chardev },
};
HMP_REGISTER(hmp_char_info_commands, true);
