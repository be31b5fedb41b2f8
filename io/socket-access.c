/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may connect to a unix socket of ours: mode and group of its file. */

/*
 * The file that bind() makes has the mode of the socket itself, less the umask (unix(7) does not
 * say so, but Linux has always done it). So the mode is there from the first moment, which a mode
 * set later by path is not: a quicker client would be connected. The group can be set only later,
 * and has no rights before.
 */

#include "io/socket-access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/socket-address.h"
#include "util/error.h"

#define ACCESS_MODE_MAX 0777u

/* Where only a group is given: its members are to connect. */
#define ACCESS_MODE_GROUP 0660u

static bool access_parse_mode(mode_t *mode, const char *text, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 8, 0, ACCESS_MODE_MAX, &number, NULL)) {
        return error_set(error, "Parameter 'mode' expects an octal number from 0 to %o, not '%s'",
                         ACCESS_MODE_MAX, text);
    }
    *mode = (mode_t)number;
    return true;
}

static bool access_parse_group(gid_t *group, const char *text, GError **error)
{
    guint64 number;
    const struct group *entry;

    /* The largest number stands for none in chown(2). */
    if (g_ascii_string_to_unsigned(text, 10, 0, (gid_t)-1 - 1, &number, NULL)) {
        *group = (gid_t)number;
        return true;
    }
    entry = getgrnam(text);
    if (!entry) {
        return error_set(error, "Parameter 'group': there is no group '%s'", text);
    }
    *group = entry->gr_gid;
    return true;
}

static const char *access_member(const SocketAddress *addr)
{
    if (addr->type != SOCKET_ADDRESS_TYPE_UNIX) {
        return NULL;
    }
    return addr->u.q_unix.mode ? "mode" : addr->u.q_unix.group ? "group" : NULL;
}

bool socket_access_parse(SocketAccess *access, const SocketAddress *addr, GError **error)
{
    const char *member = access_member(addr);
    SocketAccess found = { .is_set = member, .mode = ACCESS_MODE_GROUP };

    if (member && addr->u.q_unix.abstract) {
        return error_set(error, "Parameter '%s' does not go with an abstract name, to which "
                         "everybody may connect", member);
    }
    if (member && addr->u.q_unix.mode &&
        !access_parse_mode(&found.mode, addr->u.q_unix.mode, error)) {
        return false;
    }
    if (member && addr->u.q_unix.group) {
        found.has_group = true;
        if (!access_parse_group(&found.group, addr->u.q_unix.group, error)) {
            return false;
        }
    }
    *access = found;
    return true;
}

bool socket_access_refuse(const SocketAddress *addr, GError **error)
{
    const char *member = access_member(addr);

    return !member || error_set(error, "Parameter '%s' is for an address at which we listen",
                                member);
}

/* Returns: 0 or an errno. */
static int access_bind(int fd, const struct sockaddr *sa, socklen_t len, mode_t mode)
{
    mode_t umask_before;
    int err;

    if (fchmod(fd, mode) < 0) {
        return errno;
    }
    umask_before = umask(0);
    err = bind(fd, sa, len) < 0 ? errno : 0;
    umask(umask_before);
    return err;
}

static bool access_set_group(const char *name, const SocketAccess *access, GError **error)
{
    if (lchown(name, (uid_t)-1, access->group) < 0) {
        return error_set_errno(error, errno, "Failed to give socket %s to group %u", name,
                               access->group);
    }
    return (access->mode & S_IRWXG) == 0 ||
           fchmodat(AT_FDCWD, name, access->mode, AT_SYMLINK_NOFOLLOW) == 0 ||
           error_set_errno(error, errno, "Failed to set the mode of socket %s", name);
}

bool socket_access_bind(int fd, const struct sockaddr *sa, socklen_t len, const char *name,
                        const SocketAccess *access, SocketPath **path, int *err, GError **error)
{
    g_autoptr(SocketPath) made = NULL;

    if (access->is_set) {
        *err = access_bind(fd, sa, len,
                           access->has_group ? access->mode & ~(mode_t)S_IRWXG : access->mode);
    } else {
        *err = bind(fd, sa, len) < 0 ? errno : 0;
    }
    if (*err) {
        return false;
    }
    made = name && path ? socket_path_new(name) : NULL;
    if (access->has_group && !access_set_group(name, access, error)) {
        return false;
    }
    if (path) {
        *path = g_steal_pointer(&made);
    }
    return true;
}
