/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end null: takes everything, gives nothing. */

#include "chardev/char-internal.h"

static bool char_null_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    char_set_open(chr, true);
    return true;
}

const ChardevClass char_null_class = {
    .size = sizeof(Chardev),
    .open = char_null_open,
};
