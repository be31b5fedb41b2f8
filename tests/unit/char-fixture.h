/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two chardevs whose streams are in the hands of a test. */

#ifndef TESTS_UNIT_CHAR_FIXTURE_H
#define TESTS_UNIT_CHAR_FIXTURE_H

#include <glib.h>

#include "chardev/char-internal.h"

#define FIXTURE_FRAME_LEN 60

/** A chardev whose stream is in the hands of the test. */
typedef struct FixtureChar {
    Chardev *chr;
    const ChardevClass *real_class;
    GByteArray *written; /* and not yet asserted */
    size_t room;         /* bytes it takes */
    int error;           /* writing fails with this errno */
    unsigned n_disconnects;
    unsigned n_updates;  /* how often it had to look what its user wants */
} FixtureChar;

/** The chardevs "c0" and "c1", between set-up and tear-down. */
extern FixtureChar fixture_chars[2];

void fixture_chars_setup(void);

/** fixture_chars_teardown: nothing may be attached to them any more. */
void fixture_chars_teardown(void);

/** fixture_frame: bytes of frame number @seq; FIXTURE_FRAME_LEN of them. */
void fixture_frame(uint8_t *data, uint32_t seq);

/** fixture_expect_written: @ch has got exactly these frames, whole, since last asked. */
void fixture_expect_written(FixtureChar *ch, uint32_t first, size_t n, bool vnet_hdr);

/** fixture_append: frames in stream form to the end of @stream. */
void fixture_append(GByteArray *stream, uint32_t first, size_t n, bool vnet_hdr);

/** fixture_feed: frames in stream form arrive at @ch, in one read. */
void fixture_feed(FixtureChar *ch, uint32_t first, size_t n, bool vnet_hdr);

/** fixture_open: the connection of @ch comes or goes. */
void fixture_open(FixtureChar *ch, bool open);

#endif
