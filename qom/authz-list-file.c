/* SPDX-License-Identifier: GPL-2.0-or-later */
/* authz-list-file objects: rules on the names of peers in a file, read again when it changes. */

/*
 * What cannot be used, as a file half written or one that has gone, lets nobody come who could not
 * come before: the rules that were read last go on to count, and a warning tells why.
 */

#include "qom/authz-internal.h"

#include <errno.h>
#include <string.h>

#include "qapi/json.h"
#include "util/error.h"
#include "util/file-read.h"
#include "util/file-watch.h"
#include "util/log.h"
#include "util/trace.h"

/** A list of every host that there is may be long; what is longer is a mistake. */
#define AUTHZ_FILE_MAX (1024 * 1024)

TRACE_POINT(authz_list_file_read);

typedef struct AuthzListFile {
    Object obj;
    AuthZListProperties *list; /* owned: what was read last */
    FileWatch *watch;          /* owned; NULL = it is read once */
} AuthzListFile;

bool authz_list_file_allows(const Object *obj, const char *identity)
{
    return authz_list_decide(((const AuthzListFile *)obj)->list, identity);
}

/* Returns: owned; NULL with @error. */
static char *authz_list_file_text(const char *path, GError **error)
{
    g_autoptr(GBytes) bytes = NULL;
    gsize len;
    const char *data;

    if (!file_read(path, AUTHZ_FILE_MAX, &bytes, error)) {
        g_prefix_error(error, "Unable to read '%s': ", path);
        return NULL;
    }
    if (!bytes) {
        error_set_errno(error, ENOENT, "Unable to read '%s'", path);
        return NULL;
    }
    data = g_bytes_get_data(bytes, &len);
    if (memchr(data ? data : "", '\0', len)) {
        error_set(error, "File '%s' has a NUL byte", path);
        return NULL;
    }
    return g_strndup(data ? data : "", len);
}

static AuthZListProperties *authz_list_file_parse(const char *path, GError **error)
{
    g_autofree char *text = authz_list_file_text(path, error);
    AuthZListProperties *list = NULL;
    json_object *json = NULL;

    if (!text) {
        return NULL;
    }
    if (!json_parse_text(text, &json, error)) {
        g_prefix_error(error, "File '%s': ", path);
        return NULL;
    }
    if (!json_object_is_type(json, json_type_object)) {
        error_set(error, "File '%s' must contain a JSON object", path);
    } else {
        list = qapi_from_json(QAPI_TYPE(AuthZListProperties), json, QAPI_INPUT_JSON, error);
        if (!list) {
            g_prefix_error(error, "File '%s': ", path);
        }
    }
    json_object_put(json);
    return list;
}

static bool authz_list_file_load(AuthzListFile *file, GError **error)
{
    const AuthZListFileProperties *props = file->obj.props;
    AuthZListProperties *list = authz_list_file_parse(props->filename, error);

    if (!list) {
        return false;
    }
    qapi_free_AuthZListProperties(file->list);
    file->list = list;
    TRACE(authz_list_file_read, "%s: %zu rules", file->obj.id, list->rules ? list->rules->len : 0);
    return true;
}

static void authz_list_file_changed(void *opaque)
{
    AuthzListFile *file = opaque;
    g_autoptr(GError) error = NULL;

    if (!authz_list_file_load(file, &error)) {
        g_autofree char *source = g_strdup_printf("authz-list-file '%s'", file->obj.id);

        log_limited_warning(source, error->message, "the file has changed, but cannot be used; "
                            "the rules read before still are: %s", error->message);
    }
}

/* The watch is first, so that no change is missed. */
static bool authz_list_file_create(Object *obj, GError **error)
{
    const AuthZListFileProperties *props = obj->props;
    AuthzListFile *file = (AuthzListFile *)obj;

    if (!g_path_is_absolute(props->filename)) {
        return error_set(error, "Filename must be an absolute path");
    }
    if (props->refresh) {
        file->watch = file_watch_new(props->filename, authz_list_file_changed, file, error);
        if (!file->watch) {
            return false;
        }
    }
    if (!authz_list_file_load(file, error)) {
        file_watch_free(file->watch);
        return false;
    }
    return true;
}

static void authz_list_file_finalize(Object *obj)
{
    AuthzListFile *file = (AuthzListFile *)obj;

    file_watch_free(file->watch);
    qapi_free_AuthZListProperties(file->list);
}

#define AUTHZ_LIST_FILE_CLASS(type_name)             \
    {                                                \
        .name = type_name,                           \
        .parent = "authz",                           \
        .props = QAPI_TYPE(AuthZListFileProperties), \
        .phase = OBJECT_PHASE_EARLY,                 \
        .size = sizeof(AuthzListFile),               \
        .create = authz_list_file_create,            \
        .finalize = authz_list_file_finalize,        \
    }

const ObjectClass authz_list_file_class = AUTHZ_LIST_FILE_CLASS("authz-list-file");
const ObjectClass authz_listfile_class = AUTHZ_LIST_FILE_CLASS("authz-listfile");

__attribute__((constructor)) static void authz_list_file_register(void)
{
    object_class_register(&authz_list_file_class);
    object_class_register(&authz_listfile_class);
}
