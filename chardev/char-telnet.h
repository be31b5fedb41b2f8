/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The telnet protocol on a socket back end, as much of it as a console needs. */

#ifndef CHARDEV_CHAR_TELNET_H
#define CHARDEV_CHAR_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What the next byte is. */
typedef enum CharTelnetState {
    CHAR_TELNET_DATA,
    CHAR_TELNET_COMMAND,    /* behind IAC */
    CHAR_TELNET_OPTION,     /* behind IAC and WILL, WONT, DO or DONT */
    CHAR_TELNET_SUB,        /* in a subnegotiation */
    CHAR_TELNET_SUB_ESCAPE, /* behind IAC in a subnegotiation */
} CharTelnetState;

/** What a server sends first: it echoes, no go-aheads, binary both ways. */
extern const uint8_t char_telnet_greeting[12];

/**
 * char_telnet_filter: take the telnet commands out of @data, in place
 * @n_breaks: (out) how many breaks were among them
 *
 * Source: RFC 854.
 * Returns: how many bytes are left.
 */
size_t char_telnet_filter(CharTelnetState *state, uint8_t *data, size_t len, unsigned *n_breaks);

#endif
