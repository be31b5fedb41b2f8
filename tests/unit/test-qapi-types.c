/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the walkers of type descriptors, on a schema of their own. */

/*
 *   JSON or texts ──► qapi_from_json() ──► C value ──► qapi_to_json() ──► JSON
 */

#include <string.h>
#include <glib.h>

#include "qapi/json.h"
#include "qapi/qapi.h"
#include "tests/unit/unit-qapi-commands.h"
#include "tests/unit/unit-qapi-events.h"
#include "tests/unit/unit-qapi-types.h"
#include "util/error.h"
#include "cases.h"

extern const char unit_qapi_schema_text[];

static json_object *parse(const char *text)
{
    json_object *json = NULL;
    GError *error = NULL;

    g_assert_true(json_parse_text(text, &json, &error));
    g_assert_no_error(error);
    return json;
}

static void *read_input(const QapiType *type, const char *text, QapiInput input, GError **error)
{
    json_object *json = parse(text);
    void *value = qapi_from_json(type, json, input, error);

    json_object_put(json);
    return value;
}

static void *read_ok(const QapiType *type, const char *text, QapiInput input)
{
    GError *error = NULL;
    void *value = read_input(type, text, input, &error);

    g_assert_no_error(error);
    g_assert_nonnull(value);
    return value;
}

/* Takes @json. */
static void expect_json(json_object *json, const char *expected)
{
    GString *text = g_string_new(NULL);

    json_format(text, json, false);
    g_assert_cmpstr(text->str, ==, expected);
    g_string_free(text, TRUE);
    json_object_put(json);
}

/* --- Every kind there and back ----------------------------------------------------------- */

typedef struct Trip {
    const char *name;
    const QapiType *type;
    QapiInput input;
    const char *in;
    const char *out;
} Trip;

static const Trip trips[] = {
    { "str", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'str':'a b'}", "{\"str\": \"a b\"}" },
    { "str-empty", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'str':''}", "{\"str\": \"\"}" },
    { "bool", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'bool':false}", "{\"bool\": false}" },
    { "int", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'int':-9223372036854775808}",
      "{\"int\": -9223372036854775808}" },
    { "small-ints", QAPI_TYPE(Scalars), QAPI_INPUT_JSON,
      "{'i8':-128,'i16':32767,'i32':-2147483648,'i64':1}",
      "{\"i8\": -128, \"i16\": 32767, \"i32\": -2147483648, \"i64\": 1}" },
    { "uints", QAPI_TYPE(Scalars), QAPI_INPUT_JSON,
      "{'u8':255,'u16':65535,'u32':4294967295,'u64':18446744073709551615}",
      "{\"u8\": 255, \"u16\": 65535, \"u32\": 4294967295, \"u64\": 18446744073709551615}" },
    { "negative-uint64", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'u64':-1}",
      "{\"u64\": 18446744073709551615}" },
    { "size", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'size':4096}", "{\"size\": 4096}" },
    { "number", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'number':0.5}", "{\"number\": 0.5}" },
    { "number-whole", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'number':3}", "{\"number\": 3}" },
    { "enum", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'color':'light-green'}",
      "{\"color\": \"light-green\"}" },
    { "null", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'null':null}", "{}" },
    { "any", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'any':{'x':[1,null]}}",
      "{\"any\": {\"x\": [1, null]}}" },
    { "lists", QAPI_TYPE(Lists), QAPI_INPUT_JSON,
      "{'strs':['a','b'],'ints':[1,-2],'bytes':[0,255],'colors':['blue'],"
      "'points':[{'x':1},{'x':2,'y':3}],'values':[1,'x',{}]}",
      "{\"strs\": [\"a\", \"b\"], \"ints\": [1, -2], \"bytes\": [0, 255], "
      "\"colors\": [\"blue\"], \"points\": [{\"x\": 1}, {\"x\": 2, \"y\": 3}], "
      "\"values\": [1, \"x\", {}]}" },
    { "list-empty", QAPI_TYPE(Lists), QAPI_INPUT_JSON, "{'strs':[]}", "{\"strs\": []}" },
    { "list-of-unions", QAPI_TYPE(Lists), QAPI_INPUT_JSON,
      "{'shapes':[{'type':'circle','radius':1,'center':{'x':5}},{'type':'none'}]}",
      "{\"shapes\": [{\"type\": \"circle\", \"radius\": 1, \"center\": {\"x\": 5}}, "
      "{\"type\": \"none\"}]}" },
    { "list-of-alternates", QAPI_TYPE(Lists), QAPI_INPUT_JSON,
      "{'alts':['a',1,true,{'x':1},null]}", "{\"alts\": [\"a\", 1, true, {\"x\": 1}, null]}" },
    { "union", QAPI_TYPE(Shape), QAPI_INPUT_JSON, "{'id':'s','side':2,'type':'square'}",
      "{\"id\": \"s\", \"type\": \"square\", \"side\": 2}" },
    { "union-without-members", QAPI_TYPE(Shape), QAPI_INPUT_JSON, "{'type':'none'}",
      "{\"type\": \"none\"}" },
    { "defaults", QAPI_TYPE(Defaults), QAPI_INPUT_JSON, "{}",
      "{\"text\": \"none\", \"flag\": true, \"count\": -7, \"room\": 16777216, "
      "\"color\": \"light-green\", \"ratio\": 0.5}" },
    { "defaults-given", QAPI_TYPE(Defaults), QAPI_INPUT_JSON,
      "{'flag':false,'count':0,'text':'x','room':1,'color':'red','ratio':2}",
      "{\"text\": \"x\", \"flag\": false, \"count\": 0, \"room\": 1, \"color\": \"red\", "
      "\"ratio\": 2}" },
    { "nested", QAPI_TYPE(Nested), QAPI_INPUT_JSON,
      "{'name':'n','shape':{'type':'circle','radius':7},'alt':{'x':1},'number':3}",
      "{\"name\": \"n\", \"shape\": {\"type\": \"circle\", \"radius\": 7}, "
      "\"alt\": {\"x\": 1}, \"number\": 3}" },
    { "top-level-list", QAPI_TYPE(PointList), QAPI_INPUT_JSON, "[{'x':1}]", "[{\"x\": 1}]" },
    { "top-level-alternate", QAPI_TYPE(Alt), QAPI_INPUT_JSON, "12", "12" },
    { "opts-scalars", QAPI_TYPE(Scalars), QAPI_INPUT_OPTS,
      "{'str':'x','bool':'on','int':'-0x10','u8':' +010','size':'1.5M','number':'1e3',"
      "'color':'red'}",
      "{\"str\": \"x\", \"bool\": true, \"int\": -16, \"u8\": 8, \"size\": 1572864, "
      "\"number\": 1000, \"color\": \"red\"}" },
    { "opts-last-wins", QAPI_TYPE(Scalars), QAPI_INPUT_OPTS, "{'u8':['1','2']}",
      "{\"u8\": 2}" },
    { "opts-list", QAPI_TYPE(Lists), QAPI_INPUT_OPTS, "{'strs':['a','b'],'ints':'7'}",
      "{\"strs\": [\"a\", \"b\"], \"ints\": [7]}" },
    { "opts-wrapped-strings", QAPI_TYPE(Lists), QAPI_INPUT_OPTS, "{'texts':['a','b']}",
      "{\"texts\": [{\"str\": \"a\"}, {\"str\": \"b\"}]}" },
    { "opts-wrapped-string", QAPI_TYPE(Lists), QAPI_INPUT_OPTS, "{'texts':'a'}",
      "{\"texts\": [{\"str\": \"a\"}]}" },
    { "opts-union", QAPI_TYPE(Shape), QAPI_INPUT_OPTS, "{'type':'square','side':'4'}",
      "{\"type\": \"square\", \"side\": 4}" },
    { "keyval-nested", QAPI_TYPE(Nested), QAPI_INPUT_KEYVAL,
      "{'name':'n','shape':{'type':'square','side':'0x1f'},'points':[{'x':'1'}]}",
      "{\"name\": \"n\", \"shape\": {\"type\": \"square\", \"side\": 31}, "
      "\"points\": [{\"x\": 1}]}" },
    { "keyval-alternate-text", QAPI_TYPE(Nested), QAPI_INPUT_KEYVAL,
      "{'name':'n','alt':'12','number':'12'}",
      "{\"name\": \"n\", \"alt\": \"12\", \"number\": 12}" },
};

static void test_trip(const void *data)
{
    const Trip *trip = data;
    void *value = read_ok(trip->type, trip->in, trip->input);
    void *copy = qapi_clone(trip->type, value);

    expect_json(qapi_to_json(trip->type, value), trip->out);
    expect_json(qapi_to_json(trip->type, copy), trip->out);
    g_assert_true(qapi_equal(trip->type, value, copy));
    qapi_free(trip->type, value);
    qapi_free(trip->type, copy);
}

/* --- Every error ------------------------------------------------------------------------- */

typedef struct Refusal {
    const char *name;
    const QapiType *type;
    QapiInput input;
    const char *in;
    const char *message;
} Refusal;

static const Refusal refusals[] = {
    { "str", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'str':1}",
      "Invalid parameter type for 'str', expected: string" },
    { "bool", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'bool':'on'}",
      "Invalid parameter type for 'bool', expected: boolean" },
    { "int", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'int':'1'}",
      "Invalid parameter type for 'int', expected: integer" },
    { "int-fraction", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'int':1.5}",
      "Invalid parameter type for 'int', expected: integer" },
    { "int-above", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'int':9223372036854775808}",
      "Invalid parameter type for 'int', expected: integer" },
    { "int8-above", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'i8':128}",
      "Parameter 'i8' expects int8_t" },
    { "int32-below", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'i32':-2147483649}",
      "Parameter 'i32' expects int32_t" },
    { "uint8-above", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'u8':256}",
      "Parameter 'u8' expects uint8_t" },
    { "uint16-negative", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'u16':-1}",
      "Parameter 'u16' expects uint16_t" },
    { "uint-type", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'u32':'1'}",
      "Parameter 'u32' expects uint64" },
    { "size-type", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'size':'1M'}",
      "Parameter 'size' expects uint64" },
    { "number", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'number':'1'}",
      "Invalid parameter type for 'number', expected: number" },
    { "null", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'null':0}",
      "Invalid parameter type for 'null', expected: null" },
    { "enum", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'color':'pink'}",
      "Parameter 'color' does not accept value 'pink'" },
    { "enum-configured-out", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'color':'grey'}",
      "Parameter 'color' does not accept value 'grey'" },
    { "enum-type", QAPI_TYPE(Scalars), QAPI_INPUT_JSON, "{'color':1}",
      "Invalid parameter type for 'color', expected: string" },
    { "enum-last-part", QAPI_TYPE(Nested), QAPI_INPUT_JSON,
      "{'name':'n','shape':{'type':'cube'}}", "Parameter 'type' does not accept value 'cube'" },
    { "enum-element", QAPI_TYPE(Lists), QAPI_INPUT_JSON, "{'colors':['red','pink']}",
      "Parameter 'null' does not accept value 'pink'" },
    { "list", QAPI_TYPE(Lists), QAPI_INPUT_JSON, "{'strs':'a'}",
      "Invalid parameter type for 'strs', expected: array" },
    { "list-element", QAPI_TYPE(Lists), QAPI_INPUT_JSON, "{'strs':['a',2]}",
      "Invalid parameter type for 'strs[1]', expected: string" },
    { "struct", QAPI_TYPE(Nested), QAPI_INPUT_JSON, "{'name':'n','shape':'x'}",
      "Invalid parameter type for 'shape', expected: object" },
    { "missing", QAPI_TYPE(Nested), QAPI_INPUT_JSON, "{}", "Parameter 'name' is missing" },
    { "missing-nested", QAPI_TYPE(Nested), QAPI_INPUT_JSON,
      "{'name':'n','shape':{'type':'circle'}}", "Parameter 'shape.radius' is missing" },
    { "missing-in-list", QAPI_TYPE(Lists), QAPI_INPUT_JSON, "{'points':[{'x':1},{}]}",
      "Parameter 'points[1].x' is missing" },
    { "missing-tag", QAPI_TYPE(Shape), QAPI_INPUT_JSON, "{'radius':1}",
      "Parameter 'type' is missing" },
    { "unexpected", QAPI_TYPE(Point), QAPI_INPUT_JSON, "{'x':1,'z':2}",
      "Parameter 'z' is unexpected" },
    { "unexpected-nested", QAPI_TYPE(Lists), QAPI_INPUT_JSON, "{'points':[{'x':1,'z':1}]}",
      "Parameter 'points[0].z' is unexpected" },
    { "unexpected-of-other-variant", QAPI_TYPE(Shape), QAPI_INPUT_JSON,
      "{'type':'circle','radius':1,'side':1}", "Parameter 'side' is unexpected" },
    { "configured-out", QAPI_TYPE(Nested), QAPI_INPUT_JSON, "{'name':'n','gone':'x'}",
      "Parameter 'gone' is unexpected" },
    { "alternate", QAPI_TYPE(Nested), QAPI_INPUT_JSON, "{'name':'n','number':'x'}",
      "Invalid parameter type for 'number', expected: OnlyNumber" },
    { "opts-unexpected", QAPI_TYPE(Point), QAPI_INPUT_OPTS, "{'x':'1','z':'2'}",
      "Invalid parameter 'z'" },
    { "opts-bool", QAPI_TYPE(Scalars), QAPI_INPUT_OPTS, "{'bool':'ON'}",
      "Parameter 'bool' expects 'on' or 'off'" },
    { "opts-int", QAPI_TYPE(Scalars), QAPI_INPUT_OPTS, "{'i32':'1k'}",
      "Parameter 'i32' expects an int64 value" },
    { "opts-uint", QAPI_TYPE(Scalars), QAPI_INPUT_OPTS, "{'u32':'-1'}",
      "Parameter 'u32' expects a uint64 value" },
    { "opts-range", QAPI_TYPE(Scalars), QAPI_INPUT_OPTS, "{'u8':'256'}",
      "Parameter 'u8' expects uint8_t" },
    { "opts-size", QAPI_TYPE(Scalars), QAPI_INPUT_OPTS, "{'size':'1KB'}",
      "Parameter 'size' expects a size value" },
    { "opts-struct", QAPI_TYPE(Nested), QAPI_INPUT_OPTS, "{'name':'n','shape':'x'}",
      "Invalid parameter type for 'shape', expected: object" },
    { "keyval-bool", QAPI_TYPE(Scalars), QAPI_INPUT_KEYVAL, "{'bool':'1'}",
      "Parameter 'bool' expects 'on' or 'off'" },
    { "keyval-int", QAPI_TYPE(Scalars), QAPI_INPUT_KEYVAL, "{'int':''}",
      "Parameter 'int' expects integer" },
    { "keyval-uint", QAPI_TYPE(Scalars), QAPI_INPUT_KEYVAL, "{'u16':'x'}",
      "Parameter 'u16' expects integer" },
    { "keyval-negative", QAPI_TYPE(Scalars), QAPI_INPUT_KEYVAL, "{'u16':'-1'}",
      "Parameter 'u16' expects uint16_t" },
    { "keyval-size", QAPI_TYPE(Scalars), QAPI_INPUT_KEYVAL, "{'size':'1e3'}",
      "Parameter 'size' expects size" },
    { "keyval-number", QAPI_TYPE(Scalars), QAPI_INPUT_KEYVAL, "{'number':'x'}",
      "Parameter 'number' expects number" },
    { "keyval-parts-of-scalar", QAPI_TYPE(Nested), QAPI_INPUT_KEYVAL, "{'name':{'a':'1'}}",
      "Parameters 'name.*' are unexpected" },
    { "keyval-unexpected", QAPI_TYPE(Nested), QAPI_INPUT_KEYVAL,
      "{'name':'n','shape':{'type':'none','foo':'1'}}", "Parameter 'shape.foo' is unexpected" },
    { "keyval-unexpected-list", QAPI_TYPE(Nested), QAPI_INPUT_KEYVAL,
      "{'name':'n','foo':['1']}", "Parameters 'foo.*' are unexpected" },
    { "keyval-missing-in-list", QAPI_TYPE(Nested), QAPI_INPUT_KEYVAL,
      "{'name':'n','points':[{}]}", "Parameter 'points.0.x' is missing" },
    { "keyval-list", QAPI_TYPE(Nested), QAPI_INPUT_KEYVAL, "{'name':'n','points':'x'}",
      "Invalid parameter type for 'points', expected: array" },
};

static void test_refusal(const void *data)
{
    const Refusal *refusal = data;
    GError *error = NULL;
    void *value = read_input(refusal->type, refusal->in, refusal->input, &error);

    g_assert_null(value);
    g_assert_error(error, ERROR_DOMAIN, ERROR_CLASS_GENERIC);
    g_assert_cmpstr(error->message, ==, refusal->message);
    g_clear_error(&error);
    g_assert_null(read_input(refusal->type, refusal->in, refusal->input, NULL));
}

static void test_hint(void)
{
    GError *error = NULL;

    g_assert_null(read_input(QAPI_TYPE(Shape), "{'type':'square','sidee':'1','side':'1'}",
                             QAPI_INPUT_OPTS, &error));
    g_assert_cmpstr(error_hint(error), ==, "Did you mean 'side'?\n");
    g_clear_error(&error);
    g_assert_null(read_input(QAPI_TYPE(Scalars), "{'color':'bleu'}", QAPI_INPUT_JSON, &error));
    g_assert_cmpstr(error_hint(error), ==, "Did you mean 'blue'?\n");
    g_clear_error(&error);
}

/* --- Members ----------------------------------------------------------------------------- */

static void test_member_is_set(void)
{
    g_autoptr(Scalars) scalars = read_ok(QAPI_TYPE(Scalars), "{'u8':1}", QAPI_INPUT_JSON);
    const QapiType *type = QAPI_TYPE(Scalars);

    g_assert_true(qapi_member_is_set(qapi_member_find(type, "u8"), scalars));
    g_assert_false(qapi_member_is_set(qapi_member_find(type, "u16"), scalars));
    g_assert_false(qapi_member_is_set(qapi_member_find(type, "str"), scalars));
    g_assert_null(qapi_member_find(type, "nosuch"));
    g_assert_null(qapi_member_to_json(qapi_member_find(type, "u16"), scalars));
    expect_json(qapi_member_to_json(qapi_member_find(type, "u8"), scalars), "1");
}

static void test_member_replaced(void)
{
    g_autoptr(Nested) nested = read_ok(QAPI_TYPE(Nested), "{'name':'a'}", QAPI_INPUT_JSON);
    const QapiMember *member = qapi_member_find(QAPI_TYPE(Nested), "name");
    const QapiMember *shape = qapi_member_find(QAPI_TYPE(Nested), "shape");
    json_object *text = parse("'b'"), *object = parse("{'type':'circle','radius':2}");
    GError *error = NULL;

    g_assert_true(qapi_member_from_json(member, nested, text, QAPI_INPUT_JSON, NULL));
    g_assert_cmpstr(nested->name, ==, "b");
    g_assert_true(qapi_member_from_json(shape, nested, object, QAPI_INPUT_JSON, NULL));
    g_assert_cmpint(nested->shape->u.circle.radius, ==, 2);
    g_assert_false(qapi_member_from_json(shape, nested, text, QAPI_INPUT_JSON, &error));
    g_assert_cmpstr(error->message, ==, "Invalid parameter type for 'shape', expected: object");
    g_assert_cmpint(nested->shape->u.circle.radius, ==, 2);
    g_clear_error(&error);
    json_object_put(text);
    json_object_put(object);
}

static void test_member_flag_is_set(void)
{
    g_autoptr(Scalars) scalars = read_ok(QAPI_TYPE(Scalars), "{}", QAPI_INPUT_JSON);
    json_object *json = parse("300");
    GError *error = NULL;

    g_assert_false(qapi_member_from_json(qapi_member_find(QAPI_TYPE(Scalars), "u8"), scalars,
                                         json, QAPI_INPUT_JSON, &error));
    g_assert_cmpstr(error->message, ==, "Parameter 'u8' expects uint8_t");
    g_clear_error(&error);
    g_assert_false(scalars->has_u8);
    g_assert_true(qapi_member_from_json(qapi_member_find(QAPI_TYPE(Scalars), "u16"), scalars,
                                        json, QAPI_INPUT_JSON, &error));
    g_assert_true(scalars->has_u16);
    g_assert_cmpuint(scalars->u16, ==, 300);
    json_object_put(json);
}

static void test_member_doc(void)
{
    const QapiMember *member = qapi_member_find(QAPI_TYPE(Point), "x");

    g_assert_cmpstr(member->doc, ==, "across");
    g_assert_cmpstr(QAPI_TYPE(Point)->doc, ==, "A point");
}

static void test_base_comes_first(void)
{
    g_autoptr(Nested) nested = read_ok(QAPI_TYPE(Nested), "{'name':'a'}", QAPI_INPUT_JSON);

    g_assert_cmpstr(((Base *)nested)->name, ==, "a");
}

static void test_union_variant(void)
{
    g_autoptr(Shape) shape = read_ok(QAPI_TYPE(Shape), "{'type':'square','side':3,'unix':'p'}",
                                     QAPI_INPUT_JSON);
    g_autoptr(Shape) none = read_ok(QAPI_TYPE(Shape), "{'type':'none'}", QAPI_INPUT_JSON);
    const QapiType *type = NULL;
    Square *square = qapi_union_variant(QAPI_TYPE(Shape), shape, &type);

    g_assert_true(type == QAPI_TYPE(Square) && square == &shape->u.square);
    g_assert_cmpuint(square->side, ==, 3);
    g_assert_cmpstr(square->q_unix, ==, "p");
    g_assert_null(qapi_union_variant(QAPI_TYPE(Shape), none, &type));
    g_assert_null(type);
}

static void test_enum(void)
{
    g_assert_cmpint(COLOR__MAX, ==, 3);
    g_assert_cmpint(qapi_enum_parse(QAPI_TYPE(Color), "light-green"), ==, COLOR_LIGHT_GREEN);
    g_assert_cmpint(qapi_enum_parse(QAPI_TYPE(Color), "green"), ==, -1);
    g_assert_cmpstr(qapi_enum_name(QAPI_TYPE(Color), COLOR_BLUE), ==, "blue");
    g_assert_cmpuint(QAPI_TYPE(Color)->values[COLOR_LIGHT_GREEN].features, ==,
                     QAPI_FEATURE_UNSTABLE);
}

static void test_help_names(void)
{
    g_assert_cmpstr(qapi_type_help_name(QAPI_TYPE(str)), ==, "string");
    g_assert_cmpstr(qapi_type_help_name(QAPI_TYPE(uint32)), ==, "uint32");
    g_assert_cmpstr(qapi_type_help_name(QAPI_TYPE(Color)), ==, "Color");
    g_assert_cmpstr(qapi_type_help_name(QAPI_TYPE(PointList)), ==, "Point");
    g_assert_cmpstr(qapi_type_help_name(&qapi_type_bool), ==, "bool");
}

/* --- Equality ---------------------------------------------------------------------------- */

static void test_unequal(void)
{
    static const char *const pairs[][2] = {
        { "{'name':'a'}", "{'name':'b'}" },
        { "{'name':'a'}", "{'name':'a','shape':{'type':'none'}}" },
        { "{'name':'a','shape':{'type':'circle','radius':1}}",
          "{'name':'a','shape':{'type':'circle','radius':2}}" },
        { "{'name':'a','shape':{'type':'circle','radius':1}}",
          "{'name':'a','shape':{'type':'square','side':1}}" },
        { "{'name':'a','alt':1}", "{'name':'a','alt':'1'}" },
        { "{'name':'a','alt':1}", "{'name':'a','alt':2}" },
        { "{'name':'a','points':[{'x':1}]}", "{'name':'a','points':[{'x':1},{'x':1}]}" },
        { "{'name':'a','points':[{'x':1}]}", "{'name':'a','points':[{'x':1,'y':0}]}" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autoptr(Nested) a = read_ok(QAPI_TYPE(Nested), pairs[i][0], QAPI_INPUT_JSON);
        g_autoptr(Nested) b = read_ok(QAPI_TYPE(Nested), pairs[i][1], QAPI_INPUT_JSON);

        g_assert_false(qapi_equal(QAPI_TYPE(Nested), a, b));
    }
    g_assert_true(qapi_equal(QAPI_TYPE(Nested), NULL, NULL));
}

/* --- Commands and events ----------------------------------------------------------------- */

bool qmp_ping(GError **error)
{
    return true;
}

Point *qmp_unit_move(const UnitMoveArgs *args, GError **error)
{
    Point *point;

    if (args->has_by && args->by == 0) {
        error_set(error, "no move");
        return NULL;
    }
    point = qapi_clone(QAPI_TYPE(Point), args->point);
    point->x += args->has_by ? args->by : 1;
    return point;
}

char *qmp_unit_text(GError **error)
{
    return g_strdup("text");
}

bool qmp_unit_raw(json_object *args, json_object **ret, GError **error)
{
    *ret = json_object_get(args);
    return true;
}

static const QapiCommand *find_command(const char *name)
{
    for (size_t i = 0; i < unit_qapi_n_commands; i++) {
        if (strcmp(unit_qapi_commands[i].name, name) == 0) {
            return &unit_qapi_commands[i];
        }
    }
    g_assert_not_reached();
}

static void test_command_table(void)
{
    g_assert_cmpuint(unit_qapi_n_commands, ==, 4);
    for (size_t i = 1; i < unit_qapi_n_commands; i++) {
        g_assert_cmpstr(unit_qapi_commands[i - 1].name, <, unit_qapi_commands[i].name);
    }
    g_assert_true(find_command("ping")->allow_oob);
    g_assert_false(find_command("ping")->allow_preconfig);
    g_assert_true(find_command("unit-raw")->allow_preconfig);
    g_assert_cmpuint(find_command("unit-text")->features, ==, QAPI_FEATURE_DEPRECATED);
}

static void test_command_without_arguments(void)
{
    json_object *ret = NULL;

    g_assert_null(find_command("ping")->args);
    g_assert_true(find_command("ping")->invoke(NULL, NULL, &ret, NULL));
    expect_json(ret, "{}");
    g_assert_true(find_command("unit-text")->invoke(NULL, NULL, &ret, NULL));
    expect_json(ret, "\"text\"");
}

static void test_command_with_arguments(void)
{
    const QapiCommand *command = find_command("unit-move");
    void *args = read_ok(command->args, "{'point':{'x':4}}", QAPI_INPUT_JSON);
    json_object *ret = NULL;

    g_assert_true(command->invoke(args, NULL, &ret, NULL));
    expect_json(ret, "{\"x\": 5}");
    qapi_free(command->args, args);
}

static void test_command_fails(void)
{
    const QapiCommand *command = find_command("unit-move");
    void *args = read_ok(command->args, "{'point':{'x':4},'by':0}", QAPI_INPUT_JSON);
    json_object *ret = NULL;
    GError *error = NULL;

    g_assert_false(command->invoke(args, NULL, &ret, &error));
    g_assert_cmpstr(error->message, ==, "no move");
    g_assert_null(ret);
    g_clear_error(&error);
    qapi_free(command->args, args);
}

static void test_command_raw(void)
{
    const QapiCommand *command = find_command("unit-raw");
    json_object *args = parse("{'a':[1]}"), *ret = NULL;

    g_assert_true(command->raw);
    g_assert_true(command->invoke(NULL, args, &ret, NULL));
    expect_json(ret, "{\"a\": [1]}");
    json_object_put(args);
}

static GString *events;

static void take_event(const char *name, json_object *data)
{
    g_string_append_printf(events, "%s ", name);
    json_format(events, data, false);
    g_string_append_c(events, '\n');
}

static void test_events(void)
{
    Shape shape = { .type = SHAPE_TYPE_NONE };
    UnitTockEvent tock = { .when = 7, .shape = &shape };

    events = g_string_new(NULL);
    qapi_event_unit_tick();
    qapi_event_set_sink(take_event);
    qapi_event_unit_tick();
    qapi_event_unit_tock(&tock);
    qapi_event_set_sink(NULL);
    qapi_event_unit_tock(&tock);
    g_assert_cmpstr(events->str, ==,
                    "UNIT_TICK null\nUNIT_TOCK {\"when\": 7, \"shape\": {\"type\": \"none\"}}\n");
    g_string_free(events, TRUE);
}

/* --- Introspection ----------------------------------------------------------------------- */

static json_object *find_info(json_object *all, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *info = json_object_array_get_idx(all, i);

        if (strcmp(json_object_get_string(json_object_object_get(info, "name")), name) == 0) {
            return info;
        }
    }
    return NULL;
}

static void test_introspection(void)
{
    json_object *all = parse(unit_qapi_schema_text);

    expect_json(json_object_get(find_info(all, "ping")),
                "{\"name\": \"ping\", \"meta-type\": \"command\", \"arg-type\": \"0\", "
                "\"ret-type\": \"0\", \"allow-oob\": true}");
    expect_json(json_object_get(find_info(all, "0")),
                "{\"name\": \"0\", \"meta-type\": \"object\", \"members\": []}");
    expect_json(json_object_get(find_info(all, "str")),
                "{\"name\": \"str\", \"meta-type\": \"builtin\", \"json-type\": \"string\"}");
    g_assert_null(find_info(all, "uint32"));
    g_assert_null(find_info(all, "Color"));
    json_object_put(all);
}

static void test_introspection_follows_types(void)
{
    json_object *all = parse(unit_qapi_schema_text);
    json_object *tock = find_info(all, "UNIT_TOCK"), *data, *shape, *member;
    json_object *members;

    data = find_info(all, json_object_get_string(json_object_object_get(tock, "arg-type")));
    members = json_object_object_get(data, "members");
    member = json_object_array_get_idx(members, 1);
    g_assert_true(json_object_object_get_ex(member, "default", NULL));
    shape = find_info(all, json_object_get_string(json_object_object_get(member, "type")));
    g_assert_cmpstr(json_object_get_string(json_object_object_get(shape, "tag")), ==, "type");
    g_assert_cmpuint(json_object_array_length(json_object_object_get(shape, "variants")), ==, 3);
    json_object_put(all);
}

/* Every name that the schema of the program mentions is described in it. */
static void test_introspection_is_closed(void)
{
    json_object *all = parse(qapi_schema_text);
    static const char *const refs[] = { "arg-type", "ret-type", "element-type" };

    g_assert_nonnull(find_info(all, "query-qmp-schema"));
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *info = json_object_array_get_idx(all, i), *ref;

        for (size_t j = 0; j < G_N_ELEMENTS(refs); j++) {
            if (json_object_object_get_ex(info, refs[j], &ref)) {
                g_assert_nonnull(find_info(all, json_object_get_string(ref)));
            }
        }
    }
    json_object_put(all);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/qapi/there-and-back/", trips, name, test_trip);
    CASES_ADD("/qapi/refuses/", refusals, name, test_refusal);
    g_test_add_func("/qapi/hints-at-similar-name", test_hint);
    g_test_add_func("/qapi/member/knows-whether-set", test_member_is_set);
    g_test_add_func("/qapi/member/is-replaced-or-kept", test_member_replaced);
    g_test_add_func("/qapi/member/flag-follows-value", test_member_flag_is_set);
    g_test_add_func("/qapi/member/doc-is-first-sentence", test_member_doc);
    g_test_add_func("/qapi/base-comes-first", test_base_comes_first);
    g_test_add_func("/qapi/union-variant", test_union_variant);
    g_test_add_func("/qapi/enum", test_enum);
    g_test_add_func("/qapi/help-names", test_help_names);
    g_test_add_func("/qapi/unequal", test_unequal);
    g_test_add_func("/qapi/command/table-is-sorted", test_command_table);
    g_test_add_func("/qapi/command/without-arguments", test_command_without_arguments);
    g_test_add_func("/qapi/command/with-arguments", test_command_with_arguments);
    g_test_add_func("/qapi/command/fails", test_command_fails);
    g_test_add_func("/qapi/command/raw", test_command_raw);
    g_test_add_func("/qapi/events-reach-the-sink", test_events);
    g_test_add_func("/qapi/introspection/form", test_introspection);
    g_test_add_func("/qapi/introspection/follows-types", test_introspection_follows_types);
    g_test_add_func("/qapi/introspection/is-closed", test_introspection_is_closed);
    return g_test_run();
}
