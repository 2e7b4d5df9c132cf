#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
#
# Changes the machine in the file of a saved VM, and makes all checksums fit again: a file that is hostile rather than damaged.
#
#     change_saved.py FROM TO set TYPE CPU OFFSET HEX     overwrites bytes of a part
#     change_saved.py FROM TO cpuid LEAF INDEX REGISTER BIT   sets a bit of all vCPUs' tables
#     change_saved.py FROM TO drop TYPE CPU               leaves out a part
#     change_saved.py FROM TO cut TYPE CPU                makes a part 8 bytes shorter
#     change_saved.py FROM TO fill TYPE CPU HEX           makes all bytes of a part that one

import struct
import sys

HEADER = struct.Struct("<QIIIIQII3Q")
SECTION = struct.Struct("<IIQQII")
PART = struct.Struct("<IIII")
CPUID = struct.Struct("<7I12x")
MACHINE = 5
PART_CPUID = 22
REGISTERS = ["eax", "ebx", "ecx", "edx"]

TABLE = []
for value in range(256):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def parts_of(machine):
    parts, at = [], 0
    while at < len(machine):
        kind, cpu, size, _ = PART.unpack_from(machine, at)
        at += PART.size
        parts.append([kind, cpu, bytearray(machine[at : at + size])])
        at += (size + 7) & ~7
    return parts


def bytes_of(parts):
    machine = b""
    for kind, cpu, data in parts:
        machine += PART.pack(kind, cpu, len(data), 0) + data + bytes(-len(data) % 8)
    return machine


def set_feature(parts, leaf, index, register, bit):
    for kind, _, data in parts:
        for at in range(0, len(data) if kind == PART_CPUID else 0, CPUID.size):
            entry = list(CPUID.unpack_from(data, at))
            if entry[0] == leaf and entry[1] == index:
                entry[3 + register] |= 1 << bit
                data[at : at + CPUID.size] = CPUID.pack(*entry)


def change(parts, what, words):
    if what == "cpuid":
        leaf, index, bit = int(words[0], 0), int(words[1], 0), int(words[3], 0)
        set_feature(parts, leaf, index, REGISTERS.index(words[2]), bit)
        return parts
    which = [int(words[0], 0), int(words[1], 0)]
    found = [part for part in parts if part[:2] == which]
    if len(found) != 1:
        sys.exit(f"change_saved.py: {len(found)} parts {which}")
    data = found[0][2]
    if what == "set":
        new = bytes.fromhex(words[3])
        at = int(words[2], 0)
        data[at : at + len(new)] = new
    elif what == "cut":
        del data[-8:]
    elif what == "fill":
        data[:] = bytes.fromhex(words[2]) * len(data)
    elif what == "drop":
        parts.remove(found[0])
    return parts


def main():
    with open(sys.argv[1], "rb") as file:
        data = bytearray(file.read())
    header = list(HEADER.unpack_from(data))
    table = [list(SECTION.unpack_from(data, HEADER.size + i * SECTION.size)) for i in range(header[3])]
    machine = table[-1]
    if machine[0] != MACHINE:
        sys.exit("change_saved.py: the machine is not the last section")
    parts = parts_of(data[machine[2] : machine[2] + machine[3]])
    new = bytes_of(change(parts, sys.argv[3], sys.argv[4:]))
    end = bytearray(data[machine[2] + machine[3] :])
    data = data[: machine[2]] + new + end
    machine[3] = len(new)
    struct.pack_into("<Q", data, len(data) - 8, len(data))
    machine[4] = crc32c(new)
    rows = b"".join(SECTION.pack(*section) for section in table)
    data[HEADER.size : HEADER.size + len(rows)] = rows
    header[5], header[6], header[7] = len(data), crc32c(rows), 0
    header[7] = crc32c(HEADER.pack(*header))
    data[: HEADER.size] = HEADER.pack(*header)
    with open(sys.argv[2], "wb") as file:
        file.write(data)


main()
