#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Asks a QEMU by QMP. Usage: ask.py SOCKET 'COMMAND [ARGUMENTS]'...: the arguments are a JSON object. Prints what it returns."""
import json
import socket
import sys


def answer(stream):
    """The next answer: events may come in between."""
    while True:
        value = json.loads(stream.readline())
        if "return" in value or "error" in value:
            return value


def main():
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(120)
    connection.connect(sys.argv[1])
    stream = connection.makefile("rw")
    stream.readline()
    for text in ["qmp_capabilities", *sys.argv[2:]]:
        name, _, arguments = text.partition(" ")
        stream.write(json.dumps({"execute": name, "arguments": json.loads(arguments or "{}")}) + "\n")
        stream.flush()
        value = answer(stream)
        if "error" in value:
            sys.exit(f"{name}: {value['error']['desc']}")
        print(json.dumps(value["return"]))


main()
