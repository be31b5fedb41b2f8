/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that the program writes: never through a planted link, private unless made otherwise. */

#ifndef UTIL_OUTPUT_FILE_H
#define UTIL_OUTPUT_FILE_H

/** Permissions of a file that is made; one that exists keeps its own. */
#define OUTPUT_FILE_MODE 0600

/**
 * output_file_open: open @path for writing without waiting, and make it if it is not there
 * @flags: O_TRUNC, O_APPEND or 0, added to those that all have
 *
 * A symbolic link as the last component is refused (ELOOP): a user who may write to the folder
 * could otherwise choose the file that is overwritten. Those of /dev, as /dev/stdout, and of
 * /proc/self/fd are the system's and are followed. "/dev/fdset/N" is known.
 *
 * Returns: -1 with errno set.
 */
int output_file_open(const char *path, int flags);

/** output_file_probe: the same without making or changing it. Returns: a descriptor, or -1. */
int output_file_probe(const char *path);

/** output_file_strerror: the meaning of @err of output_file_open() for @path; borrowed. */
const char *output_file_strerror(const char *path, int err);

#endif
