/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of -object and object_add: from text to options, and the help texts. */

#include <string.h>
#include <glib.h>

#include "qom/object.h"
#include "util/error.h"

static void assert_error(GError **error, const char *message)
{
    g_assert_error(*error, ERROR_DOMAIN, (int)ERROR_CLASS_GENERIC);
    g_assert_cmpstr((*error)->message, ==, message);
    g_clear_error(error);
}

static void test_parse(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ObjectOptions) options = NULL;

    options = object_options_parse("filter-buffer,id=p0,netdev=n,interval=0x10,queue=rx", &error);
    g_assert_no_error(error);
    g_assert_cmpint(options->qom_type, ==, OBJECT_TYPE_FILTER_BUFFER);
    g_assert_cmpstr(options->id, ==, "p0");
    g_assert_cmpuint(options->u.filter_buffer.interval, ==, 16);
    g_assert_cmpint(options->u.filter_buffer.queue, ==, NET_FILTER_DIRECTION_RX);
}

static void test_parse_json(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ObjectOptions) options = NULL;

    options = object_options_parse("{\"qom-type\":\"filter-buffer\",\"id\":\"p1\","
                                   "\"netdev\":\"n\",\"interval\":5}", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(options->u.filter_buffer.interval, ==, 5);
}

static void check_parse_error(const char *text, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(object_options_parse(text, &error));
    assert_error(&error, message);
}

static void test_parse_errors(void)
{
    check_parse_error("nosuch,id=a", "Parameter 'qom-type' does not accept value 'nosuch'");
    check_parse_error("filter-buffer,netdev=n,interval=1", "Parameter 'id' is missing");
    check_parse_error("filter-buffer,id=1,netdev=n,interval=1",
                      "Parameter 'id' expects an identifier");
    check_parse_error("filter-buffer,id=p2,interval=1", "Parameter 'netdev' is missing");
    check_parse_error("filter-buffer,id=p2,netdev=n,interval=1,bogus=2",
                      "Invalid parameter 'bogus'");
    check_parse_error("id=p2", "Parameter 'qom-type' is missing");
}

static void test_parse_duplicate(void)
{
    const char *text = "filter-buffer,id=p3,netdev=n,interval=1";
    g_autoptr(ObjectOptions) options = object_options_parse(text, NULL);

    g_assert_nonnull(options);
    check_parse_error(text, "Duplicate ID 'p3' for object");
}

static void test_parse_keyval(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ObjectOptions) options = NULL;

    options = object_options_parse_keyval("filter-buffer,id=k,netdev=n,interval=7", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(options->u.filter_buffer.interval, ==, 7);
    g_assert_null(object_options_parse_keyval("filter-buffer,id=k,netdev=n,interval=1,bogus=1",
                                              &error));
    assert_error(&error, "Parameter 'bogus' is unexpected");
}

static void test_help_types(void)
{
    g_autofree char *text = object_help(NULL, NULL);

    g_assert_true(g_str_has_prefix(text, "List of user creatable objects:\n  "));
    g_assert_nonnull(strstr(text, "\n  filter-buffer\n"));
    g_assert_nonnull(strstr(text, "\n  filter-mirror\n"));
    g_assert_null(strstr(text, "netfilter")); /* abstract */
}

static void test_help_type(void)
{
    g_autofree char *text = object_help("filter-buffer", NULL);
    static const char *const parts[] = {
        "\n  insert=<string>  ", "\n  interval=<uint32>  ", "\n  netdev=<string>  ",
        "\n  position=<string>  ", "\n  queue=<NetFilterDirection>  - ", "\n  status=<string>  ",
    };
    const char *last = text;

    g_assert_true(g_str_has_prefix(text, "filter-buffer options:\n"));
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *found = strstr(text, parts[i]);

        g_assert_nonnull(found);
        g_assert_true(found > last - 1); /* sorted */
        last = found;
    }
    g_assert_nonnull(strstr(text, " (one of all, rx, tx; default: all)\n"));
    g_assert_nonnull(strstr(text, " (default: on)\n"));
    g_assert_nonnull(strstr(text, " (required)\n"));
}

static void test_help_unknown(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(object_help("nosuch", &error));
    assert_error(&error, "Parameter 'qom-type' does not accept value 'nosuch'");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/object-options/parse", test_parse);
    g_test_add_func("/object-options/parse-json", test_parse_json);
    g_test_add_func("/object-options/parse-errors", test_parse_errors);
    g_test_add_func("/object-options/parse-duplicate", test_parse_duplicate);
    g_test_add_func("/object-options/parse-keyval", test_parse_keyval);
    g_test_add_func("/object-options/help-types", test_help_types);
    g_test_add_func("/object-options/help-type", test_help_type);
    g_test_add_func("/object-options/help-unknown", test_help_unknown);
    return g_test_run();
}
