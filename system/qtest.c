/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qtest server: lines of words in, one line of answer out for each. */

#include "system/qtest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "chardev/char.h"
#include "system/process.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/line-sink.h"
#include "util/log.h"
#include "util/output-file.h"

/* A longer line is cut and answered with FAIL, so that memory is bounded. */
#define QTEST_LINE_MAX (1024 * 1024)

#define QTEST_READ_SIZE 4096

static struct {
    CharFrontend fe;
    GString *line;       /* owned: received, not yet ended by LF; NULL = not started */
    bool line_too_long;  /* the line being received exceeds QTEST_LINE_MAX */
    bool has_log;
    bool log_is_stderr;
    LineSink log;        /* when it is a file */
    int64_t opened_ns;   /* when the client came */
} qtest;

/* --- Log --------------------------------------------------------------------------------- */

static double qtest_seconds(void)
{
    return (clock_now_ns(CLOCK_TYPE_REALTIME) - qtest.opened_ns) / 1e9;
}

static void qtest_log(char kind, double seconds, const char *text)
{
    const char *sign = kind == 'I' && seconds == 0 ? "" : "+";
    g_autofree char *line = NULL;

    if (!qtest.has_log) {
        return;
    }
    line = g_strdup_printf("[%c %s%.6f] %s\n", kind, sign, seconds, text);
    if (qtest.log_is_stderr) {
        log_write(line, strlen(line));
    } else {
        line_sink_write(&qtest.log, line, strlen(line));
    }
}

/* One that cannot be opened is no log. */
static void qtest_log_open(const char *name)
{
    int fd;

    qtest.log_is_stderr = !name;
    qtest.has_log = !name;
    if (name && strcmp(name, "none") != 0) {
        fd = output_file_open(name, O_TRUNC);
        qtest.has_log = fd >= 0;
        if (fd >= 0) {
            line_sink_take(&qtest.log, fd);
        }
    }
}

/* --- Commands ---------------------------------------------------------------------------- */

static void qtest_reply(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

static void qtest_reply(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    qtest_log('S', qtest_seconds(), text);
    line = g_strconcat(text, "\n", NULL);
    char_frontend_send(&qtest.fe, line, strlen(line));
}

static bool qtest_parse_ns(const char *text, int64_t *ns)
{
    char *end;

    errno = 0;
    *ns = g_ascii_strtoll(text, &end, 0);
    return errno == 0 && end != text && *end == '\0' && *ns <= CLOCK_VIRTUAL_MAX_NS;
}

static void qtest_endianness(char **words, guint n)
{
    qtest_reply("OK little");
}

static void qtest_clock_step(char **words, guint n)
{
    int64_t now = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    int64_t step;
    int64_t target;

    if (n > 1) {
        if (!qtest_parse_ns(words[1], &step)) {
            qtest_reply("FAIL invalid time '%s'", words[1]);
            return;
        }
        target = now + step;
    } else {
        target = clock_virtual_next_deadline_ns();
        if (target < 0) {
            qtest_reply("FAIL cannot advance clock to the next deadline because there is no "
                        "pending deadline");
            return;
        }
    }
    if (target <= now || target > CLOCK_VIRTUAL_MAX_NS) {
        qtest_reply("FAIL could not advance time");
        return;
    }
    clock_virtual_advance(target);
    qtest_reply("OK %" G_GINT64_FORMAT, clock_now_ns(CLOCK_TYPE_VIRTUAL));
}

static void qtest_clock_set(char **words, guint n)
{
    int64_t now = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    int64_t target;

    if (n < 2) {
        qtest_reply("FAIL clock_set needs a time");
    } else if (!qtest_parse_ns(words[1], &target)) {
        qtest_reply("FAIL invalid time '%s'", words[1]);
    } else if (target <= now) {
        qtest_reply("FAIL %" G_GINT64_FORMAT, now);
    } else {
        clock_virtual_advance(target);
        qtest_reply("OK %" G_GINT64_FORMAT, clock_now_ns(CLOCK_TYPE_VIRTUAL));
    }
}

/* There are no loadable modules. */
static void qtest_module_load(char **words, guint n)
{
    qtest_reply(n < 3 ? "FAIL module_load needs a prefix and a name" : "FAIL");
}

static const struct {
    const char *name;
    void (*run)(char **words, guint n);
    bool needs_accel; /* unknown without -accel qtest */
} qtest_commands[] = {
    { "endianness", qtest_endianness },
    { "clock_step", qtest_clock_step, true },
    { "clock_set", qtest_clock_set, true },
    { "module_load", qtest_module_load },
};

static void qtest_run(const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    bool has_accel = process_accelerator() == ACCELERATOR_QTEST;

    if (!words[0]) {
        return; /* an empty line */
    }
    qtest_log('R', qtest_seconds(), line);
    for (size_t i = 0; i < G_N_ELEMENTS(qtest_commands); i++) {
        if (strcmp(words[0], qtest_commands[i].name) == 0 &&
            (has_accel || !qtest_commands[i].needs_accel)) {
            qtest_commands[i].run(words, g_strv_length(words));
            return;
        }
    }
    qtest_reply("FAIL Unknown command '%s'", words[0]);
}

/* --- The stream -------------------------------------------------------------------------- */

/* A client that does not read its answers is not read either, so they cannot pile up. */
static size_t qtest_read_wanted(void *opaque)
{
    return char_frontend_flushed(&qtest.fe) ? QTEST_READ_SIZE : 0;
}

static bool qtest_is_busy(void *opaque)
{
    return !char_frontend_flushed(&qtest.fe);
}

static void qtest_write_ready(void *opaque)
{
    char_frontend_accept_input(&qtest.fe);
}

static void qtest_line_end(void)
{
    if (qtest.line_too_long) {
        qtest_reply("FAIL line too long");
    } else {
        qtest_run(qtest.line->str);
    }
    g_string_truncate(qtest.line, 0);
    qtest.line_too_long = false;
}

static void qtest_read(const uint8_t *data, size_t len, void *opaque)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n') {
            qtest_line_end();
        } else if (qtest.line->len < QTEST_LINE_MAX) {
            g_string_append_c(qtest.line, data[i]);
        } else {
            qtest.line_too_long = true;
        }
    }
}

static void qtest_event(CharEvent event, void *opaque)
{
    switch (event) {
    case CHAR_EVENT_OPENED:
        qtest.opened_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
        g_string_truncate(qtest.line, 0);
        qtest.line_too_long = false;
        qtest_log('I', 0, "OPENED");
        break;
    case CHAR_EVENT_CLOSED:
        qtest_log('I', qtest_seconds(), "CLOSED");
        break;
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

static const CharFrontendOps qtest_ops = {
    .read_wanted = qtest_read_wanted,
    .is_busy = qtest_is_busy,
    .read = qtest_read,
    .write_ready = qtest_write_ready,
    .event = qtest_event,
};

bool qtest_start(const char *device, const char *log, GError **error)
{
    g_autoptr(GError) cause = NULL;
    Chardev *chr = char_new_from_legacy("qtest", device, &cause);

    if (!chr) {
        log_gerror(cause);
        return error_set(error, "Failed to initialize device for qtest: \"%s\"", device);
    }
    qtest_log_open(log);
    qtest.line = g_string_new(NULL);
    return char_frontend_attach(&qtest.fe, chr, &qtest_ops, NULL, error);
}

void qtest_stop(void)
{
    if (!qtest.line) {
        return;
    }
    char_frontend_detach(&qtest.fe);
    g_string_free(qtest.line, TRUE);
    qtest.line = NULL;
    line_sink_finish(&qtest.log, 0);
    line_sink_close(&qtest.log);
    qtest.has_log = false;
}
