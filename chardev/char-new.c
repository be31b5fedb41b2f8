/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making chardevs from command-line text: -chardev arguments and strings like "unix:PATH". */

#include "chardev/char-internal.h"

#include <stdio.h>
#include <string.h>

#include "chardev/char-opts-internal.h"
#include "qapi/json.h"
#include "util/error.h"
#include "util/fd-store.h"

/** Whether a server may wait for its client: not while a monitor's command runs. */
static bool char_at_start(void)
{
    return fd_store_current() == NULL;
}

/** The device itself as "ID-base" and a mux called @id on it. */
static Chardev *char_new_with_mux(const char *id, const ChardevBackend *backend, GError **error)
{
    g_autofree char *base_id = g_strdup_printf("%s-base", id);
    ChardevMux mux = { .chardev = base_id };
    ChardevBackend mux_backend = { .type = CHARDEV_BACKEND_KIND_MUX, .u.mux.data = &mux };
    Chardev *base;
    Chardev *chr;

    if (char_find(id)) {
        error_set(error, "Chardev with id '%s' already exists", id);
        return NULL;
    }
    base = char_new(base_id, backend, error);
    if (!base) {
        return NULL;
    }
    chr = char_new(id, &mux_backend, error);
    if (!chr) {
        char_remove(base);
    }
    return chr;
}

static Chardev *char_new_parsed(const char *id, const Opts *opts, GError **error)
{
    g_autoptr(ChardevBackend) backend = NULL;
    bool with_mux = false;

    backend = char_backend_from_opts(id, opts, char_at_start(), &with_mux, error);
    if (!backend) {
        return NULL;
    }
    return with_mux ? char_new_with_mux(id, backend, error) : char_new(id, backend, error);
}

static bool char_check_new_id(const char *id, GError **error)
{
    return !char_find(id) || error_set(error, "Duplicate ID '%s' for chardev", id);
}

/** The arguments of chardev-add. */
static Chardev *char_new_from_json(const char *text, GError **error)
{
    g_autoptr(ChardevAddArgs) args = NULL;
    json_object *json;

    if (!json_parse_text(text, &json, error)) {
        return NULL;
    }
    args = qapi_from_json(QAPI_TYPE(ChardevAddArgs), json, QAPI_INPUT_JSON, error);
    json_object_put(json);
    if (!args || !id_check(args->id, error) || !char_check_new_id(args->id, error)) {
        return NULL;
    }
    return char_new(args->id, args->backend, error);
}

Chardev *char_new_from_opts(const char *text, GError **error)
{
    g_autoptr(Opts) opts = NULL;

    if (text[0] == '{') {
        return char_new_from_json(text, error);
    }
    opts = opts_parse(text, "backend", true, error);
    if (!opts) {
        return NULL;
    }
    if (opts->help) {
        const char *name = opts_get(opts, "backend");

        if (!name || char_opts_kind(name, error) >= 0) {
            error_set(error, "Help is not available here");
        }
        return NULL;
    }
    if (!opts->id) {
        error_set(error, "chardev: no id specified");
        return NULL;
    }
    return char_check_new_id(opts->id, error) ? char_new_parsed(opts->id, opts, error) : NULL;
}

bool char_check_change(const char *id, GError **error)
{
    Chardev *chr = char_find(id);

    if (!chr) {
        return error_set(error, "Chardev '%s' does not exist", id);
    }
    char_ask_to_yield(chr);
    if (chr->kind == CHARDEV_BACKEND_KIND_MUX) {
        return error_set(error, "For mux or hub device hotswap is not supported yet");
    }
    if (char_in_use(chr)) {
        return error_set(error, "Chardev user does not support chardev hotswap");
    }
    return true;
}

Chardev *char_change_from_opts(const char *id, const char *text, GError **error)
{
    g_autoptr(Opts) opts = opts_parse(text, "backend", true, error);
    g_autoptr(ChardevBackend) backend = NULL;
    bool with_mux = false;

    if (!opts) {
        return NULL;
    }
    if (opts->id) {
        error_set(error, "Unexpected 'id' parameter");
        return NULL;
    }
    if (!char_check_change(id, error)) {
        return NULL;
    }
    backend = char_backend_from_opts(id, opts, char_at_start(), &with_mux, error);
    if (!backend) {
        return NULL;
    }
    if (with_mux) {
        error_set(error, "For mux or hub device hotswap is not supported yet");
        return NULL;
    }
    return char_change(char_find(id), backend, error);
}

/* --- Strings like "unix:PATH,server=on" ----------------------------------------------------- */

/** @text with each comma doubled, as the value of a key. */
static char *char_legacy_quote(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    return g_strjoinv(",,", parts);
}

/**
 * Cut "HOST:PORT" off the front of @text; HOST may be empty or in brackets, and the port ends
 * at @end or at the end of the text, whichever comes first.
 * Returns: the text behind the port, or NULL when there is no port.
 */
static const char *char_legacy_cut_address(const char *text, char end, char **host, char **port)
{
    const char *colon;
    const char *stop;

    if (text[0] == '[') {
        const char *bracket = strchr(text, ']');

        if (!bracket || bracket[1] != ':') {
            return NULL;
        }
        *host = g_strndup(text + 1, (gsize)(bracket - text - 1));
        colon = bracket + 1;
    } else {
        colon = text + strcspn(text, ":,@");
        if (*colon != ':') {
            return NULL;
        }
        *host = g_strndup(text, (gsize)(colon - text));
    }
    stop = strchrnul(colon + 1, end);
    *port = g_strndup(colon + 1, (gsize)(stop - colon - 1));
    return (*port)[0] == '\0' ? NULL : stop;
}

/** "H:P[,opts]" as a -chardev argument, or NULL. @protocol: key to switch on, or "". */
static char *char_legacy_tcp(const char *text, const char *protocol)
{
    g_autofree char *host = NULL;
    g_autofree char *port = NULL;
    const char *rest = char_legacy_cut_address(text, ',', &host, &port);

    if (!rest) {
        return NULL;
    }
    return g_strdup_printf("socket,host=%s,port=%s%s%s", host, port, protocol, rest);
}

/** "[H]:P[@[LH]:LP]" as a -chardev argument, or NULL. */
static char *char_legacy_udp(const char *text)
{
    g_autofree char *host = NULL;
    g_autofree char *port = NULL;
    g_autofree char *local_host = NULL;
    g_autofree char *local_port = NULL;
    g_autoptr(GString) result = g_string_new("udp");
    const char *rest = char_legacy_cut_address(text, '@', &host, &port);

    if (!rest || strchr(port, ',')) {
        return NULL;
    }
    g_string_append_printf(result, ",port=%s", port);
    if (host[0] != '\0') {
        g_string_append_printf(result, ",host=%s", host);
    }
    if (*rest == '@') {
        rest = char_legacy_cut_address(rest + 1, '@', &local_host, &local_port);
        if (!rest || *rest || strchr(local_port, ',')) {
            return NULL;
        }
        g_string_append_printf(result, ",localaddr=%s,localport=%s", local_host, local_port);
    }
    return g_strdup(result->str);
}

char *char_legacy_to_opts(const char *text)
{
    static const char *const names[] = { "null", "stdio", "pty" };
    static const struct {
        const char *prefix;
        const char *keys;
    } paths[] = {
        { "pty:", "pty,path=" },
        { "file:", "file,path=" },
        { "pipe:", "pipe,path=" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            return g_strdup(text);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (g_str_has_prefix(text, paths[i].prefix)) {
            g_autofree char *path = char_legacy_quote(text + strlen(paths[i].prefix));

            return g_strconcat(paths[i].keys, path, NULL);
        }
    }
    if (g_str_has_prefix(text, "unix:")) {
        return g_strconcat("socket,path=", text + strlen("unix:"), NULL);
    }
    if (g_str_has_prefix(text, "tcp:")) {
        return char_legacy_tcp(text + strlen("tcp:"), "");
    }
    if (g_str_has_prefix(text, "telnet:")) {
        return char_legacy_tcp(text + strlen("telnet:"), ",telnet=on");
    }
    if (g_str_has_prefix(text, "tn3270:")) {
        return char_legacy_tcp(text + strlen("tn3270:"), ",tn3270=on");
    }
    if (g_str_has_prefix(text, "websocket:")) {
        return char_legacy_tcp(text + strlen("websocket:"), ",websocket=on");
    }
    if (g_str_has_prefix(text, "udp:")) {
        return char_legacy_udp(text + strlen("udp:"));
    }
    return NULL;
}

bool char_is_legacy(const char *text)
{
    g_autofree char *device = char_legacy_to_opts(text);

    return device;
}

/** No other message has the path of a pty. */
static void char_print_redirect(const Chardev *chr)
{
    g_autofree char *text = char_redirect_text(chr);

    if (text) {
        printf("%s\n", text);
        fflush(stdout);
    }
}

static Chardev *char_new_legacy_with(const char *id, const char *text, const char *more_keys,
                                     GError **error)
{
    g_autofree char *device = char_legacy_to_opts(text);
    g_autofree char *keys = device ? g_strconcat(device, more_keys, NULL) : NULL;
    g_autoptr(Opts) opts = NULL;
    Chardev *chr;

    if (!keys) {
        error_set(error, "'%s' is not a valid char driver", text);
        return NULL;
    }
    opts = opts_parse_quietly(keys, "backend", false, error);
    chr = opts ? char_new_parsed(id, opts, error) : NULL;
    if (chr) {
        char_print_redirect(chr);
    }
    return chr;
}

Chardev *char_new_from_legacy(const char *id, const char *text, GError **error)
{
    if (g_str_has_prefix(text, "chardev:")) {
        const char *name = text + strlen("chardev:");
        Chardev *chr = char_find(name);

        if (!chr) {
            error_set(error, "chardev \"%s\" not found", name);
        }
        return chr;
    }
    if (g_str_has_prefix(text, "mon:")) {
        error_set(error, "mon: isn't supported in this context");
        return NULL;
    }
    return char_new_legacy_with(id, text, "", error);
}

Chardev *char_new_from_legacy_mux(const char *id, const char *text, GError **error)
{
    /* On a terminal the mux has a key of its own for the end of the process. */
    bool terminal = strcmp(text, "stdio") == 0;

    return char_new_legacy_with(id, text, terminal ? ",mux=on,signal=off" : ",mux=on", error);
}
