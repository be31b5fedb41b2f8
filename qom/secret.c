/* SPDX-License-Identifier: GPL-2.0-or-later */
/* secret objects: read once when they are created, and handed out by id. */

#include "qom/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qom/object.h"
#include "qom/secret-internal.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"
#include "util/interrupt.h"

/** More is a mistake, and would only fill memory. */
#define SECRET_FILE_MAX 65536

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

/* At the start whatever can be read may be waited for; a command would make the loop wait. */
static int secret_open(const char *path, GError **error)
{
    auto_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        error_set_errno(error, errno, "Unable to read %s", path);
        return -1;
    }
    if (fd_store_current() && !S_ISREG(st.st_mode)) {
        error_set(error, "Unable to read %s: it is no regular file", path);
        return -1;
    }
    return fd_steal(&fd);
}

/* Returns: 0 = the next read may go on; else errno. A pipe without a writer has no end yet. */
static int secret_read_part(int fd, GByteArray *bytes, bool *is_end)
{
    uint8_t part[4096];
    int err = interrupt_wait(fd, POLLIN, -1);
    ssize_t n = err ? -1 : read(fd, part, sizeof(part));

    if (err || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        return err ? err : errno;
    }
    g_byte_array_append(bytes, part, MAX(n, 0));
    *is_end = n == 0;
    return 0;
}

static GBytes *secret_read_file(const char *path, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    auto_fd int fd = secret_open(path, error);
    bool is_end = fd < 0;

    while (!is_end) {
        int err = secret_read_part(fd, bytes, &is_end);

        if (err) {
            error_set_errno(error, err, "Unable to read %s", path);
            return NULL;
        }
        if (bytes->len > SECRET_FILE_MAX) {
            error_set(error, "Unable to read %s: a secret has at most %d bytes", path,
                      SECRET_FILE_MAX);
            return NULL;
        }
    }
    return fd < 0 ? NULL : g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

static GBytes *secret_read(const SecretProperties *props, GError **error)
{
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
    return secret_read_file(props->file, error);
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
