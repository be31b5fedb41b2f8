/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells when a file has got new contents, by inotify(7). */

#ifndef UTIL_FILE_WATCH_H
#define UTIL_FILE_WATCH_H

#include <glib.h>

typedef struct FileWatch FileWatch;

/** Called from the loop; must not free the watch. */
typedef void FileWatchFunc(void *opaque);

/**
 * file_watch_new: tell of changes of the file @path, which need not be there
 *
 * A change is a writer that has closed the file, another file that takes its name, its removal, a
 * change of its rights, and the loss of its folder. A symbolic link is watched, not the file that
 * it leads to.
 * Returns: owned; NULL with @error when the folder cannot be watched.
 */
FileWatch *file_watch_new(const char *path, FileWatchFunc *func, void *opaque, GError **error);

/** file_watch_free: NULL is legal. */
void file_watch_free(FileWatch *fw);

#endif
