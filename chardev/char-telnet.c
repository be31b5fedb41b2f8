/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The telnet protocol: commands are taken out of the input, options are not negotiated. */

#include "chardev/char-telnet.h"

/** Commands of RFC 854. */
enum {
    TELNET_SE = 0xf0,
    TELNET_BREAK = 0xf3,
    TELNET_SB = 0xfa,
    TELNET_WILL = 0xfb,
    TELNET_DO = 0xfd,
    TELNET_DONT = 0xfe,
    TELNET_IAC = 0xff,
};

/** Options of RFC 856 to 858. */
enum {
    TELNET_OPTION_BINARY = 0,
    TELNET_OPTION_ECHO = 1,
    TELNET_OPTION_NO_GO_AHEAD = 3,
};

const uint8_t char_telnet_greeting[12] = {
    TELNET_IAC, TELNET_WILL, TELNET_OPTION_ECHO,
    TELNET_IAC, TELNET_WILL, TELNET_OPTION_NO_GO_AHEAD,
    TELNET_IAC, TELNET_WILL, TELNET_OPTION_BINARY,
    TELNET_IAC, TELNET_DO, TELNET_OPTION_BINARY,
};

/** The byte behind IAC, which is not IAC. */
static CharTelnetState char_telnet_command(uint8_t command)
{
    if (command == TELNET_SB) {
        return CHAR_TELNET_SUB;
    }
    return command >= TELNET_WILL && command <= TELNET_DONT ? CHAR_TELNET_OPTION
                                                            : CHAR_TELNET_DATA;
}

size_t char_telnet_filter(CharTelnetState *state, uint8_t *data, size_t len, unsigned *n_breaks)
{
    size_t n_kept = 0;

    *n_breaks = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_iac = data[i] == TELNET_IAC;

        switch (*state) {
        case CHAR_TELNET_DATA:
            if (is_iac) {
                *state = CHAR_TELNET_COMMAND;
            } else {
                data[n_kept++] = data[i];
            }
            break;
        case CHAR_TELNET_COMMAND:
            if (is_iac) {
                data[n_kept++] = data[i];
            }
            *n_breaks += data[i] == TELNET_BREAK;
            *state = is_iac ? CHAR_TELNET_DATA : char_telnet_command(data[i]);
            break;
        case CHAR_TELNET_OPTION:
            *state = CHAR_TELNET_DATA;
            break;
        case CHAR_TELNET_SUB:
            *state = is_iac ? CHAR_TELNET_SUB_ESCAPE : CHAR_TELNET_SUB;
            break;
        case CHAR_TELNET_SUB_ESCAPE:
            *state = data[i] == TELNET_SE ? CHAR_TELNET_DATA : CHAR_TELNET_SUB;
            break;
        }
    }
    return n_kept;
}
