/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scalars written as text on the command line. */

#include "qapi/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <glib.h>

bool text_to_bool(const char *text, bool *value)
{
    static const char *const yes[] = { "on", "yes", "true", "y", NULL };
    static const char *const no[] = { "off", "no", "false", "n", NULL };

    if (g_strv_contains(yes, text)) {
        *value = true;
        return true;
    }
    if (g_strv_contains(no, text)) {
        *value = false;
        return true;
    }
    return false;
}

bool text_to_int64(const char *text, int64_t *value)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 0);
    if (errno || end == text || *end) {
        return false;
    }
    *value = number;
    return true;
}

/* strtoull() takes "-1" for a large number; here it is none. */
static bool text_is_negative(const char *text)
{
    while (g_ascii_isspace(*text)) {
        text++;
    }
    return *text == '-';
}

bool text_to_uint64(const char *text, uint64_t *value)
{
    char *end;
    unsigned long long number;

    if (text_is_negative(text)) {
        return false;
    }
    errno = 0;
    number = strtoull(text, &end, 0);
    if (errno || end == text || *end) {
        return false;
    }
    *value = number;
    return true;
}

/* Returns: the power of two that a suffix stands for, -1 if it is none. */
static int text_suffix_shift(char suffix)
{
    static const char suffixes[] = "bkmgtpe";
    const char *found = strchr(suffixes, g_ascii_tolower(suffix));

    return found && suffix ? (int)(found - suffixes) * 10 : -1;
}

/* Reads ".digits" as a fraction of 2^@shift; advances *@pos. */
static double text_fraction(const char **pos)
{
    double fraction = 0, unit = 0.1;

    for ((*pos)++; g_ascii_isdigit(**pos); (*pos)++) {
        fraction += (**pos - '0') * unit;
        unit /= 10;
    }
    return fraction;
}

/* Reads the part behind the whole number @number, which ended at @pos. */
static bool text_size_scale(uint64_t number, const char *pos, uint64_t *value)
{
    bool has_fraction = *pos == '.';
    double fraction = has_fraction ? text_fraction(&pos) : 0;
    int shift = *pos ? text_suffix_shift(*pos++) : 0;
    uint64_t extra;

    if (shift < 0 || *pos || (has_fraction && shift == 0) || number > (UINT64_MAX >> shift)) {
        return false;
    }
    extra = (uint64_t)ldexp(fraction, shift);
    number <<= shift;
    if (number > UINT64_MAX - extra) {
        return false;
    }
    *value = number + extra;
    return true;
}

bool text_to_size(const char *text, uint64_t *value)
{
    const char *digits = text;
    char *end;
    unsigned long long number;

    while (g_ascii_isspace(*digits)) {
        digits++;
    }
    digits += *digits == '+';
    if (!g_ascii_isdigit(*digits)) {
        return false;
    }
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        return text_to_uint64(digits, value);
    }
    errno = 0;
    number = strtoull(digits, &end, 10);
    return errno == 0 && text_size_scale(number, end, value);
}

bool text_to_double(const char *text, double *value)
{
    char *end;
    double number;

    errno = 0;
    number = g_ascii_strtod(text, &end);
    if (errno || end == text || *end || !isfinite(number)) {
        return false;
    }
    *value = number;
    return true;
}
