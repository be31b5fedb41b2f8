/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the texts that describe chardevs: -chardev arguments and strings like "unix:PATH". */

#include "fuzz.h"

#include "chardev/char-internal.h"

static void read_argument(const char *text)
{
    g_autoptr(Opts) opts = opts_parse(text, "backend", false, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(ChardevBackend) backend = NULL;
    bool mux = false;

    if (!opts) {
        return;
    }
    backend = char_backend_from_opts("id", opts, true, &mux, &error);
    g_assert_true((backend == NULL) == (error != NULL));
    if (backend) {
        char_common(backend);
    }
}

/* Nothing is opened: only what is asked for is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = fuzz_text(data, len);
    g_autofree char *argument = char_legacy_to_opts(text);

    read_argument(text);
    if (argument) {
        read_argument(argument);
    }
    return 0;
}
