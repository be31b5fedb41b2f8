/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-creds-x509 and tls-creds-psk objects: the files of a folder, read again when they change. */

/*
 * A certificate has an end, so its file is replaced while connections stand. For each new session
 * the files are looked at. If they have changed since they were read, they are read again, all
 * together: a set that is half written does not fit together, is told of, and not looked at again
 * before it changes once more; until then the last good one is used. Sessions keep what they
 * began with.
 */

#include "io/tls-internal.h"

#include <string.h>

#include "qom/object.h"
#include "util/error.h"
#include "util/log.h"

/** The default of the schema. */
#define TLS_CREDS_PRIORITY "NORMAL"

typedef struct TlsCredsObject {
    Object obj;
    TlsCreds *creds; /* owned */
} TlsCredsObject;

static const ObjectClass tls_creds_class = {
    .name = "tls-creds",
    .abstract = true,
};

void tls_creds_unref(TlsCreds *creds)
{
    if (!creds || --creds->n_refs > 0) {
        return;
    }
    g_clear_pointer(&creds->keys, tls_keys_unref);
    g_clear_pointer(&creds->priority, gnutls_priority_deinit);
    g_strfreev(creds->paths);
    g_free(creds->stamp);
    g_free(creds->dir);
    g_free(creds->username);
    g_free(creds->password_id);
    g_free(creds->id);
    g_free(creds);
}

/* --- The files ----------------------------------------------------------------------------- */

static void tls_creds_name_files(TlsCreds *creds)
{
    g_auto(GStrv) names = creds->kind->file_names(creds->is_server);
    guint n_names = g_strv_length(names);

    creds->paths = g_new0(char *, n_names + 1);
    for (guint i = 0; i < n_names; i++) {
        creds->paths[i] = g_build_filename(creds->dir, names[i], NULL);
    }
}

static bool tls_creds_load(TlsCreds *creds, GError **error)
{
    TlsKeys *keys;

    g_free(creds->stamp);
    creds->stamp = tls_files_stamp(creds->paths);
    keys = creds->kind->load(creds, error);
    if (!keys) {
        return false;
    }
    tls_keys_unref(creds->keys);
    creds->keys = keys;
    return true;
}

TlsKeys *tls_creds_keys(TlsCreds *creds)
{
    g_autofree char *stamp = tls_files_stamp(creds->paths);
    g_autoptr(GError) error = NULL;

    if (strcmp(stamp, creds->stamp) != 0 && !tls_creds_load(creds, &error)) {
        g_autofree char *source = g_strdup_printf("%s '%s'", creds->kind->name, creds->id);

        log_limited_warning(source, error->message, "the files have changed, but cannot be used; "
                            "those read before still are: %s", error->message);
    }
    return tls_keys_ref(creds->keys);
}

/* --- The objects --------------------------------------------------------------------------- */

static bool tls_creds_set_priority(TlsCreds *creds, const char *priority, GError **error)
{
    bool is_default = strcmp(priority, TLS_CREDS_PRIORITY) == 0;
    g_autofree char *text = g_strconcat(priority, creds->kind->priority,
                                        is_default ? creds->kind->preference : "", NULL);
    const char *bad_place = NULL;
    int rc = gnutls_priority_init(&creds->priority, text, &bad_place);

    return rc >= 0 || error_set(error, "Parameter 'priority' does not accept value '%s': %s at "
                                "'%s'", priority, gnutls_strerror(rc),
                                bad_place ? bad_place : "");
}

static bool tls_creds_check(const TlsCredsProperties *props, GError **error)
{
    if (!props->dir) {
        return error_set(error, "Missing 'dir' property value");
    }
    if (props->handshake_timeout == 0) {
        return error_set(error, "Parameter 'handshake-timeout' expects a number of milliseconds "
                         "from 1");
    }
    return true;
}

/* @creds (taken) knows its kind and what only that kind has. */
static bool tls_creds_create(TlsCredsObject *tco, TlsCreds *creds, GError **error)
{
    const TlsCredsProperties *props = tco->obj.props;

    creds->n_refs = 1;
    creds->id = g_strdup(tco->obj.id);
    creds->is_server = props->endpoint == QCRYPTO_TLS_CREDS_ENDPOINT_SERVER;
    creds->verify_peer = props->verify_peer;
    creds->timeout_ms = props->handshake_timeout;
    creds->dir = props->dir ? g_canonicalize_filename(props->dir, NULL) : NULL;
    if (tls_creds_check(props, error) && tls_creds_set_priority(creds, props->priority, error)) {
        tls_creds_name_files(creds);
        if (tls_creds_load(creds, error)) {
            tco->creds = creds;
            return true;
        }
    }
    tls_creds_unref(creds);
    return false;
}

static bool tls_creds_create_x509(Object *obj, GError **error)
{
    const TlsCredsX509Properties *props = obj->props;
    TlsCreds *creds = g_new0(TlsCreds, 1);

    creds->kind = &tls_kind_x509;
    creds->sanity_check = props->sanity_check;
    creds->password_id = g_strdup(props->passwordid);
    return tls_creds_create((TlsCredsObject *)obj, creds, error);
}

static bool tls_creds_create_psk(Object *obj, GError **error)
{
    const TlsCredsPskProperties *props = obj->props;
    TlsCreds *creds;

    if (props->username && props->endpoint == QCRYPTO_TLS_CREDS_ENDPOINT_SERVER) {
        return error_set(error, "username should not be set when endpoint=server");
    }
    creds = g_new0(TlsCreds, 1);
    creds->kind = &tls_kind_psk;
    creds->username = g_strdup(props->username ? props->username : "qemu");
    return tls_creds_create((TlsCredsObject *)obj, creds, error);
}

static void tls_creds_finalize(Object *obj)
{
    tls_creds_unref(((TlsCredsObject *)obj)->creds);
}

static bool tls_creds_can_delete(const Object *obj)
{
    return ((const TlsCredsObject *)obj)->creds->n_refs == 1;
}

static const ObjectClass tls_creds_x509_class = {
    .name = "tls-creds-x509",
    .parent = "tls-creds",
    .props = QAPI_TYPE(TlsCredsX509Properties),
    .phase = OBJECT_PHASE_EARLY,
    .size = sizeof(TlsCredsObject),
    .create = tls_creds_create_x509,
    .finalize = tls_creds_finalize,
    .can_delete = tls_creds_can_delete,
};

static const ObjectClass tls_creds_psk_class = {
    .name = "tls-creds-psk",
    .parent = "tls-creds",
    .props = QAPI_TYPE(TlsCredsPskProperties),
    .phase = OBJECT_PHASE_EARLY,
    .size = sizeof(TlsCredsObject),
    .create = tls_creds_create_psk,
    .finalize = tls_creds_finalize,
    .can_delete = tls_creds_can_delete,
};

__attribute__((constructor)) static void tls_creds_register(void)
{
    object_class_register(&tls_creds_class);
    object_class_register(&tls_creds_x509_class);
    object_class_register(&tls_creds_psk_class);
}

TlsCreds *tls_creds_use(const char *id, QCryptoTLSCredsEndpoint endpoint, GError **error)
{
    bool is_server = endpoint == QCRYPTO_TLS_CREDS_ENDPOINT_SERVER;
    Object *obj = object_find(id);
    TlsCreds *creds;

    if (!obj) {
        error_set(error, "No TLS credentials with id '%s'", id);
        return NULL;
    }
    if (obj->class != &tls_creds_x509_class && obj->class != &tls_creds_psk_class) {
        error_set(error, "Object with id '%s' is not TLS credentials", id);
        return NULL;
    }
    creds = ((TlsCredsObject *)obj)->creds;
    if (creds->is_server != is_server) {
        error_set(error, "Expected TLS credentials for a %s endpoint",
                  is_server ? "server" : "client");
        return NULL;
    }
    creds->n_refs++;
    return creds;
}
