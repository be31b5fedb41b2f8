/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON, or the texts of the command line in JSON form, to C values by their descriptors. */

#include "qapi/qapi.h"

#include <string.h>

#include "qapi/json.h"
#include "qapi/qapi-internal.h"
#include "qapi/text.h"
#include "util/error.h"

/*
 * One pass over the descriptor: members in the order of the schema, then the members of the
 * variant that the tag selects, and last a look for unknown members. Each value is built in zeroed
 * memory, so that what exists of it when something fails can be freed.
 */

typedef struct QapiReader {
    QapiInput input;
    GError **error;
} QapiReader;

static bool qapi_read_slot(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                           json_object *json, void *slot);
static bool qapi_read_obj(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                          json_object *json, void *obj);

/* --- Errors ------------------------------------------------------------------------------ */

/* Reports @before'NAME'@after with the full name. */
static bool qapi_read_fail(const QapiReader *reader, const QapiPath *path, const char *before,
                           const char *after)
{
    g_autofree char *name = qapi_path_text(path, reader->input);

    return error_set(reader->error, "%s '%s'%s", before, name, after);
}

static bool qapi_read_fail_type(const QapiReader *reader, const QapiPath *path,
                                const char *expected)
{
    g_autofree char *name = qapi_path_text(path, reader->input);

    return error_set(reader->error, "Invalid parameter type for '%s', expected: %s", name,
                     expected);
}

/* --- Scalars ----------------------------------------------------------------------------- */

/* Returns: the text of @json if the input consists of texts, else NULL. */
static const char *qapi_reader_text(const QapiReader *reader, json_object *json)
{
    if (reader->input == QAPI_INPUT_JSON || !json_object_is_type(json, json_type_string)) {
        return NULL;
    }
    return json_object_get_string(json);
}

static bool qapi_read_str(const QapiReader *reader, const QapiPath *path, json_object *json,
                          char **slot)
{
    if (!json_object_is_type(json, json_type_string)) {
        return qapi_read_fail_type(reader, path, "string");
    }
    *slot = g_strdup(json_object_get_string(json));
    return true;
}

static bool qapi_read_bool(const QapiReader *reader, const QapiPath *path, json_object *json,
                           bool *slot)
{
    const char *text = qapi_reader_text(reader, json);

    if (text) {
        return text_to_bool(text, slot) ||
               qapi_read_fail(reader, path, "Parameter", " expects 'on' or 'off'");
    }
    if (!json_object_is_type(json, json_type_boolean)) {
        return qapi_read_fail_type(reader, path, "boolean");
    }
    *slot = json_object_get_boolean(json);
    return true;
}

/* Returns: whether @json is an integer within 64 bits with sign. */
static bool qapi_json_int64(json_object *json, int64_t *value)
{
    if (!json_object_is_type(json, json_type_int)) {
        return false;
    }
    *value = json_object_get_int64(json);
    return *value < 0 || json_object_get_uint64(json) <= INT64_MAX;
}

/* Numbers below zero count as their two's complement, as QMP always had it. */
static bool qapi_json_uint64(json_object *json, uint64_t *value)
{
    int64_t number;

    if (!json_object_is_type(json, json_type_int)) {
        return false;
    }
    number = json_object_get_int64(json);
    *value = number < 0 ? (uint64_t)number : json_object_get_uint64(json);
    return true;
}

/* Dotted keys follow JSON in that. */
static bool qapi_text_uint64(QapiInput input, const char *text, uint64_t *value)
{
    int64_t number;

    if (text_to_uint64(text, value)) {
        return true;
    }
    if (input != QAPI_INPUT_KEYVAL || !text_to_int64(text, &number)) {
        return false;
    }
    *value = (uint64_t)number;
    return true;
}

/* Only the last part of the name, and none for an element: so clients know some messages. */
static const char *qapi_path_last(const QapiPath *path)
{
    return path && path->name ? path->name : "null";
}

static bool qapi_fail_range(const QapiReader *reader, const QapiPath *path, const QapiType *type)
{
    return error_set(reader->error, "Parameter '%s' expects %sint%zu_t", qapi_path_last(path),
                     type->kind == QAPI_KIND_INT ? "" : "u", type->size * 8);
}

static bool qapi_read_int(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                          json_object *json, void *slot)
{
    const char *text = qapi_reader_text(reader, json);
    int64_t value;

    if (text && !text_to_int64(text, &value)) {
        return qapi_read_fail(reader, path, "Parameter",
                              reader->input == QAPI_INPUT_OPTS ? " expects an int64 value"
                                                               : " expects integer");
    }
    if (!text && !qapi_json_int64(json, &value)) {
        return qapi_read_fail_type(reader, path, "integer");
    }
    return qapi_store_int(type, slot, value) || qapi_fail_range(reader, path, type);
}

static bool qapi_read_uint(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                           json_object *json, void *slot)
{
    const char *text = qapi_reader_text(reader, json);
    uint64_t value;

    if (text && !qapi_text_uint64(reader->input, text, &value)) {
        return qapi_read_fail(reader, path, "Parameter",
                              reader->input == QAPI_INPUT_OPTS ? " expects a uint64 value"
                                                               : " expects integer");
    }
    if (!text && !qapi_json_uint64(json, &value)) {
        return qapi_read_fail(reader, path, "Parameter", " expects uint64");
    }
    return qapi_store_uint(type, slot, value) || qapi_fail_range(reader, path, type);
}

static bool qapi_read_size(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                           json_object *json, uint64_t *slot)
{
    const char *text = qapi_reader_text(reader, json);

    if (!text) {
        return qapi_read_uint(reader, path, type, json, slot);
    }
    return text_to_size(text, slot) ||
           qapi_read_fail(reader, path, "Parameter",
                          reader->input == QAPI_INPUT_OPTS ? " expects a size value"
                                                           : " expects size");
}

static bool qapi_read_number(const QapiReader *reader, const QapiPath *path, json_object *json,
                             double *slot)
{
    const char *text = qapi_reader_text(reader, json);

    if (text) {
        return text_to_double(text, slot) ||
               qapi_read_fail(reader, path, "Parameter",
                              reader->input == QAPI_INPUT_OPTS ? " expects a number"
                                                               : " expects number");
    }
    if (!json_object_is_type(json, json_type_double) && !json_object_is_type(json, json_type_int)) {
        return qapi_read_fail_type(reader, path, "number");
    }
    *slot = json_object_get_double(json);
    return true;
}

static bool qapi_read_enum(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                           json_object *json, void *slot)
{
    const char *text;
    int value;

    if (!json_object_is_type(json, json_type_string)) {
        return qapi_read_fail_type(reader, path, "string");
    }
    text = json_object_get_string(json);
    value = qapi_enum_parse(type, text);
    if (value < 0) {
        error_set(reader->error, "Parameter '%s' does not accept value '%s'",
                  qapi_path_last(path), text);
        qapi_enum_hint(type, text, reader->error);
        return false;
    }
    return qapi_store_int(type, slot, value);
}

/* --- Lists and alternates ---------------------------------------------------------------- */

static bool qapi_read_item(const QapiReader *reader, const QapiPath *path,
                           const QapiType *element, json_object *json, void *item)
{
    return qapi_is_aggregate(element) ? qapi_read_obj(reader, path, element, json, item)
                                      : qapi_read_slot(reader, path, element, json, item);
}

static bool qapi_read_list(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                           json_object *json, QapiList *list)
{
    bool single = reader->input == QAPI_INPUT_OPTS && json_object_is_type(json, json_type_string);
    size_t n;

    if (!single && !json_object_is_type(json, json_type_array)) {
        return qapi_read_fail_type(reader, path, "array");
    }
    n = single ? 1 : json_object_array_length(json);
    list->items = g_malloc0_n(n, qapi_item_size(type->element));
    for (size_t i = 0; i < n; i++) {
        QapiPath step = { .parent = path, .index = i };

        list->len = i + 1;
        if (!qapi_read_item(reader, &step, type->element,
                            single ? json : json_object_array_get_idx(json, i),
                            qapi_item(list, type->element, i))) {
            return false;
        }
    }
    return true;
}

/* Whether JSON of type @json can be meant by a branch of kind @kind. */
static bool qapi_kind_takes(QapiKind kind, enum json_type json)
{
    switch (kind) {
    case QAPI_KIND_STR:
    case QAPI_KIND_ENUM:
        return json == json_type_string;
    case QAPI_KIND_BOOL:
        return json == json_type_boolean;
    case QAPI_KIND_INT:
    case QAPI_KIND_UINT:
    case QAPI_KIND_SIZE:
        return json == json_type_int;
    case QAPI_KIND_NUMBER:
        return json == json_type_int || json == json_type_double;
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_UNION:
        return json == json_type_object;
    case QAPI_KIND_LIST:
        return json == json_type_array;
    case QAPI_KIND_NULL:
        return json == json_type_null;
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_ANY:
        break;
    }
    return true;
}

/* In text input a scalar branch takes the text when no branch takes strings. */
static const QapiMember *qapi_choose_branch(const QapiReader *reader, const QapiType *type,
                                            json_object *json)
{
    const QapiMember *scalar = NULL;

    for (size_t i = 0; i < type->n_members; i++) {
        const QapiMember *branch = &type->members[i];

        if (qapi_kind_takes(branch->type->kind, json_object_get_type(json))) {
            return branch;
        }
        if (!scalar && !qapi_is_pointer(branch->type) && branch->type->kind != QAPI_KIND_NULL) {
            scalar = branch;
        }
    }
    return qapi_reader_text(reader, json) ? scalar : NULL;
}

static bool qapi_read_alternate(const QapiReader *reader, const QapiPath *path,
                                const QapiType *type, json_object *json, void *obj)
{
    const QapiMember *branch = qapi_choose_branch(reader, type, json);

    if (!branch) {
        return qapi_read_fail_type(reader, path, type->name);
    }
    *(QapiKind *)obj = branch->type->kind;
    return qapi_read_slot(reader, path, branch->type, json, qapi_slot(branch, obj));
}

/* --- Structs and unions ------------------------------------------------------------------ */

static bool qapi_read_default(const QapiMember *member, void *obj)
{
    QapiReader reader = { .input = QAPI_INPUT_JSON };
    json_object *json = NULL;
    bool ok = json_parse_text(member->default_text, &json, NULL) &&
              qapi_read_slot(&reader, NULL, member->type, json, qapi_slot(member, obj));

    json_object_put(json);
    g_assert(ok); /* checked by the schema compiler */
    return true;
}

static bool qapi_read_member(const QapiReader *reader, const QapiPath *path,
                             const QapiMember *member, json_object *json, void *obj)
{
    QapiPath step = { .parent = path, .name = member->name };
    json_object *value;

    if (!json_object_object_get_ex(json, member->name, &value)) {
        if (member->default_text) {
            return qapi_read_default(member, obj);
        }
        return member->optional ||
               qapi_read_fail(reader, &step, "Parameter", " is missing");
    }
    if (!qapi_read_slot(reader, &step, member->type, value, qapi_slot(member, obj))) {
        return false;
    }
    if (member->has_offset >= 0) {
        *qapi_has(member, obj) = true;
    }
    return true;
}

static bool qapi_read_members(const QapiReader *reader, const QapiPath *path,
                              const QapiType *type, json_object *json, void *obj)
{
    const QapiVariant *variant;

    for (size_t i = 0; i < type->n_members; i++) {
        if (!qapi_read_member(reader, path, &type->members[i], json, obj)) {
            return false;
        }
    }
    variant = type->kind == QAPI_KIND_UNION ? qapi_find_variant(type, obj) : NULL;
    return !variant || !variant->type ||
           qapi_read_members(reader, path, variant->type, json, (char *)obj + variant->offset);
}

/* Appends the names of all members that @obj can have to @names. */
static void qapi_collect_names(const QapiType *type, const void *obj, GPtrArray *names)
{
    const QapiVariant *variant;

    for (size_t i = 0; i < type->n_members; i++) {
        g_ptr_array_add(names, (gpointer)type->members[i].name);
    }
    variant = type->kind == QAPI_KIND_UNION ? qapi_find_variant(type, obj) : NULL;
    if (variant && variant->type) {
        qapi_collect_names(variant->type, (const char *)obj + variant->offset, names);
    }
}

static bool qapi_fail_unexpected(const QapiReader *reader, const QapiPath *path,
                                 json_object *value, const char *const *names)
{
    if (reader->input == QAPI_INPUT_OPTS) {
        qapi_read_fail(reader, path, "Invalid parameter", "");
    } else if (reader->input == QAPI_INPUT_KEYVAL &&
               json_object_is_type(value, json_type_array)) {
        g_autofree char *name = qapi_path_text(path, reader->input);

        error_set(reader->error, "Parameters '%s.*' are unexpected", name);
    } else {
        qapi_read_fail(reader, path, "Parameter", " is unexpected");
    }
    error_hint_similar(reader->error, path->name, names);
    return false;
}

static bool qapi_check_unexpected(const QapiReader *reader, const QapiPath *path,
                                  const QapiType *type, json_object *json, const void *obj)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    struct json_object_iterator it = json_object_iter_begin(json);
    struct json_object_iterator end = json_object_iter_end(json);

    qapi_collect_names(type, obj, names);
    g_ptr_array_add(names, NULL);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        QapiPath step = { .parent = path, .name = json_object_iter_peek_name(&it) };

        if (!g_strv_contains((const char *const *)names->pdata, step.name)) {
            return qapi_fail_unexpected(reader, &step, json_object_iter_peek_value(&it),
                                        (const char *const *)names->pdata);
        }
    }
    return true;
}

/* Whether a plain text can stand for a struct: its only member is a string. */
static bool qapi_is_wrapped_str(const QapiType *type)
{
    return type->kind == QAPI_KIND_STRUCT && type->n_members == 1 &&
           type->members[0].type->kind == QAPI_KIND_STR;
}

static bool qapi_read_struct(const QapiReader *reader, const QapiPath *path,
                             const QapiType *type, json_object *json, void *obj)
{
    if (reader->input == QAPI_INPUT_OPTS && qapi_is_wrapped_str(type) &&
        json_object_is_type(json, json_type_string)) {
        return qapi_read_str(reader, path, json, qapi_slot(&type->members[0], obj));
    }
    if (!json_object_is_type(json, json_type_object)) {
        return qapi_read_fail_type(reader, path, "object");
    }
    return qapi_read_members(reader, path, type, json, obj) &&
           qapi_check_unexpected(reader, path, type, json, obj);
}

static bool qapi_read_obj(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                          json_object *json, void *obj)
{
    if (type->kind == QAPI_KIND_LIST) {
        return qapi_read_list(reader, path, type, json, obj);
    }
    if (type->kind == QAPI_KIND_ALTERNATE) {
        return qapi_read_alternate(reader, path, type, json, obj);
    }
    return qapi_read_struct(reader, path, type, json, obj);
}

/* --- Any value --------------------------------------------------------------------------- */

static void *qapi_read_new(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                           json_object *json)
{
    void *obj = g_malloc0(type->size);

    if (!qapi_read_obj(reader, path, type, json, obj)) {
        qapi_free(type, obj);
        return NULL;
    }
    return obj;
}

/* Where a key was given several times, or with parts, and one text is wanted. */
static bool qapi_unwrap_scalar(const QapiReader *reader, const QapiPath *path,
                               json_object **json)
{
    if (reader->input == QAPI_INPUT_OPTS && json_object_is_type(*json, json_type_array)) {
        *json = json_object_array_get_idx(*json, json_object_array_length(*json) - 1);
    } else if (reader->input == QAPI_INPUT_KEYVAL &&
               (json_object_is_type(*json, json_type_array) ||
                json_object_is_type(*json, json_type_object))) {
        g_autofree char *name = qapi_path_text(path, reader->input);

        return error_set(reader->error, "Parameters '%s.*' are unexpected", name);
    }
    return true;
}

static bool qapi_read_scalar(const QapiReader *reader, const QapiPath *path,
                             const QapiType *type, json_object *json, void *slot)
{
    if (!qapi_unwrap_scalar(reader, path, &json)) {
        return false;
    }
    switch (type->kind) {
    case QAPI_KIND_STR:
        return qapi_read_str(reader, path, json, slot);
    case QAPI_KIND_BOOL:
        return qapi_read_bool(reader, path, json, slot);
    case QAPI_KIND_INT:
        return qapi_read_int(reader, path, type, json, slot);
    case QAPI_KIND_UINT:
        return qapi_read_uint(reader, path, type, json, slot);
    case QAPI_KIND_SIZE:
        return qapi_read_size(reader, path, type, json, slot);
    case QAPI_KIND_NUMBER:
        return qapi_read_number(reader, path, json, slot);
    case QAPI_KIND_ENUM:
        return qapi_read_enum(reader, path, type, json, slot);
    case QAPI_KIND_NULL:
        return !json || qapi_read_fail_type(reader, path, "null");
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_UNION:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_LIST:
    case QAPI_KIND_ANY:
        break;
    }
    g_assert_not_reached();
}

static bool qapi_read_slot(const QapiReader *reader, const QapiPath *path, const QapiType *type,
                           json_object *json, void *slot)
{
    if (type->kind == QAPI_KIND_ANY) {
        *(json_object **)slot = json_object_get(json);
        return true;
    }
    if (qapi_is_aggregate(type) || type->kind == QAPI_KIND_LIST) {
        *(void **)slot = qapi_read_new(reader, path, type, json);
        return *(void **)slot != NULL;
    }
    return qapi_read_scalar(reader, path, type, json, slot);
}

void *qapi_from_json(const QapiType *type, json_object *json, QapiInput input, GError **error)
{
    QapiReader reader = { .input = input, .error = error };

    return qapi_read_new(&reader, NULL, type, json);
}

bool qapi_member_from_json(const QapiMember *member, void *obj, json_object *json,
                           QapiInput input, GError **error)
{
    QapiReader reader = { .input = input, .error = error };
    QapiPath path = { .name = member->name };
    union {
        void *pointer;
        uint64_t number;
        double real;
    } value = { .number = 0 };

    if (!qapi_read_slot(&reader, &path, member->type, json, &value)) {
        return false;
    }
    qapi_clear_slot(member->type, qapi_slot(member, obj));
    if (member->type->kind != QAPI_KIND_NULL) {
        memcpy(qapi_slot(member, obj), &value,
               qapi_is_pointer(member->type) ? sizeof(void *) : member->type->size);
    }
    if (member->has_offset >= 0) {
        *qapi_has(member, obj) = true;
    }
    return true;
}
