/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit test of the interactive human monitor: banner, prompt, editing, history, completion. */

/*
 *   test (terminal) ==socketpair== chardev -- monitor     all in this process
 */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "config.h"

#include "chardev/char.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "util/error.h"
#include "util/fd.h"

#define DEADLINE_US (5 * G_USEC_PER_SEC)
#define BANNER "qemu-net-daemon " PROJECT_VERSION \
    " monitor - type 'help' for more information\r\n(qemu-net-daemon) "

/* libtinfo keeps the description of a terminal only for the editor that came last. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libtinfo";
}

typedef struct TestTerminal {
    int fd;
    GString *seen; /* received, not yet expected */
} TestTerminal;

static unsigned test_n_terminals;

/* @n_monitors > 1: they share a mux. */
static TestTerminal *terminal_new(int n_monitors)
{
    TestTerminal *terminal = g_new0(TestTerminal, 1);
    g_autofree char *opts = NULL;
    g_autoptr(GError) error = NULL;
    Chardev *chr;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    opts = g_strdup_printf("socket,id=t%u,fd=%d,mux=%s", test_n_terminals++, fds[1],
                           n_monitors > 1 ? "on" : "off");
    chr = char_new_from_opts(opts, &error);
    for (int i = 0; i < n_monitors; i++) {
        monitor_add(chr, MONITOR_MODE_READLINE, false, &error);
        g_assert_no_error(error);
    }
    g_assert_true(fd_set_nonblocking(fds[0], true));
    terminal->fd = fds[0];
    terminal->seen = g_string_new(NULL);
    return terminal;
}

static void terminal_free(TestTerminal *terminal)
{
    fd_close(&terminal->fd);
    g_string_free(terminal->seen, true);
    g_free(terminal);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestTerminal, terminal_free)

static void terminal_type(TestTerminal *terminal, const char *keys)
{
    g_assert_cmpint(send(terminal->fd, keys, strlen(keys), MSG_NOSIGNAL), ==,
                    (ssize_t)strlen(keys));
}

/* Waits until @text has been shown and forgets all up to its end. */
static void terminal_expect(TestTerminal *terminal, const char *text)
{
    int64_t deadline_us = g_get_monotonic_time() + DEADLINE_US;
    const char *found;

    while (!(found = strstr(terminal->seen->str, text))) {
        char buffer[4096];
        ssize_t n;

        if (g_get_monotonic_time() >= deadline_us) {
            g_autofree char *seen = g_strescape(terminal->seen->str, NULL);

            g_error("\"%s\" was not shown, but: %s", text, seen);
        }
        g_main_context_iteration(NULL, true);
        n = recv(terminal->fd, buffer, sizeof(buffer), 0);
        g_assert_cmpint(n, !=, 0);
        if (n > 0) {
            g_string_append_len(terminal->seen, buffer, n);
        }
    }
    g_string_erase(terminal->seen, 0, found + strlen(text) - terminal->seen->str);
}

/* A terminal at its first prompt. */
static TestTerminal *terminal_ready(void)
{
    TestTerminal *terminal = terminal_new(1);

    terminal_expect(terminal, BANNER);
    return terminal;
}

/* --- A command that tells what arrived -------------------------------------------------------- */

static void test_run_echo(Hmp *hmp)
{
    hmp_printf(hmp, "[%s]\n", hmp_str(hmp, "text"));
}

static void test_complete_echo(const char *word, int arg_index, GPtrArray *candidates)
{
    g_ptr_array_add(candidates, g_strdup("apple"));
    g_ptr_array_add(candidates, g_strdup("apricot"));
    g_ptr_array_add(candidates, g_strdup("pear"));
}

static const HmpCommand test_commands[] = {
    { .name = "zz-echo", .args = "text:S", .params = "TEXT", .help = "print TEXT",
      .run = test_run_echo, .complete = test_complete_echo },
};

/* --- Tests -------------------------------------------------------------------------------- */

typedef struct TestKeys {
    const char *path;
    const char *keys;
    const char *shown;
    bool needs_editor; /* plain lines do not know these keys */
} TestKeys;

static const TestKeys test_keys[] = {
    { "carriage-return-ends-a-line", "zz-echo a\r", "\r\n[a]\r\n(qemu-net-daemon) ", false },
    { "line-feed-ends-a-line", "zz-echo a\n", "\r\n[a]\r\n(qemu-net-daemon) ", false },
    { "both-end-one-line", "zz-echo a\r\nzz-echo b\r\n",
      "[a]\r\n(qemu-net-daemon) zz-echo b\r\n[b]\r\n", false },
    { "empty-line-prints-a-prompt", "\r", "\r\n(qemu-net-daemon) ", false },
    { "unknown-command", "foo\r", "unknown command: 'foo'\r\n(qemu-net-daemon) ", false },
    { "keys-are-echoed", "zz-echo abc", "zz-echo abc", false },
    { "backspace-deletes", "zz-echo ab\bc\r", "[ac]\r\n", false },
    { "delete-key-deletes", "zz-echo ab\177c\r", "[ac]\r\n", false },
    { "bytes-that-are-no-utf8-are-dropped", "zz-echo a\xff\xc3(b\r", "[a(b]\r\n", false },
    { "utf8-arrives-whole", "zz-echo \xc3\xa9\xe2\x82\xac\r", "[\xc3\xa9\xe2\x82\xac]\r\n", false },
    { "utf8-is-echoed", "zz-echo \xc3\xa9\xe2\x82\xac", "zz-echo \xc3\xa9\xe2\x82\xac", false },
    { "cursor-left-inserts", "zz-echo b\x1b[Da\r", "[ab]\r\n", true },
    { "home-and-end", "echo a\x1b[Hzz-\x1b[Fb\r", "[ab]\r\n", true },
    { "control-a-and-k-clear", "foo\x01\x0bzz-echo a\r", "[a]\r\n", true },
    { "control-c-clears", "foo\x03zz-echo a\r", "[a]\r\n", true },
    { "cursor-up-recalls", "zz-echo 1\rzz-echo 2\r\x1b[A\x1b[A3\r", "[13]\r\n", true },
    { "cursor-down-goes-back", "zz-echo 1\rzz-echo 2\r\x1b[A\x1b[A\x1b[B3\r", "[23]\r\n", true },
    { "control-d-on-an-empty-line-is-harmless", "\x04zz-echo a\r", "[a]\r\n", true },
    { "escape-x-is-harmless", "\x1bxzz-echo a\r", "[a]\r\n", true },
    { "control-r-shows-the-line-again", "zz-echo a\x12" "b\r", "[ab]\r\n", true },
    { "control-s-is-harmless", "zz-echo a\x13" "b\r", "[ab]\r\n", true },
    { "quoted-key", "zz-echo \x16\x01\r", "[\x01]\r\n", true },
    { "long-escape-sequence-is-harmless", "\x1b[1;1;1;1;1;1;1;1;1;1;1;1;1~\r\x03zz-echo a\r",
      "[a]\r\n", true },
    { "tab-completes-a-command", "zz-e\t a\r", "[a]\r\n", true },
    { "tab-completes-an-argument", "zz-echo pe\t\r", "[pear ]\r\n", true },
    { "tab-goes-as-far-as-all-agree", "zz-echo a\tr\t\r", "[apricot ]\r\n", true },
    { "second-tab-lists", "zz-echo a\t\t", "\r\napple  apricot\r\n", true },
};

static bool test_has_editor(void)
{
#ifdef CONFIG_LIBEDIT
    return true;
#else
    return false;
#endif
}

static void test_keys_at_once(const void *opaque)
{
    const TestKeys *test = opaque;
    g_autoptr(TestTerminal) terminal = NULL;

    if (test->needs_editor && !test_has_editor()) {
        g_test_skip("built without libedit");
        return;
    }
    terminal = terminal_ready();
    terminal_type(terminal, test->keys);
    terminal_expect(terminal, test->shown);
}

/* The same, each byte in a write of its own. */
static void test_keys_byte_by_byte(const void *opaque)
{
    const TestKeys *test = opaque;
    g_autoptr(TestTerminal) terminal = NULL;

    if (test->needs_editor && !test_has_editor()) {
        g_test_skip("built without libedit");
        return;
    }
    terminal = terminal_ready();
    for (const char *key = test->keys; *key; key++) {
        g_assert_cmpint(send(terminal->fd, key, 1, MSG_NOSIGNAL), ==, 1);
        while (g_main_context_iteration(NULL, false)) {
            continue;
        }
    }
    terminal_expect(terminal, test->shown);
}

static void test_terminals_are_independent(void)
{
    g_autoptr(TestTerminal) first = terminal_ready();
    g_autoptr(TestTerminal) second = terminal_ready();

    terminal_type(first, "zz-ec");
    terminal_expect(first, "zz-ec");
    terminal_type(second, "zz-echo 2\r");
    terminal_expect(second, "[2]\r\n(qemu-net-daemon) ");
    terminal_type(first, "ho 1\r");
    terminal_expect(first, "[1]\r\n(qemu-net-daemon) ");
}

static void test_mux_turns_between_monitors(void)
{
    g_autoptr(TestTerminal) terminal = terminal_new(2);

    terminal_expect(terminal, BANNER BANNER);
    terminal_type(terminal, "zz-echo 2");
    terminal_expect(terminal, "zz-echo 2");
    /* To the other monitor and back: the line is still there and is shown again. */
    terminal_type(terminal, "\x01" "czz-echo 1\r");
    terminal_expect(terminal, "[1]\r\n(qemu-net-daemon) ");
    terminal_type(terminal, "\x01" "c");
    terminal_expect(terminal, "(qemu-net-daemon) zz-echo 2");
    terminal_type(terminal, "\r");
    terminal_expect(terminal, "[2]\r\n(qemu-net-daemon) ");
}

static gboolean test_wake_up(gpointer opaque)
{
    return G_SOURCE_CONTINUE;
}

/* Memory is bounded although the line never ends. */
static void test_line_has_an_end(void)
{
    g_autoptr(TestTerminal) terminal = terminal_ready();
    g_autofree char *typed = g_strnfill(6000, 'a');
    g_autofree char *kept = g_strnfill(4096 - strlen("zz-echo "), 'a');
    g_autofree char *shown = g_strdup_printf("[%s]\r\n", kept);

    terminal_type(terminal, "zz-echo ");
    terminal_type(terminal, typed);
    terminal_type(terminal, "\n");
    terminal_expect(terminal, shown);
    terminal_type(terminal, "zz-echo next\n");
    terminal_expect(terminal, "[next]\r\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hmp_register(test_commands, G_N_ELEMENTS(test_commands), false);
    g_timeout_add(50, test_wake_up, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(test_keys); i++) {
        g_autofree char *once = g_strconcat("/hmp-session/", test_keys[i].path, NULL);
        g_autofree char *bytes = g_strconcat("/hmp-session/byte-by-byte/", test_keys[i].path, NULL);

        g_test_add_data_func(once, &test_keys[i], test_keys_at_once);
        g_test_add_data_func(bytes, &test_keys[i], test_keys_byte_by_byte);
    }
    g_test_add_func("/hmp-session/terminals-are-independent", test_terminals_are_independent);
    g_test_add_func("/hmp-session/line-has-an-end", test_line_has_an_end);
    g_test_add_func("/hmp-session/mux-turns-between-monitors", test_mux_turns_between_monitors);
    return g_test_run();
}
