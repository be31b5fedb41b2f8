/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Type descriptors generated from the schema, and the walker that moves data by them. */

#ifndef QAPI_QAPI_H
#define QAPI_QAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include <json-c/json.h>

typedef struct QapiType QapiType;
typedef struct QapiMember QapiMember;
typedef struct QapiVariant QapiVariant;
typedef struct QapiEnumValue QapiEnumValue;

/**
 * What a type is in C. Members of kind STR, STRUCT, UNION, ALTERNATE, LIST, ANY and NULL are
 * pointers (NULL = absent); the others are values with a "bool has_NAME" before them when
 * the member is optional and has no default.
 */
typedef enum QapiKind {
    QAPI_KIND_STR,       /* char * */
    QAPI_KIND_BOOL,      /* bool */
    QAPI_KIND_INT,       /* int8_t to int64_t, by size */
    QAPI_KIND_UINT,      /* uint8_t to uint64_t, by size */
    QAPI_KIND_SIZE,      /* uint64_t, with suffixes in text */
    QAPI_KIND_NUMBER,    /* double */
    QAPI_KIND_ENUM,      /* C enum */
    QAPI_KIND_STRUCT,    /* T * */
    QAPI_KIND_UNION,     /* T *: base members, then "union { ... } u" of embedded structs */
    QAPI_KIND_ALTERNATE, /* T *: "QapiKind kind; union { ... } u" */
    QAPI_KIND_LIST,      /* TList *: "size_t len; T *items" in one array of values */
    QAPI_KIND_ANY,       /* json_object * */
    QAPI_KIND_NULL,      /* json null; no storage */
} QapiKind;

struct QapiEnumValue {
    const char *name;
    unsigned features;
};

#define QAPI_FEATURE_DEPRECATED (1u << 0)
#define QAPI_FEATURE_UNSTABLE   (1u << 1)

struct QapiMember {
    const char *name;
    const char *doc;         /* the first sentence of its documentation */
    const QapiType *type;
    const char *default_text; /* JSON text of the default value, NULL = none */
    size_t offset;
    ptrdiff_t has_offset;    /* of "has_NAME"; -1 = none */
    bool optional;
    unsigned features;
};

struct QapiVariant {
    int tag;                 /* value of the discriminator */
    const QapiType *type;    /* NULL = no members of its own */
    size_t offset;
};

struct QapiType {
    const char *name;
    QapiKind kind;
    size_t size;             /* of the C value; of the struct for STRUCT, UNION, ALTERNATE */
    const char *doc;
    /* ENUM */
    const QapiEnumValue *values;
    size_t n_values;
    /* STRUCT, UNION (base members), ALTERNATE (branches; name = branch, offset in u) */
    const QapiMember *members;
    size_t n_members;
    /* UNION */
    const QapiMember *tag;   /* one of @members */
    const QapiVariant *variants;
    size_t n_variants;
    /* LIST */
    const QapiType *element;
};

/** The descriptor of schema type T, in the generated qapi/qapi-types.h. */
#define QAPI_TYPE(T) (&qapi_type_##T)

/** Where a value comes from: decides what a scalar looks like and how errors are worded. */
typedef enum QapiInput {
    QAPI_INPUT_JSON,   /* strict JSON types (docs/reference-text.rst) */
    QAPI_INPUT_OPTS,   /* syntax A: flat, all strings */
    QAPI_INPUT_KEYVAL, /* syntax B: nested, all strings */
} QapiInput;

/**
 * qapi_from_json: build a C value of @type
 * @type: STRUCT, UNION, ALTERNATE or LIST
 * @json: borrowed
 * @error: names the full path of the member at fault
 *
 * Defaults of the schema are filled in. Returns: owned, free with qapi_free(); NULL with
 * @error set.
 */
void *qapi_from_json(const QapiType *type, json_object *json, QapiInput input, GError **error);

/** qapi_to_json: the value as JSON; absent members are left out. Returns: owned. */
json_object *qapi_to_json(const QapiType *type, const void *value);

/** qapi_clone: a copy with all that @value owns. Returns: owned; NULL of NULL. */
void *qapi_clone(const QapiType *type, const void *value);

/** qapi_equal: the same members, with equal values; NULL equals only NULL. */
bool qapi_equal(const QapiType *type, const void *a, const void *b);

/** qapi_free: free @value (STRUCT, UNION, ALTERNATE or LIST) and all below; NULL is legal. */
void qapi_free(const QapiType *type, void *value);

/** qapi_enum_name: the name of @value of an ENUM type. */
const char *qapi_enum_name(const QapiType *type, int value);

/** qapi_enum_parse: Returns: the value called @name, -1 if there is none. No error. */
int qapi_enum_parse(const QapiType *type, const char *name);

/** qapi_enum_hint: add to @error the value of @type that @word looks like, or all if few. */
void qapi_enum_hint(const QapiType *type, const char *word, GError **error);

/** qapi_member_find: the member called @name of a STRUCT or of a UNION's base, or NULL. */
const QapiMember *qapi_member_find(const QapiType *type, const char *name);

/** qapi_member_is_set: whether an optional member has a value in @obj. */
bool qapi_member_is_set(const QapiMember *member, const void *obj);

/** qapi_member_to_json: Returns: owned; JSON null (NULL) when absent. */
json_object *qapi_member_to_json(const QapiMember *member, const void *obj);

/** qapi_member_from_json: replace one member of @obj; on failure @obj is as it was. */
bool qapi_member_from_json(const QapiMember *member, void *obj, json_object *json,
                           QapiInput input, GError **error);

/**
 * qapi_union_variant: the variant that @obj holds
 * @type_out: its descriptor, NULL when the variant has no members
 *
 * Returns: the embedded struct, borrowed, or NULL.
 */
void *qapi_union_variant(const QapiType *type, void *obj, const QapiType **type_out);

/** qapi_type_help_name: how "-object TYPE,help" names the type: string, bool, uint32, ... */
const char *qapi_type_help_name(const QapiType *type);

/* --- Commands and events, in generated tables ------------------------------------------- */

typedef struct QapiCommand {
    const char *name;
    const char *doc;
    const QapiType *args;    /* NULL = none */
    const QapiType *ret;     /* NULL = none, or free form */
    bool allow_oob;
    bool allow_preconfig;
    unsigned features;
    /**
     * Calls the handler. @args: a parsed value of type @args (NULL without). @ret: (out)
     * owned JSON. Commands with 'gen': false get the raw JSON of their arguments instead.
     */
    bool (*invoke)(const void *args, json_object *raw, json_object **ret, GError **error);
    bool raw;                /* 'gen': false */
} QapiCommand;

/** All commands, sorted by name. */
extern const QapiCommand qapi_commands[];
extern const size_t qapi_n_commands;

/** The text that query-qmp-schema returns. */
extern const char qapi_schema_text[];

/** Gets every event: @data is borrowed, NULL when the event has none. */
typedef void QapiEventSinkFunc(const char *name, json_object *data);

/** qapi_event_set_sink: the function that sends events on; set once by the monitor. NULL = none. */
void qapi_event_set_sink(QapiEventSinkFunc *func);

/** qapi_event_emit: called by the generated functions. @data: taken, may be NULL. */
void qapi_event_emit(const char *name, json_object *data);

#endif
