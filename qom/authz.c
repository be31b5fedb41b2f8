/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking authz objects, and those that know their rules: authz-simple and authz-list. */

#include "qom/authz.h"

#include <string.h>

#include "qom/authz-internal.h"
#include "qom/object.h"
#include "util/error.h"

/* What an authz object answers about a name. */
typedef bool AuthzFunc(const Object *obj, const char *identity);

static bool authz_simple_allows(const Object *obj, const char *identity)
{
    const AuthZSimpleProperties *props = obj->props;

    return strcmp(props->identity, identity) == 0;
}

static bool authz_rule_fits(const QAuthZListRule *rule, const char *identity)
{
    switch (rule->format) {
    case QAUTHZ_LIST_FORMAT_EXACT:
        return strcmp(rule->match, identity) == 0;
    case QAUTHZ_LIST_FORMAT_GLOB:
        return g_pattern_match_simple(rule->match, identity);
    }
    g_assert_not_reached();
}

bool authz_list_decide(const AuthZListProperties *list, const char *identity)
{
    QAuthZListPolicy policy = list->policy;

    for (size_t i = 0; list->rules && i < list->rules->len; i++) {
        const QAuthZListRule *rule = &list->rules->items[i];

        if (authz_rule_fits(rule, identity)) {
            policy = rule->policy;
            break;
        }
    }
    return policy == QAUTHZ_LIST_POLICY_ALLOW;
}

static bool authz_list_allows(const Object *obj, const char *identity)
{
    return authz_list_decide(obj->props, identity);
}

static const ObjectClass authz_class = {
    .name = "authz",
    .abstract = true,
};

static const ObjectClass authz_list_class = {
    .name = "authz-list",
    .parent = "authz",
    .props = QAPI_TYPE(AuthZListProperties),
    .phase = OBJECT_PHASE_EARLY,
    .size = sizeof(Object),
};

static const ObjectClass authz_simple_class = {
    .name = "authz-simple",
    .parent = "authz",
    .props = QAPI_TYPE(AuthZSimpleProperties),
    .phase = OBJECT_PHASE_EARLY,
    .size = sizeof(Object),
};

/* NULL = it is no authz object. */
static AuthzFunc *authz_func(const Object *obj)
{
    static const struct {
        const ObjectClass *class;
        AuthzFunc *func;
    } kinds[] = {
        { &authz_list_class, authz_list_allows },
        { &authz_list_file_class, authz_list_file_allows },
        { &authz_listfile_class, authz_list_file_allows },
        { &authz_simple_class, authz_simple_allows },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (obj->class == kinds[i].class) {
            return kinds[i].func;
        }
    }
    return NULL;
}

bool authz_is_allowed(const char *id, const char *identity, GError **error)
{
    const Object *obj = object_find(id);
    AuthzFunc *allows = obj ? authz_func(obj) : NULL;

    if (!obj) {
        return error_set(error, "No authz object with id '%s'", id);
    }
    if (!allows) {
        return error_set(error, "Object with id '%s' is not an authz object", id);
    }
    if (!identity) {
        return error_set(error, "'%s' denies a peer that has proven no name", id);
    }
    if (!allows(obj, identity)) {
        return error_set(error, "'%s' denies '%s'", id, identity);
    }
    return true;
}

__attribute__((constructor)) static void authz_register(void)
{
    object_class_register(&authz_class);
    object_class_register(&authz_list_class);
    object_class_register(&authz_simple_class);
}
