/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program's GError domain, with hint lines that travel inside the error. */

#include "util/error.h"

#include <string.h>

typedef struct ErrorDomainPrivate {
    GString *hint; /* owned; NULL = none */
    char *similar; /* owned: the suggested name; NULL = unknown */
} ErrorDomainPrivate;

static void error_domain_private_init(ErrorDomainPrivate *priv)
{
    priv->hint = NULL;
    priv->similar = NULL;
}

static void error_domain_private_copy(const ErrorDomainPrivate *from, ErrorDomainPrivate *to)
{
    to->hint = from->hint ? g_string_new_len(from->hint->str, from->hint->len) : NULL;
    to->similar = g_strdup(from->similar);
}

static void error_domain_private_clear(ErrorDomainPrivate *priv)
{
    if (priv->hint) {
        g_string_free(priv->hint, TRUE);
    }
    g_free(priv->similar);
}

G_DEFINE_EXTENDED_ERROR(ErrorDomain, error_domain)

const char *error_class_name(ErrorClass class)
{
    static const char *const names[] = {
        [ERROR_CLASS_GENERIC] = "GenericError",
        [ERROR_CLASS_COMMAND_NOT_FOUND] = "CommandNotFound",
        [ERROR_CLASS_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
        [ERROR_CLASS_DEVICE_NOT_FOUND] = "DeviceNotFound",
    };

    return names[class];
}

static bool error_set_valist(GError **error, ErrorClass class, const char *fmt, va_list ap)
{
    if (error) {
        g_propagate_error(error, g_error_new_valist(ERROR_DOMAIN, (gint)class, fmt, ap));
    }
    return false;
}

bool error_set(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_set_valist(error, ERROR_CLASS_GENERIC, fmt, ap);
    va_end(ap);
    return false;
}

bool error_set_class(GError **error, ErrorClass class, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_set_valist(error, class, fmt, ap);
    va_end(ap);
    return false;
}

bool error_set_errno(GError **error, int err, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return error_set(error, "%s: %s", text, g_strerror(err));
}

void error_append_hint(GError **error, const char *fmt, ...)
{
    ErrorDomainPrivate *priv;
    va_list ap;

    if (!error || !*error || (*error)->domain != ERROR_DOMAIN) {
        return;
    }
    priv = error_domain_get_private(*error);
    if (!priv->hint) {
        priv->hint = g_string_new(NULL);
    }
    va_start(ap, fmt);
    g_string_append_vprintf(priv->hint, fmt, ap);
    va_end(ap);
    if (priv->hint->len > 0 && priv->hint->str[priv->hint->len - 1] != '\n') {
        g_string_append_c(priv->hint, '\n');
    }
}

const char *error_hint(const GError *error)
{
    const ErrorDomainPrivate *priv;

    if (!error || error->domain != ERROR_DOMAIN) {
        return NULL;
    }
    priv = error_domain_get_private(error);
    return priv->hint ? priv->hint->str : NULL;
}

const char *error_similar(const GError *error)
{
    const ErrorDomainPrivate *priv;

    if (!error || error->domain != ERROR_DOMAIN) {
        return NULL;
    }
    priv = error_domain_get_private(error);
    return priv->similar;
}

void error_hint_meant(GError **error, const char *meant)
{
    error_append_hint(error, "Did you mean '%s'?", meant);
    if (error && *error && (*error)->domain == ERROR_DOMAIN) {
        ErrorDomainPrivate *priv = error_domain_get_private(*error);

        g_free(priv->similar);
        priv->similar = g_strdup(meant);
    }
}

/* How many letters are inserted, deleted, replaced or swapped with their neighbour. */
static size_t error_edit_distance(const char *a, const char *b)
{
    size_t len_a = strlen(a), len_b = strlen(b), width = len_b + 1;
    g_autofree size_t *rows = g_new0(size_t, 3 * width);
    size_t *before = rows, *last = rows + width, *row = rows + 2 * width;

    for (size_t j = 0; j <= len_b; j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= len_a; i++) {
        size_t *spare = before;

        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

            best = MIN(best, MIN(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = MIN(best, before[j - 2] + 1);
            }
            row[j] = best;
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[len_b];
}

bool error_hint_similar(GError **error, const char *word, const char *const *candidates)
{
    const char *best = NULL;
    size_t len = strlen(word);
    /* One less is still a slip of the fingers; in a short word two make another word. */
    size_t best_distance = len < 8 ? 2 : 3;

    /* Against a long word nothing is similar, and the table would be large. */
    if (len > 64) {
        return false;
    }
    for (; *candidates; candidates++) {
        size_t distance = error_edit_distance(word, *candidates);

        if (distance < best_distance && distance * 2 < len + 1) {
            best = *candidates;
            best_distance = distance;
        }
    }
    if (best) {
        error_hint_meant(error, best);
    }
    return best != NULL;
}
