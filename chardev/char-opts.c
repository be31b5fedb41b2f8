/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the keys of -chardev to a back end of the schema. */

/*
 * The keys are one flat set. A table for each kind has the keys that a back end takes, and the
 * member of each; a key that is left over is refused. The members are put together as JSON, which
 * the schema then checks once more.
 */

#include "chardev/char-internal.h"

#include <string.h>

#include "chardev/char-opts-internal.h"
#include "util/error.h"

typedef struct CharOptsKey {
    const char *key;
    const char *member; /* dotted path in "data" */
} CharOptsKey;

static const CharOptsKey char_opts_common[] = {
    { "logfile", "logfile" },
    { "logappend", "logappend" },
    { "logtimestamp", "logtimestamp" },
    { NULL, NULL },
};

static const CharOptsKey char_opts_file[] = {
    { "path", "out" },
    { "input-path", "in" },
    { "append", "append" },
    { NULL, NULL },
};

static const CharOptsKey char_opts_pipe[] = { { "path", "device" }, { NULL, NULL } };
static const CharOptsKey char_opts_pty[] = { { "path", "path" }, { NULL, NULL } };
static const CharOptsKey char_opts_mux[] = { { "chardev", "chardev" }, { NULL, NULL } };
static const CharOptsKey char_opts_stdio[] = { { "signal", "signal" }, { NULL, NULL } };
static const CharOptsKey char_opts_ringbuf[] = { { "size", "size" }, { NULL, NULL } };

static const CharOptsKey char_opts_udp[] = {
    { "host", "remote.data.host" },
    { "port", "remote.data.port" },
    { "ipv4", "remote.data.ipv4" },
    { "ipv6", "remote.data.ipv6" },
    { "localaddr", "local.data.host" },
    { "localport", "local.data.port" },
    { NULL, NULL },
};

static const CharOptsKey char_opts_socket[] = {
    { "server", "server" },
    { "wait", "wait" },
    { "nodelay", "nodelay" },
    { "telnet", "telnet" },
    { "tn3270", "tn3270" },
    { "websocket", "websocket" },
    { "reconnect-ms", "reconnect-ms" },
    { "tls-creds", "tls-creds" },
    { "tls-authz", "tls-authz" },
    { NULL, NULL },
};

static const CharOptsKey char_opts_unix[] = {
    { "path", "addr.data.path" },
    { "abstract", "addr.data.abstract" },
    { "tight", "addr.data.tight" },
    { "mode", "addr.data.mode" },
    { "group", "addr.data.group" },
    { NULL, NULL },
};

static const CharOptsKey char_opts_inet[] = {
    { "host", "addr.data.host" },
    { "port", "addr.data.port" },
    { "to", "addr.data.to" },
    { "ipv4", "addr.data.ipv4" },
    { "ipv6", "addr.data.ipv6" },
    { NULL, NULL },
};

static const CharOptsKey char_opts_fd[] = { { "fd", "addr.data.str" }, { NULL, NULL } };

/** Shared with a mux on top, or turned into another key, or refused later on. */
static const CharOptsKey char_opts_any[] = { { "backend", NULL }, { "mux", NULL }, { NULL, NULL } };
static const CharOptsKey char_opts_delay[] = { { "delay", NULL }, { NULL, NULL } };

#define CHAR_OPTS_TABLES 6

/** All tables of a kind; NULL = no more. */
static const CharOptsKey *const char_opts_tables[][CHAR_OPTS_TABLES] = {
    [CHARDEV_BACKEND_KIND_FILE] = { char_opts_file },
    [CHARDEV_BACKEND_KIND_PIPE] = { char_opts_pipe },
    [CHARDEV_BACKEND_KIND_SOCKET] = { char_opts_socket, char_opts_delay, char_opts_unix,
                                      char_opts_inet, char_opts_fd },
    [CHARDEV_BACKEND_KIND_UDP] = { char_opts_udp },
    [CHARDEV_BACKEND_KIND_PTY] = { char_opts_pty },
    [CHARDEV_BACKEND_KIND_NULL] = { NULL },
    [CHARDEV_BACKEND_KIND_MUX] = { char_opts_mux },
    [CHARDEV_BACKEND_KIND_STDIO] = { char_opts_stdio },
    [CHARDEV_BACKEND_KIND_RINGBUF] = { char_opts_ringbuf },
    [CHARDEV_BACKEND_KIND_MEMORY] = { char_opts_ringbuf },
};
G_STATIC_ASSERT(G_N_ELEMENTS(char_opts_tables) == CHARDEV_BACKEND_KIND__MAX);

static bool char_opts_table_has(const CharOptsKey *table, const char *key)
{
    for (; table->key; table++) {
        if (strcmp(table->key, key) == 0) {
            return true;
        }
    }
    return false;
}

bool char_opts_has_key(ChardevBackendKind kind, const char *key)
{
    for (size_t i = 0; i < CHAR_OPTS_TABLES && char_opts_tables[kind][i]; i++) {
        if (char_opts_table_has(char_opts_tables[kind][i], key)) {
            return true;
        }
    }
    return char_opts_table_has(char_opts_any, key) || char_opts_table_has(char_opts_common, key);
}

int char_opts_kind(const char *name, GError **error)
{
    int kind = qapi_enum_parse(QAPI_TYPE(ChardevBackendKind), name);

    if (kind < 0) {
        error_set(error, "'%s' is not a valid char driver name", name);
        qapi_enum_hint(QAPI_TYPE(ChardevBackendKind), name, error);
    }
    return kind;
}

/** What is being put together. */
typedef struct CharOpts {
    const ChardevOptions *opts;
    json_object *given; /* the keys that nothing has taken yet, with typed values */
    json_object *data;  /* the members of the back end */
    bool at_start;
} CharOpts;

/** Put @value (taken) at the dotted path @member. */
static void char_opts_put(CharOpts *co, const char *member, json_object *value)
{
    g_auto(GStrv) parts = g_strsplit(member, ".", -1);
    json_object *place = co->data;
    size_t i;

    for (i = 0; parts[i + 1]; i++) {
        json_object *inner = json_object_object_get(place, parts[i]);

        if (!inner) {
            inner = json_object_new_object();
            json_object_object_add(place, parts[i], inner);
        }
        place = inner;
    }
    json_object_object_add(place, parts[i], value);
}

static void char_opts_put_string(CharOpts *co, const char *member, const char *value)
{
    char_opts_put(co, member, json_object_new_string(value));
}

/** Move the keys of a table over. */
static void char_opts_take(CharOpts *co, const CharOptsKey *keys)
{
    for (; keys->key; keys++) {
        json_object *value;

        if (json_object_object_get_ex(co->given, keys->key, &value)) {
            char_opts_put(co, keys->member, json_object_get(value));
            json_object_object_del(co->given, keys->key);
        }
    }
}

/* --- One function for each kind of back end ------------------------------------------------ */

static bool char_opts_set_null(CharOpts *co, GError **error)
{
    return true;
}

static bool char_opts_set_file(CharOpts *co, GError **error)
{
    if (!co->opts->path) {
        return error_set(error, "chardev: file: no filename given");
    }
    char_opts_take(co, char_opts_file);
    return true;
}

static bool char_opts_set_pipe(CharOpts *co, GError **error)
{
    if (!co->opts->path) {
        return error_set(error, "chardev: pipe: no device path given");
    }
    char_opts_take(co, char_opts_pipe);
    return true;
}

static bool char_opts_set_pty(CharOpts *co, GError **error)
{
    char_opts_take(co, char_opts_pty);
    return true;
}

static bool char_opts_set_stdio(CharOpts *co, GError **error)
{
    char_opts_take(co, char_opts_stdio);
    return true;
}

static bool char_opts_set_mux(CharOpts *co, GError **error)
{
    if (!co->opts->chardev) {
        return error_set(error, "chardev: mux: no chardev given");
    }
    char_opts_take(co, char_opts_mux);
    return true;
}

static bool char_opts_set_ringbuf(CharOpts *co, GError **error)
{
    if (co->opts->has_size && co->opts->size == 0) {
        json_object_object_del(co->given, "size");
    }
    char_opts_take(co, char_opts_ringbuf);
    return true;
}

static bool char_opts_set_udp(CharOpts *co, GError **error)
{
    if (!co->opts->port || co->opts->port[0] == '\0') {
        return error_set(error, "chardev: udp: remote port not specified");
    }
    char_opts_put_string(co, "remote.type", "inet");
    char_opts_put_string(co, "remote.data.host", "localhost");
    if (co->opts->localaddr || co->opts->localport) {
        char_opts_put_string(co, "local.type", "inet");
        char_opts_put_string(co, "local.data.host", "");
        char_opts_put_string(co, "local.data.port", "0");
    }
    char_opts_take(co, char_opts_udp);
    return true;
}

static bool char_opts_set_socket_address(CharOpts *co, GError **error)
{
    const ChardevOptions *opts = co->opts;
    int n_addresses = (opts->path != NULL) + (opts->fd != NULL) + (opts->host != NULL);

    if (n_addresses > 1) {
        return error_set(error, "None or one of 'path', 'fd' or 'host' option required.");
    }
    if (opts->path) {
        char_opts_put_string(co, "addr.type", "unix");
        char_opts_take(co, char_opts_unix);
    } else if (opts->host) {
        if (!opts->port) {
            return error_set(error, "chardev: socket: no port given");
        }
        char_opts_put_string(co, "addr.type", "inet");
        char_opts_take(co, char_opts_inet);
    } else {
        /* With no address at all the empty descriptor is what is complained about. */
        char_opts_put_string(co, "addr.type", "fd");
        char_opts_put_string(co, "addr.data.str", "");
        char_opts_take(co, char_opts_fd);
    }
    return true;
}

static bool char_opts_set_socket(CharOpts *co, GError **error)
{
    const ChardevOptions *opts = co->opts;
    bool is_server = opts->has_server && opts->server;

    if (opts->has_delay && opts->has_nodelay) {
        return error_set(error, "'delay' and 'nodelay' are mutually exclusive");
    }
    if (opts->has_delay) {
        char_opts_put(co, "nodelay", json_object_new_boolean(!opts->delay));
        json_object_object_del(co->given, "delay");
    }
    char_opts_put(co, "server", json_object_new_boolean(is_server));
    if (is_server && co->at_start) {
        char_opts_put(co, "wait", json_object_new_boolean(true));
    }
    char_opts_take(co, char_opts_socket);
    return char_opts_set_socket_address(co, error);
}

static bool (*const char_opts_set[])(CharOpts *co, GError **error) = {
    [CHARDEV_BACKEND_KIND_FILE] = char_opts_set_file,
    [CHARDEV_BACKEND_KIND_PIPE] = char_opts_set_pipe,
    [CHARDEV_BACKEND_KIND_SOCKET] = char_opts_set_socket,
    [CHARDEV_BACKEND_KIND_UDP] = char_opts_set_udp,
    [CHARDEV_BACKEND_KIND_PTY] = char_opts_set_pty,
    [CHARDEV_BACKEND_KIND_NULL] = char_opts_set_null,
    [CHARDEV_BACKEND_KIND_MUX] = char_opts_set_mux,
    [CHARDEV_BACKEND_KIND_STDIO] = char_opts_set_stdio,
    [CHARDEV_BACKEND_KIND_RINGBUF] = char_opts_set_ringbuf,
    [CHARDEV_BACKEND_KIND_MEMORY] = char_opts_set_ringbuf,
};
G_STATIC_ASSERT(G_N_ELEMENTS(char_opts_set) == CHARDEV_BACKEND_KIND__MAX);

/* --- The whole ----------------------------------------------------------------------------- */

/** What remains of @given belongs to other back ends. */
static bool char_opts_check_leftover(const CharOpts *co, GError **error)
{
    json_object_object_foreach(co->given, key, value) {
        (void)value;
        return error_set(error, "Invalid parameter '%s'", key);
    }
    return true;
}

static ChardevBackend *char_opts_build(CharOpts *co, const char *kind_name, GError **error)
{
    json_object *whole = json_object_new_object();
    ChardevBackend *backend;

    json_object_object_add(whole, "type", json_object_new_string(kind_name));
    json_object_object_add(whole, "data", json_object_get(co->data));
    backend = qapi_from_json(QAPI_TYPE(ChardevBackend), whole, QAPI_INPUT_JSON, error);
    json_object_put(whole);
    return backend;
}

ChardevBackend *char_backend_from_opts(const char *id, const Opts *opts, bool at_start,
                                       bool *mux, GError **error)
{
    g_autoptr(ChardevOptions) typed = NULL;
    ChardevBackend *backend = NULL;
    CharOpts co = { .at_start = at_start };
    int kind;

    if (!char_opts_check_numbers(opts, error)) {
        return NULL;
    }
    typed = opts_to_type(opts, false, QAPI_TYPE(ChardevOptions), error);
    if (!typed) {
        return NULL;
    }
    if (!typed->backend) {
        error_set(error, "chardev: \"%s\" missing backend", id);
        return NULL;
    }
    if (strcmp(typed->backend, "fd") == 0) {
        error_set(error, "Parameter 'driver' expects a non-abstract device type");
        return NULL;
    }
    kind = char_opts_kind(typed->backend, error);
    if (kind < 0) {
        return NULL;
    }
    co.opts = typed;
    co.data = json_object_new_object();
    co.given = qapi_to_json(QAPI_TYPE(ChardevOptions), typed);
    json_object_object_del(co.given, "backend");
    json_object_object_del(co.given, "mux");
    char_opts_take(&co, char_opts_common);
    if (char_opts_set[kind](&co, error) && char_opts_check_leftover(&co, error)) {
        backend = char_opts_build(&co, typed->backend, error);
    }
    json_object_put(co.data);
    json_object_put(co.given);
    *mux = typed->has_mux && typed->mux;
    return backend;
}
