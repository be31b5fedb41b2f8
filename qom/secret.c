/* SPDX-License-Identifier: GPL-2.0-or-later */
/* secret objects: read once when they are created, and handed out by id. */

#include "qom/secret.h"

#include <string.h>

#include "qom/object.h"
#include "qom/secret-internal.h"
#include "util/error.h"

typedef struct Secret {
    Object obj;
    GBytes *bytes; /* owned */
} Secret;

static const ObjectClass secret_class;

GBytes *secret_lookup(const char *id, GError **error)
{
    Object *obj = object_find(id);

    if (!obj) {
        error_set(error, "No secret with id '%s'", id);
        return NULL;
    }
    if (obj->class != &secret_class) {
        error_set(error, "Object with id '%s' is not a secret", id);
        return NULL;
    }
    return g_bytes_ref(((Secret *)obj)->bytes);
}

/* RFC 4648 with line breaks, as a file has them; GLib would skip whatever it does not know. */
static GBytes *secret_decode_base64(GBytes *text, GError **error)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                   "+/=\r\n";
    gsize len, decoded_len;
    const char *data = g_bytes_get_data(text, &len);
    g_autofree char *copy = g_strndup(data ? data : "", len);
    guchar *decoded;

    if (strlen(copy) != len || strspn(copy, alphabet) != len) {
        error_set(error, "Base64 data contains invalid characters");
        return NULL;
    }
    decoded = g_base64_decode(copy, &decoded_len);
    return g_bytes_new_take(decoded, decoded_len);
}

static GBytes *secret_read(const SecretProperties *props, GError **error)
{
    g_autoptr(GError) local = NULL;
    char *text;
    gsize len;

    if (!props->data && !props->file) {
        error_set(error, "Either 'file' or 'data' must be provided");
        return NULL;
    }
    if (props->data && props->file) {
        error_set(error, "'file' and 'data' are mutually exclusive");
        return NULL;
    }
    if (props->data) {
        return g_bytes_new(props->data, strlen(props->data));
    }
    if (!g_file_get_contents(props->file, &text, &len, &local)) {
        error_set(error, "Unable to read %s: %s", props->file, local->message);
        return NULL;
    }
    return g_bytes_new_take(text, len);
}

static GBytes *secret_key(const char *id, GError **error)
{
    GBytes *key = secret_lookup(id, error);

    if (key && g_bytes_get_size(key) != SECRET_KEY_SIZE) {
        g_clear_pointer(&key, g_bytes_unref);
        error_set(error, "Key should be %d bytes in length", SECRET_KEY_SIZE);
    }
    return key;
}

static GBytes *secret_iv(const char *text, GError **error)
{
    g_autoptr(GBytes) written = text ? g_bytes_new_static(text, strlen(text)) : NULL;
    GBytes *iv;

    if (!written) {
        error_set(error, "IV is required to decrypt secret");
        return NULL;
    }
    iv = secret_decode_base64(written, error);
    if (iv && g_bytes_get_size(iv) != SECRET_BLOCK_SIZE) {
        error_set(error, "IV should be %d bytes in length not %zu", SECRET_BLOCK_SIZE,
                  g_bytes_get_size(iv));
        g_clear_pointer(&iv, g_bytes_unref);
    }
    return iv;
}

/* @written (taken): the secret in base64, encrypted. */
static GBytes *secret_unlock(const SecretProperties *props, GBytes *written, GError **error)
{
    g_autoptr(GBytes) text = written;
    g_autoptr(GBytes) key = secret_key(props->keyid, error);
    g_autoptr(GBytes) iv = key ? secret_iv(props->iv, error) : NULL;
    g_autoptr(GBytes) data = iv ? secret_decode_base64(text, error) : NULL;

    return data ? secret_decrypt(key, iv, data, error) : NULL;
}

static bool secret_create(Object *obj, GError **error)
{
    Secret *secret = (Secret *)obj;
    const SecretProperties *props = obj->props;
    GBytes *bytes = secret_read(props, error);

    if (bytes && props->keyid) {
        bytes = secret_unlock(props, bytes, error);
    }
    if (bytes && props->format == QCRYPTO_SECRET_FORMAT_BASE64) {
        g_autoptr(GBytes) written = bytes;

        bytes = secret_decode_base64(written, error);
    }
    secret->bytes = bytes;
    return bytes != NULL;
}

static void secret_finalize(Object *obj)
{
    g_bytes_unref(((Secret *)obj)->bytes);
}

static const ObjectClass secret_class = {
    .name = "secret",
    .props = QAPI_TYPE(SecretProperties),
    .phase = OBJECT_PHASE_EARLY,
    .size = sizeof(Secret),
    .create = secret_create,
    .finalize = secret_finalize,
};

__attribute__((constructor)) static void secret_register(void)
{
    object_class_register(&secret_class);
}
