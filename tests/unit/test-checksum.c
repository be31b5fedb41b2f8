/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the Internet checksum against sums made word by word. */

#include <string.h>
#include <glib.h>

#include "net/packet/checksum.h"

/* The definition: 16-bit words in network order, the carry added at once. */
static uint16_t plain_checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return GUINT16_TO_BE((uint16_t)~sum);
}

static void fill(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)g_test_rand_int_range(0, 256);
    }
}

/* The example of RFC 1071, section 3. */
static void test_example(void)
{
    static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
    uint64_t sum = net_checksum_add(0, data, sizeof(data));

    g_assert_cmphex(GUINT16_FROM_BE(net_checksum_fold(sum)), ==, 0xddf2);
    g_assert_cmphex(GUINT16_FROM_BE(net_checksum_finish(sum)), ==, 0x220d);
}

static void test_every_length(void)
{
    uint8_t data[300];

    fill(data, sizeof(data));
    for (size_t len = 0; len <= sizeof(data); len++) {
        g_autofree uint8_t *copy = g_memdup2(data, len);

        g_assert_cmphex(net_checksum_finish(net_checksum_add(0, copy, len)), ==,
                        plain_checksum(data, len));
    }
}

/* From any place, aligned or not. */
static void test_every_alignment(void)
{
    uint8_t data[64];

    fill(data, sizeof(data));
    for (size_t from = 0; from < 20; from++) {
        for (size_t len = 0; from + len <= sizeof(data); len++) {
            uint16_t checksum = net_checksum_finish(net_checksum_add(0, data + from, len));

            g_assert_cmphex(checksum, ==, plain_checksum(data + from, len));
        }
    }
}

static void test_never_zero_for_udp(void)
{
    static const uint8_t ones[] = { 0xff, 0xff };

    g_assert_cmphex(net_checksum_finish_nonzero(net_checksum_add(0, ones, 2)), ==, 0xffff);
    g_assert_cmphex(net_checksum_finish_nonzero(net_checksum_add(0, ones, 1)), ==,
                    plain_checksum(ones, 1));
}

static void test_pieces(void)
{
    uint8_t data[257];

    fill(data, sizeof(data));
    for (size_t cut = 0; cut < sizeof(data); cut += 2) {
        uint64_t sum = net_checksum_add(0, data, cut);

        sum = net_checksum_add(sum, data + cut, sizeof(data) - cut);
        g_assert_cmphex(net_checksum_finish(sum), ==, plain_checksum(data, sizeof(data)));
    }
}

static void test_words(void)
{
    static const uint8_t data[] = { 10, 0, 0, 1, 0, 6, 0xff, 0xfe };
    uint64_t sum = net_checksum_add_word(0, GUINT32_TO_BE(0x0a000001));

    sum = net_checksum_add_word(sum, GUINT16_TO_BE(6));
    sum = net_checksum_add_word(sum, GUINT16_TO_BE(0xfffe));
    g_assert_cmphex(net_checksum_finish(sum), ==, plain_checksum(data, sizeof(data)));
}

/* No carry is lost in the longest frame. */
static void test_all_ones(void)
{
    const size_t len = 69632;
    g_autofree uint8_t *data = g_malloc(len);

    memset(data, 0xff, len);
    g_assert_cmphex(net_checksum_finish(net_checksum_add(0, data, len)), ==, 0);
    g_assert_cmphex(net_checksum_fold(UINT64_MAX), ==, 0xffff);
    g_assert_cmphex(net_checksum_fold(0), ==, 0);
}

/* Bytes 0 and 1 are the checksum of the rest; then the rest changes. */
static void test_replace(void)
{
    for (int round = 0; round < 2000; round++) {
        uint8_t data[40];
        uint64_t old_sum;
        uint16_t checksum;
        size_t at = 2 + 2 * (size_t)g_test_rand_int_range(0, 17);

        fill(data, sizeof(data));
        checksum = plain_checksum(data + 2, sizeof(data) - 2);
        old_sum = net_checksum_add(0, data + at, 4);
        fill(data + at, 4);
        checksum = net_checksum_replace(checksum, old_sum,
                                        net_checksum_add(0, data + at, 4));
        g_assert_cmphex(checksum, ==, plain_checksum(data + 2, sizeof(data) - 2));
    }
}

/* RFC 1624, section 4: the case that an earlier formula got wrong. */
static void test_replace_does_not_make_minus_zero(void)
{
    uint16_t old_word = GUINT16_TO_BE(0x5555);
    uint16_t new_word = GUINT16_TO_BE(0x3285);
    uint16_t checksum = net_checksum_replace(GUINT16_TO_BE(0xdd2f), old_word, new_word);

    g_assert_cmphex(GUINT16_FROM_BE(checksum), ==, 0x0000);
}

static void test_replace_keeps_damage(void)
{
    uint8_t data[] = { 1, 2, 3, 4 };
    uint16_t checksum = plain_checksum(data, sizeof(data)) ^ 0x0101;
    uint64_t old_sum = net_checksum_add(0, data, sizeof(data));

    data[1] = 77;
    checksum = net_checksum_replace(checksum, old_sum, net_checksum_add(0, data, 4));
    g_assert_cmphex(checksum, !=, plain_checksum(data, sizeof(data)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/checksum/example", test_example);
    g_test_add_func("/checksum/every-length", test_every_length);
    g_test_add_func("/checksum/every-alignment", test_every_alignment);
    g_test_add_func("/checksum/never-zero-for-udp", test_never_zero_for_udp);
    g_test_add_func("/checksum/pieces", test_pieces);
    g_test_add_func("/checksum/words", test_words);
    g_test_add_func("/checksum/all-ones", test_all_ones);
    g_test_add_func("/checksum/replace", test_replace);
    g_test_add_func("/checksum/replace-does-not-make-minus-zero",
                    test_replace_does_not_make_minus_zero);
    g_test_add_func("/checksum/replace-keeps-damage", test_replace_keeps_damage);
    return g_test_run();
}
