/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes what a checkpoint manager sends: any cut of the stream means the same. */

#include "fuzz.h"

#include "net/colo/notify.h"

/* Returns: a letter for each message. Owned. */
static GString *meaning_of(const uint8_t *data, size_t len, bool vnet_hdr, size_t piece)
{
    ColoNotifyParser parser = { .vnet_hdr = vnet_hdr };
    GString *meaning = g_string_new(NULL);
    size_t pos = 0;

    while (pos < len) {
        size_t now = MIN(piece, len - pos);
        g_autofree uint8_t *exact = g_memdup2(data + pos, now);
        g_autoptr(GError) error = NULL;
        ColoNotifyMessage message;
        ssize_t used = colo_notify_parse(&parser, exact, now, &message, &error);

        g_assert_true((used < 0) == (error != NULL));
        if (used < 0) {
            g_string_append_c(meaning, '!');
            break;
        }
        g_assert_cmpint(used, >, 0);
        g_assert_cmpint(used, <=, (ssize_t)now);
        pos += (size_t)used;
        if (message != COLO_NOTIFY_NONE) {
            g_string_append_c(meaning, (char)('a' + message));
        }
    }
    return meaning;
}

/* First byte: whether the word for a virtio-net header may be there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    bool vnet_hdr = fuzz_take_byte(&data, &len) & 1;
    GString *whole = meaning_of(data, len, vnet_hdr, len + 1);
    GString *cut = meaning_of(data, len, vnet_hdr, 1);
    GString *cut_by_five = meaning_of(data, len, vnet_hdr, 5);

    g_assert_cmpstr(whole->str, ==, cut->str);
    g_assert_cmpstr(whole->str, ==, cut_by_five->str);
    g_string_free(whole, TRUE);
    g_string_free(cut, TRUE);
    g_string_free(cut_by_five, TRUE);
    return 0;
}
