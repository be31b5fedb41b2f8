/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kinds of authz objects show each other. */

#ifndef QOM_AUTHZ_INTERNAL_H
#define QOM_AUTHZ_INTERNAL_H

#include <stdbool.h>
#include "qom/object.h"

/** authz_list_decide: whether @list lets @identity come. */
bool authz_list_decide(const AuthZListProperties *list, const char *identity);

/** Two names of one class, as QEMU has them: that of the type, and that of its schema. */
extern const ObjectClass authz_list_file_class;
extern const ObjectClass authz_listfile_class;

/** authz_list_file_allows: of an object of one of those two. */
bool authz_list_file_allows(const Object *obj, const char *identity);

#endif
