/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of authz-list-file: what its file may hold, and that it is read again when it changes. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "cases.h"
#include "loop.h"
#include "qom/authz.h"
#include "qom/object.h"
#include "util/log.h"

/*
 *   test ──► file ──► inotify ──► object on the loop ◄── who may come?
 */

#define ONLY(name) "{\"rules\": [{\"match\": \"" name "\", \"policy\": \"allow\"}]}"

/* A folder that is removed at the end, and the file in it; "FILE" in messages stands for it. */
static char *folder;
static char *path;

static void write_file(const char *text)
{
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static bool add(const char *options, GError **error)
{
    g_autofree char *text = g_strdup_printf("{\"qom-type\": \"authz-list-file\", \"id\": \"a0\", "
                                            "\"filename\": \"%s\"%s}", path, options);
    g_autoptr(GError) local = NULL;
    g_autoptr(ObjectOptions) parsed = object_options_parse(text, &local);

    g_assert_no_error(local);
    return object_add(parsed, error);
}

static void add_ok(const char *options)
{
    g_autoptr(GError) error = NULL;

    add(options, &error);
    g_assert_no_error(error);
}

/* All changes so far are seen: the kernel has told of them before the write has returned. */
static void expect(const char *name, bool is_allowed)
{
    g_autoptr(GError) error = NULL;

    loop_run_ready(100);
    g_assert_cmpint(authz_is_allowed("a0", name, &error), ==, is_allowed);
}

/* --- What it may hold -------------------------------------------------------------------- */

typedef struct FileCase {
    const char *name;
    const char *text;    /* NULL = there is no file */
    const char *allowed; /* a peer that may come; NULL = not asked */
    const char *denied;
    const char *error;   /* begins so */
} FileCase;

static const FileCase file_cases[] = {
    { "rules-in-order",
      "{\"policy\": \"deny\", \"rules\": [\n"
      "  {\"match\": \"CN=old\", \"policy\": \"deny\", \"format\": \"exact\"},\n"
      "  {\"match\": \"CN=*\", \"policy\": \"allow\", \"format\": \"glob\"}\n]}\n",
      "CN=new", "CN=old" },
    { "default-policy-is-deny", ONLY("CN=x"), "CN=x", "CN=y" },
    { "policy-without-rules", "{\"policy\": \"allow\"}", "anybody", NULL },
    { "nothing-allows-nobody", "{}", NULL, "anybody" },

    { "no-file", NULL, .error = "Unable to read 'FILE': No such file or directory" },
    { "empty", "", .error = "File 'FILE': " },
    { "no-json", "CN=x\n", .error = "File 'FILE': " },
    { "half", "{\"policy\": \"allow\"", .error = "File 'FILE': " },
    { "no-object", "[\"CN=x\"]", .error = "File 'FILE' must contain a JSON object" },
    { "null", "null", .error = "File 'FILE' must contain a JSON object" },
    { "unknown-member", "{\"polcy\": \"allow\"}",
      .error = "File 'FILE': Parameter 'polcy' is unexpected" },
    { "unknown-policy", "{\"policy\": \"perhaps\"}",
      .error = "File 'FILE': Parameter 'policy' does not accept value 'perhaps'" },
    { "rule-without-policy", "{\"rules\": [{\"match\": \"x\"}]}",
      .error = "File 'FILE': Parameter 'rules[0].policy' is missing" },
};

static void test_file(const void *data)
{
    const FileCase *row = data;
    g_autoptr(GError) error = NULL;

    g_unlink(path);
    if (row->text) {
        write_file(row->text);
    }
    add("", &error);
    if (row->error) {
        g_auto(GStrv) parts = g_strsplit(row->error, "FILE", -1);
        g_autofree char *want = g_strjoinv(path, parts);

        g_assert_nonnull(error);
        g_assert_true(g_str_has_prefix(error->message, want));
        g_assert_null(object_find("a0"));
    } else {
        g_assert_no_error(error);
        if (row->allowed) {
            expect(row->allowed, true);
        }
        if (row->denied) {
            expect(row->denied, false);
        }
    }
    object_delete_all();
}

static void expect_options_error(const char *options, const char *want)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) local = NULL;
    g_autoptr(ObjectOptions) parsed = object_options_parse_keyval(options, &local);

    g_assert_no_error(local);
    g_assert_false(object_add(parsed, &error));
    g_assert_cmpstr(error->message, ==, want);
}

static void test_filename(void)
{
    g_autofree char *in_folder = g_strdup_printf("authz-list-file,id=a0,filename=%s", folder);
    g_autofree char *want = g_strdup_printf("Unable to read '%s': it is no regular file", folder);

    expect_options_error("authz-list-file,id=a0,filename=peers.json",
                         "Filename must be an absolute path");
    expect_options_error("authz-list-file,id=a0,filename=/nowhere/peers.json",
                         "Unable to watch '/nowhere': No such file or directory");
    expect_options_error("authz-list-file,id=a0,filename=/nowhere/peers.json,refresh=off",
                         "Unable to read '/nowhere/peers.json': No such file or directory");
    expect_options_error(in_folder, want);
}

static void test_nul_byte(void)
{
    static const char text[] = "{}\0";
    g_autofree char *want = g_strdup_printf("File '%s' has a NUL byte", path);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, sizeof(text), NULL));
    g_assert_false(add("", &error));
    g_assert_cmpstr(error->message, ==, want);
}

/* The name that QEMU's schema has. */
static void test_other_name(void)
{
    g_autofree char *text = g_strdup_printf("authz-listfile,id=a0,filename=%s", path);
    g_autoptr(ObjectOptions) parsed = object_options_parse_keyval(text, NULL);
    g_autoptr(GError) error = NULL;

    write_file(ONLY("CN=x"));
    object_add(parsed, &error);
    g_assert_no_error(error);
    expect("CN=x", true);
    object_delete_all();
}

/* --- Changes ----------------------------------------------------------------------------- */

static void test_replaced(void)
{
    write_file(ONLY("CN=x"));
    add_ok("");
    expect("CN=x", true);
    write_file(ONLY("CN=y"));
    expect("CN=x", false);
    expect("CN=y", true);
    object_delete_all();
}

/* What is half written does not count, and is not complained of: it may be completed. */
static void test_written_in_place(void)
{
    static const char text[] = ONLY("CN=y");
    FILE *file;

    write_file(ONLY("CN=x"));
    add_ok("");
    file = fopen(path, "w");
    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(text, 1, 10, file), ==, 10);
    g_assert_cmpint(fflush(file), ==, 0);
    expect("CN=x", true);
    g_assert_cmpuint(fwrite(text + 10, 1, strlen(text) - 10, file), ==, strlen(text) - 10);
    g_assert_cmpint(fclose(file), ==, 0);
    expect("CN=x", false);
    expect("CN=y", true);
    object_delete_all();
}

static void test_not_refreshed(void)
{
    write_file(ONLY("CN=x"));
    add_ok(", \"refresh\": false");
    write_file(ONLY("CN=y"));
    expect("CN=x", true);
    object_delete_all();
}

/* Another file of the folder, a name that begins alike. */
static void test_neighbour(void)
{
    g_autofree char *other = g_strconcat(path, "2", NULL);

    write_file(ONLY("CN=x"));
    add_ok("");
    g_assert_true(g_file_set_contents(other, "garbage", -1, NULL));
    expect("CN=x", true);
    g_unlink(other);
    expect("CN=x", true);
    object_delete_all();
}

/* Until it is good again the rules that were read before count. @warning: what is said. */
static void check_unusable(void (*spoil)(void), const char *warning)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr(warning);
        return;
    }
    write_file(ONLY("CN=x"));
    add_ok("");
    spoil();
    expect("CN=x", true);
    expect("CN=y", false);
    write_file(ONLY("CN=y"));
    expect("CN=x", false);
    expect("CN=y", true);
    object_delete_all();
}

#define WARNING "*warning: authz-list-file 'a0': the file has changed, but cannot be used; the " \
    "rules read before still are: "

static void spoil_text(void)
{
    write_file("{\"policy\": \"allow\"");
}

static void test_broken(void)
{
    check_unusable(spoil_text, WARNING "File '*");
}

static void spoil_by_removal(void)
{
    g_assert_cmpint(g_unlink(path), ==, 0);
}

static void test_removed(void)
{
    check_unusable(spoil_by_removal, WARNING "Unable to read '*': No such file or directory*");
}

static void spoil_by_rename(void)
{
    g_autofree char *other = g_strconcat(path, "2", NULL);

    g_assert_cmpint(g_rename(path, other), ==, 0);
    expect("CN=x", true);
    g_unlink(other);
}

static void test_renamed(void)
{
    check_unusable(spoil_by_rename, WARNING "Unable to read '*': No such file or directory*");
}

/* Nothing is told of a folder that has gone, and that is said. */
static void test_folder_gone(void)
{
    g_autofree char *other = g_strconcat(folder, "2", NULL);

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr(WARNING "Unable to read '*': No such file or directory*");
        return;
    }
    write_file(ONLY("CN=x"));
    add_ok("");
    g_assert_cmpint(g_rename(folder, other), ==, 0);
    expect("CN=x", true);
    object_delete_all();
    g_assert_cmpint(g_rename(other, folder), ==, 0);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    log_init("test");
    folder = g_dir_make_tmp("qnd-authz-XXXXXX", NULL);
    path = g_build_filename(folder, "peers.json", NULL);
    CASES_ADD("/authz-list-file/file/", file_cases, name, test_file);
    g_test_add_func("/authz-list-file/filename", test_filename);
    g_test_add_func("/authz-list-file/nul-byte", test_nul_byte);
    g_test_add_func("/authz-list-file/other-name", test_other_name);
    g_test_add_func("/authz-list-file/replaced", test_replaced);
    g_test_add_func("/authz-list-file/written-in-place", test_written_in_place);
    g_test_add_func("/authz-list-file/not-refreshed", test_not_refreshed);
    g_test_add_func("/authz-list-file/neighbour", test_neighbour);
    g_test_add_func("/authz-list-file/broken", test_broken);
    g_test_add_func("/authz-list-file/removed", test_removed);
    g_test_add_func("/authz-list-file/renamed", test_renamed);
    g_test_add_func("/authz-list-file/folder-gone", test_folder_gone);
    status = g_test_run();
    g_unlink(path);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
    return status;
}
