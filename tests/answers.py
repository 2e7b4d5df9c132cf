#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
#
# Checks answers in JSON against docs/pagevisor.schema.json, and the schema against the rules of docs/json.md.
#
#     answers.py schema       the schema alone
#     answers.py FILE...      what commands printed with --json or --jsonl; prints a line for each fault
#
# Also that jq, which keeps numbers as doubles, prints the same values again. Of a file with many lines it checks the
# first and the last ones.

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import jsonschema

SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "pagevisor.schema.json"
LINES_MAX = 300
FAULTS_MAX = 20


def unique(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("an object has a key twice")
    return dict(pairs)


def load_schema():
    return json.loads(SCHEMA.read_text(), object_pairs_hook=unique)


def exact(text):
    return json.loads(text, object_pairs_hook=unique, parse_float=Decimal, parse_int=Decimal)


def answers_of(text):
    """The texts of the answers: a document, or lines. A file may have several documents."""
    if not text.startswith("{\n"):
        lines = text.splitlines()
        return lines if len(lines) <= LINES_MAX else lines[: LINES_MAX // 2] + lines[-LINES_MAX // 2:]
    return [part + "}" for part in text.split("\n}\n") if part]


def definition_of(answer):
    """The name of the definition that the answer has to match."""
    if "record" in answer:
        return "%s_line" % answer["record"]
    if "end" in answer:
        command = answer["end"].get("command")
        return "%s_end" % command if command else "failure_end"
    return answer.get("command", "failure")


class Checker:
    def __init__(self):
        self.schema = load_schema()
        self.validators = {}

    def validator(self, name):
        if name not in self.schema["$defs"]:
            raise ValueError("no definition of %s" % name)
        if name not in self.validators:
            schema = {"$ref": "#/$defs/" + name, "$defs": self.schema["$defs"]}
            self.validators[name] = jsonschema.Draft202012Validator(schema)
        return self.validators[name]

    def fault_of(self, text):
        try:
            answer = json.loads(text, object_pairs_hook=unique)
            if next(iter(answer)) != "schema":
                return "the first key is not schema"
            error = next(self.validator(definition_of(answer)).iter_errors(answer), None)
        except ValueError as err:
            return str(err)
        return error and "/%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:200])


def same_by_jq(texts):
    result = subprocess.run(["jq", "-c", "."], input="\n".join(texts), text=True, capture_output=True)
    again = result.stdout.splitlines()
    if result.returncode != 0 or len(again) != len(texts):
        return "jq: " + result.stderr[:200]
    for before, after in zip(texts, again):
        if exact(before) != exact(after):
            return "jq does not print the same: " + after[:200]
    return None


def check_answers(paths):
    checker = Checker()
    faults = 0
    sound = []
    for path in paths:
        text = Path(path).read_text(errors="replace")
        command, _, text = text.partition("\n") if text.startswith("#") else (path, "", text)
        for answer in answers_of(text):
            fault = checker.fault_of(answer)
            if fault and faults < FAULTS_MAX:
                print("%s\n  %s\n  %s" % (command[:200], fault, answer[:200]))
            faults += bool(fault)
            sound += [] if fault else [answer]
    fault = same_by_jq(sound) if sound else None
    if fault:
        print(fault)
    return faults == 0 and not fault


def objects_of(schema):
    """All schemas of objects in a schema."""
    if isinstance(schema, list):
        for part in schema:
            yield from objects_of(part)
    elif isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects_of(part)


def type_of(schema, defs):
    """The JSON type of a value, as text."""
    while "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if name in ("hex", "seconds", "rate", "field_value"):
            return name
        schema = defs[name]
    if "enum" in schema or "const" in schema:
        return type((schema.get("enum") or [schema["const"]])[0]).__name__.replace("str", "string").replace("int", "integer")
    if "type" not in schema:
        return " or ".join(sorted({type_of(choice, defs) for choice in schema["oneOf"]}))
    if schema["type"] == "array":
        return "array of " + type_of(schema["items"], defs)
    return schema["type"]


def check_schema():
    schema = load_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    types = {}
    faults = []
    for part in objects_of(schema["$defs"]):
        if "additionalProperties" not in part:
            faults.append("an object allows any key: %s" % json.dumps(part)[:100])
        for key, value in part.get("properties", {}).items():
            types.setdefault(key, set()).add(type_of(value, schema["$defs"]))
        faults += ["%s is required and not defined" % key for key in part.get("required", [])
                   if "properties" in part and key not in part["properties"]]
    faults += ["%s has several types: %s" % (key, ", ".join(sorted(found)))
               for key, found in types.items() if len(found) > 1]
    faults += ["%s has no unit in its name" % key for key, found in types.items()
               if "seconds" in found and not key.endswith("_seconds")]
    faults += ["%s is no time" % key for key, found in types.items()
               if key.endswith("_seconds") and found != {"seconds"}]
    faults += ["%s has no pfn beside it" % key for key in types
               if key.endswith("address") and key.replace("address", "pfn") not in types]
    used = {ref["$ref"] for ref in schema["oneOf"]}
    faults += ["%s is no definition" % ref for ref in used if ref.rsplit("/", 1)[1] not in schema["$defs"]]
    print("\n".join(faults))
    return not faults


if __name__ == "__main__":
    well = check_schema() if sys.argv[1:] == ["schema"] else check_answers(sys.argv[1:])
    sys.exit(0 if well else 1)
