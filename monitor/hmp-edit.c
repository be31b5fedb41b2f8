/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing for the human monitor: libedit, or plain lines without it. */

/*
 * libedit edits only on a terminal and reads from it by itself. Each editor therefore has an
 * unused pseudo terminal of its own: its modes satisfy libedit, while the keys come from
 * hmp_edit_feed() through EL_GETCFN and the output goes through a stdio stream to the character
 * device. In unbuffered mode libedit returns after every key, and it is called only when all bytes
 * of a key (an escape sequence, a quoted character) are there, so that it never has to wait for
 * the next one.
 */

#include "monitor/hmp-internal.h"
#include "monitor/monitor-internal.h"

#include <string.h>

#include "config.h"

#ifdef CONFIG_LIBEDIT
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/fd.h"
#endif

#define HMP_HISTORY_SIZE 64

/** More bytes than this are no key; they are handed to the editor as they are. */
#define HMP_KEY_MAX 16

/** A line takes no more characters; a longer line is no command. */
#define HMP_LINE_MAX 4096

struct HmpEdit {
    const HmpEditOps *ops; /* borrowed, constant */
    void *opaque;
    GString *utf8;         /* owned: bytes of a character that is not complete */
    bool after_cr;         /* the last byte was CR; a LF that follows belongs to it */
    GString *plain;        /* owned: the unfinished line of the plain editor */
    char last_written;
    bool closing;          /* nothing more is written */
    bool paused;           /* a line is being run */
    GByteArray *later;     /* owned: bytes that came while one was */
#ifdef CONFIG_LIBEDIT
    EditLine *el;          /* owned; NULL = plain */
    HistoryW *history;     /* owned */
    FILE *out;             /* owned: to the character device */
    FILE *none;            /* owned: /dev/null, libedit's input and messages */
    int pty[2];            /* owned: master and slave, -1 = none */
    GArray *keys;          /* owned gunichar: characters that the editor has not read */
    locale_t utf8_locale;  /* owned; while libedit runs. 0 = the process's own */
    bool started;
#endif
};

/* Writes with CR LF line ends. */
static void hmp_edit_write(HmpEdit *edit, const char *data, size_t len)
{
    g_autoptr(GString) text = NULL;

    if (edit->closing) {
        return;
    }
    text = g_string_sized_new(len + 16);
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' && edit->last_written != '\r') {
            g_string_append_c(text, '\r');
        }
        g_string_append_c(text, data[i]);
        edit->last_written = data[i];
    }
    edit->ops->write(text->str, text->len, edit->opaque);
}

/* --- Plain ------------------------------------------------------------------------------- */

static void hmp_edit_plain_prompt(HmpEdit *edit)
{
    hmp_edit_write(edit, HMP_PROMPT, strlen(HMP_PROMPT));
    hmp_edit_write(edit, edit->plain->str, edit->plain->len);
}

static void hmp_edit_plain_key(HmpEdit *edit, gunichar key)
{
    char text[6];

    switch (key) {
    case '\n':
        hmp_edit_write(edit, "\n", 1);
        edit->paused = !edit->ops->line(edit->plain->str, edit->opaque);
        g_string_truncate(edit->plain, 0);
        if (!edit->paused) {
            hmp_edit_plain_prompt(edit);
        }
        return;
    case '\b':
    case 0x7f:
        if (edit->plain->len > 0) {
            char *last = g_utf8_find_prev_char(edit->plain->str,
                                               edit->plain->str + edit->plain->len);

            g_string_truncate(edit->plain, (size_t)(last - edit->plain->str));
            hmp_edit_write(edit, "\b \b", 3);
        }
        return;
    default:
        if (key >= ' ') {
            int len = g_unichar_to_utf8(key, text);

            g_string_append_len(edit->plain, text, len);
            hmp_edit_write(edit, text, (size_t)len);
        }
    }
}

/* --- libedit ----------------------------------------------------------------------------- */

#ifdef CONFIG_LIBEDIT

static int hmp_edit_getc(EditLine *el, wchar_t *key)
{
    HmpEdit *edit;

    el_get(el, EL_CLIENTDATA, &edit);
    if (edit->keys->len == 0) {
        return 0;
    }
    *key = (wchar_t)g_array_index(edit->keys, gunichar, 0);
    g_array_remove_index(edit->keys, 0);
    return 1;
}

static wchar_t *hmp_edit_prompt(EditLine *el)
{
    static wchar_t prompt[] = L"" HMP_PROMPT;

    return prompt;
}

static ssize_t hmp_edit_stream_write(void *cookie, const char *data, size_t len)
{
    hmp_edit_write(cookie, data, len);
    return (ssize_t)len;
}

/* What is before the cursor. */
static char *hmp_edit_before_cursor(EditLine *el)
{
    const LineInfoW *line = el_wline(el);

    return g_ucs4_to_utf8((const gunichar *)line->buffer, line->cursor - line->buffer, NULL,
                          NULL, NULL);
}

/* How many bytes all candidates have in common. */
static size_t hmp_edit_common(GPtrArray *candidates)
{
    const char *first = g_ptr_array_index(candidates, 0);
    size_t common = strlen(first);

    for (guint i = 1; i < candidates->len; i++) {
        const char *other = g_ptr_array_index(candidates, i);
        size_t n = 0;

        while (n < common && first[n] == other[n]) {
            n++;
        }
        common = n;
    }
    return common;
}

static void hmp_edit_print_candidates(HmpEdit *edit, GPtrArray *candidates)
{
    fputc('\n', edit->out);
    for (guint i = 0; i < candidates->len; i++) {
        fprintf(edit->out, "%s%s", i > 0 ? "  " : "",
                (const char *)g_ptr_array_index(candidates, i));
    }
    fputc('\n', edit->out);
}

/* TAB: goes on as far as all candidates agree; where they part at once, lists them. */
static unsigned char hmp_edit_complete(EditLine *el, int key)
{
    g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *line = hmp_edit_before_cursor(el);
    g_autofree char *more = NULL;
    HmpEdit *edit;
    size_t typed;

    if (!line) {
        return CC_ERROR;
    }
    el_get(el, EL_CLIENTDATA, &edit);
    typed = strlen(line) - hmp_complete(line, candidates);
    if (candidates->len == 0) {
        return CC_ERROR;
    }
    more = g_strdup_printf("%.*s%s", (int)(hmp_edit_common(candidates) - typed),
                           (const char *)g_ptr_array_index(candidates, 0) + typed,
                           candidates->len == 1 ? " " : "");
    if (*more) {
        return el_insertstr(el, more) == 0 ? CC_REFRESH : CC_ERROR;
    }
    hmp_edit_print_candidates(edit, candidates);
    return CC_REDISPLAY;
}

static bool hmp_edit_open_pty(HmpEdit *edit)
{
    char name[64];

    edit->pty[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (edit->pty[0] < 0 || grantpt(edit->pty[0]) < 0 || unlockpt(edit->pty[0]) < 0 ||
        ptsname_r(edit->pty[0], name, sizeof(name)) != 0) {
        return false;
    }
    edit->pty[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    return edit->pty[1] >= 0;
}

static bool hmp_edit_open_streams(HmpEdit *edit)
{
    edit->none = fopen("/dev/null", "r+e");
    edit->out = fopencookie(edit, "w", (cookie_io_functions_t){ .write = hmp_edit_stream_write });
    return edit->none && edit->out;
}

static void hmp_edit_bind_keys(EditLine *el)
{
    /* The narrow form of this call would copy the names and never free them. */
    el_wset(el, EL_ADDFN, L"monitor-complete", L"complete a word", hmp_edit_complete);
    el_set(el, EL_BIND, "^I", "monitor-complete", NULL);
    el_set(el, EL_BIND, "^D", "ed-delete-next-char", NULL);
    el_set(el, EL_BIND, "^C", "em-kill-line", NULL);
    /* Incremental search would read on by itself. */
    el_set(el, EL_BIND, "^R", "ed-redisplay", NULL);
    el_set(el, EL_BIND, "^S", "ed-redisplay", NULL);
    /* By themselves these are commands with the meta key, from times before UTF-8. */
    for (wchar_t key = 0xa0; key <= 0xff; key++) {
        const wchar_t text[] = { key, L'\0' };

        el_wset(el, EL_BIND, text, L"ed-insert", NULL);
    }
}

/* libedit writes wide characters as the locale says; terminals are taken to speak UTF-8. */
static locale_t hmp_edit_enter(HmpEdit *edit)
{
    return uselocale(edit->utf8_locale);
}

static void hmp_edit_leave(locale_t before)
{
    uselocale(before);
}

static void hmp_edit_init(HmpEdit *edit)
{
    HistEventW event;

    edit->el = el_init_fd("monitor", edit->none, edit->out, edit->none, edit->pty[1],
                          edit->pty[1], edit->pty[1]);
    if (!edit->el) {
        return;
    }
    edit->history = history_winit();
    history_w(edit->history, &event, H_SETSIZE, HMP_HISTORY_SIZE);
    history_w(edit->history, &event, H_SETUNIQUE, 1);
    el_set(edit->el, EL_CLIENTDATA, edit);
    el_set(edit->el, EL_SIGNAL, 0);
    el_set(edit->el, EL_TERMINAL, "ansi");
    el_set(edit->el, EL_EDITOR, "emacs");
    el_set(edit->el, EL_GETCFN, hmp_edit_getc);
    el_wset(edit->el, EL_PROMPT, hmp_edit_prompt);
    el_wset(edit->el, EL_HIST, history_w, edit->history);
    hmp_edit_bind_keys(edit->el);
}

static void hmp_edit_open(HmpEdit *edit)
{
    locale_t before;

    edit->utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!hmp_edit_open_pty(edit) || !hmp_edit_open_streams(edit)) {
        return;
    }
    before = hmp_edit_enter(edit);
    hmp_edit_init(edit);
    hmp_edit_leave(before);
}

static void hmp_edit_close(HmpEdit *edit)
{
    edit->closing = true;
    if (edit->el) {
        el_end(edit->el);
        history_wend(edit->history);
    }
    if (edit->out) {
        fclose(edit->out);
    }
    if (edit->none) {
        fclose(edit->none);
    }
    fd_close(&edit->pty[0]);
    fd_close(&edit->pty[1]);
    if (edit->utf8_locale) {
        freelocale(edit->utf8_locale);
    }
}

/* Whether the editor has all of the key that it would read next. */
static bool hmp_edit_key_is_whole(const GArray *keys)
{
    const gunichar *key = (const gunichar *)keys->data;

    if (keys->len == 0) {
        return false;
    }
    if (keys->len >= HMP_KEY_MAX) {
        return true;
    }
    switch (key[0]) {
    case 0x16: /* ^V: the next character as it is */
    case 0x18: /* ^X: begins two-character commands */
        return keys->len >= 2;
    case 0x1b:
        break;
    default:
        return true;
    }
    if (keys->len < 2) {
        return false;
    }
    if (key[1] == 'O') {
        return keys->len >= 3;
    }
    if (key[1] != '[') {
        return true;
    }
    for (guint i = 2; i < keys->len; i++) {
        if (key[i] >= 0x40 && key[i] <= 0x7e) {
            return true;
        }
    }
    return false;
}

static void hmp_edit_prompt_again(HmpEdit *edit)
{
    locale_t before = hmp_edit_enter(edit);

    if (edit->started) {
        el_set(edit->el, EL_UNBUFFERED, 0);
    }
    edit->started = true;
    el_set(edit->el, EL_UNBUFFERED, 1);
    hmp_edit_leave(before);
    fflush(edit->out);
}

/* What is left of a key when a connection breaks is not part of the next one. */
static void hmp_edit_forget_keys(HmpEdit *edit)
{
    g_array_set_size(edit->keys, 0);
}

static void hmp_edit_redraw(HmpEdit *edit)
{
    locale_t before = hmp_edit_enter(edit);

    el_set(edit->el, EL_REFRESH);
    hmp_edit_leave(before);
    fflush(edit->out);
}

static void hmp_edit_finish_line(HmpEdit *edit, const wchar_t *wide, int len)
{
    g_autofree char *line = g_ucs4_to_utf8((const gunichar *)wide, len - 1, NULL, NULL, NULL);
    HistEventW event;

    fflush(edit->out);
    if (line) {
        if (*g_strchug(line)) {
            history_w(edit->history, &event, H_ENTER, wide);
        }
        edit->paused = !edit->ops->line(line, edit->opaque);
    }
    if (!edit->paused) {
        hmp_edit_prompt_again(edit);
    }
}

/* ESC x asks for a command of the editor and would read on until its end. */
static bool hmp_edit_key_reads_on(const GArray *keys)
{
    const gunichar *key = (const gunichar *)keys->data;

    return keys->len == 2 && key[0] == 0x1b && (key[1] == 'x' || key[1] == 'X');
}

static void hmp_edit_key(HmpEdit *edit, gunichar key)
{
    g_array_append_val(edit->keys, key);
    if (hmp_edit_key_reads_on(edit->keys)) {
        g_array_set_size(edit->keys, 0);
    }
    while (hmp_edit_key_is_whole(edit->keys)) {
        locale_t before = hmp_edit_enter(edit);
        int len = 0;
        const wchar_t *line = el_wgets(edit->el, &len);

        hmp_edit_leave(before);
        if (line && len > 0 && line[len - 1] == L'\n') {
            hmp_edit_finish_line(edit, line, len);
        }
        fflush(edit->out);
    }
}

static bool hmp_edit_is_plain(const HmpEdit *edit)
{
    return !edit->el;
}

/* Inside a key of several characters the line is not asked. */
static bool hmp_edit_is_full(const HmpEdit *edit)
{
    const LineInfoW *line = edit->keys->len == 0 ? el_wline(edit->el) : NULL;

    return line && line->lastchar - line->buffer >= HMP_LINE_MAX;
}

#else

static void hmp_edit_open(HmpEdit *edit)
{
}

static void hmp_edit_close(HmpEdit *edit)
{
}

static void hmp_edit_prompt_again(HmpEdit *edit)
{
}

static void hmp_edit_forget_keys(HmpEdit *edit)
{
}

static void hmp_edit_redraw(HmpEdit *edit)
{
}

static void hmp_edit_key(HmpEdit *edit, gunichar key)
{
}

static bool hmp_edit_is_plain(const HmpEdit *edit)
{
    return true;
}

static bool hmp_edit_is_full(const HmpEdit *edit)
{
    return false;
}

#endif

/* --- Both -------------------------------------------------------------------------------- */

HmpEdit *hmp_edit_new(const HmpEditOps *ops, void *opaque)
{
    HmpEdit *edit = g_new0(HmpEdit, 1);

    edit->ops = ops;
    edit->opaque = opaque;
    edit->utf8 = g_string_new(NULL);
    edit->plain = g_string_new(NULL);
    edit->later = g_byte_array_new();
#ifdef CONFIG_LIBEDIT
    edit->keys = g_array_new(false, false, sizeof(gunichar));
    edit->pty[0] = edit->pty[1] = -1;
#endif
    hmp_edit_open(edit);
    return edit;
}

void hmp_edit_free(HmpEdit *edit)
{
    if (!edit) {
        return;
    }
    hmp_edit_close(edit);
#ifdef CONFIG_LIBEDIT
    g_array_unref(edit->keys);
#endif
    g_string_free(edit->utf8, true);
    g_string_free(edit->plain, true);
    g_byte_array_unref(edit->later);
    g_free(edit);
}

static void hmp_edit_show_prompt(HmpEdit *edit)
{
    if (hmp_edit_is_plain(edit)) {
        hmp_edit_plain_prompt(edit);
    } else {
        hmp_edit_prompt_again(edit);
    }
}

void hmp_edit_start(HmpEdit *edit)
{
    g_string_truncate(edit->utf8, 0);
    g_string_truncate(edit->plain, 0);
    g_byte_array_set_size(edit->later, 0);
    edit->after_cr = false;
    edit->paused = false;
    hmp_edit_forget_keys(edit);
    hmp_edit_show_prompt(edit);
}

void hmp_edit_refresh(HmpEdit *edit)
{
    if (hmp_edit_is_plain(edit)) {
        hmp_edit_plain_prompt(edit);
    } else {
        hmp_edit_redraw(edit);
    }
}

/* Whether @key would make a line longer that is as long as one may be. 0x19 inserts a cut text. */
static bool hmp_edit_is_too_much(const HmpEdit *edit, gunichar key)
{
    if ((key < ' ' && key != 0x19) || key == 0x7f) {
        return false;
    }
    return hmp_edit_is_plain(edit) ? edit->plain->len >= HMP_LINE_MAX : hmp_edit_is_full(edit);
}

/* One whole character; CR, LF and CR LF are all one end of line. */
static void hmp_edit_take(HmpEdit *edit, gunichar key)
{
    bool after_cr = edit->after_cr;

    edit->after_cr = key == '\r';
    if (key == '\n' && after_cr) {
        return;
    }
    if (key == '\r') {
        key = '\n';
    }
    if (hmp_edit_is_too_much(edit, key)) {
        return;
    }
    if (hmp_edit_is_plain(edit)) {
        hmp_edit_plain_key(edit, key);
    } else {
        hmp_edit_key(edit, key);
    }
}

/* One more byte. Returns: false when the bytes so far are no UTF-8; they are dropped. */
static bool hmp_edit_take_byte(HmpEdit *edit, uint8_t byte)
{
    gunichar key;

    g_string_append_c(edit->utf8, (char)byte);
    key = g_utf8_get_char_validated(edit->utf8->str, (gssize)edit->utf8->len);
    if (key == (gunichar)-2 && byte != 0) {
        return true;
    }
    g_string_truncate(edit->utf8, 0);
    if (key == (gunichar)-1 || byte == 0) {
        return false;
    }
    hmp_edit_take(edit, key);
    return true;
}

void hmp_edit_feed(HmpEdit *edit, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool first = edit->utf8->len == 0;

        if (edit->paused) {
            g_byte_array_append(edit->later, data + i, len - i);
            return;
        }
        /* A byte that does not continue a character may begin one. */
        if (!hmp_edit_take_byte(edit, data[i]) && !first) {
            hmp_edit_take_byte(edit, data[i]);
        }
    }
}

void hmp_edit_go_on(HmpEdit *edit)
{
    g_autoptr(GByteArray) later = g_steal_pointer(&edit->later);

    edit->later = g_byte_array_new();
    edit->paused = false;
    hmp_edit_show_prompt(edit);
    hmp_edit_feed(edit, later->data, later->len);
}
