"""Checks JSON on standard input against a schema.

    validate_json.py SCHEMA.json < DOCUMENT

Knows the keywords that docs/*.schema.json use: type, properties, required,
additionalProperties, items, enum, const, minimum, pattern, $ref into $defs. An
unknown keyword is an error, so a schema cannot promise what nobody checks.
"""

import json
import re
import sys

KNOWN = {"$schema", "title", "description", "$defs", "type", "properties",
         "required", "additionalProperties", "items", "enum", "const",
         "minimum", "pattern", "$ref"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def check(value, schema, root, path):
    """Yields what is wrong with `value`."""
    unknown = set(schema) - KNOWN
    if unknown:
        yield f"{path}: the schema uses {sorted(unknown)}"
    if "$ref" in schema:
        target = schema["$ref"].removeprefix("#/$defs/")
        yield from check(value, root["$defs"][target], root, path)
        return
    if "type" in schema and not is_type(value, schema["type"]):
        yield f"{path}: {value!r} is not of type {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: {value} is below {schema['minimum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{path}: {name} is missing"
        for name, member in value.items():
            inner = properties.get(name, schema.get("additionalProperties", True))
            if inner is False:
                yield f"{path}: {name} is not in the schema"
            elif inner is not True:
                yield from check(member, inner, root, f"{path}.{name}")
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            yield from check(item, schema["items"], root, f"{path}[{i}]")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    problems = list(check(json.load(sys.stdin), schema, schema, "$"))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
