#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Boots a Linux kernel with the agent in QEMU's TCG, waits until the agent has stopped the machine, and leaves its RAM in a file.

Usage: boot.py [--machine NAME] [--cpu NAME] [--memory BYTES] [--append WORDS] [--console FILE] DIRECTORY RAM

DIRECTORY has vmlinuz and initramfs.cpio. Prints what the machine was, a line each: for RAM below 3 GiB, byte N of the file is byte N
of guest-physical memory.
"""
import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE_S = int(os.environ.get("BOOT_LIMIT", "270"))
READY = b"agent: ready"
BALLOON = 48 << 20


def fail(reason, console):
    sys.stderr.write(f"{reason}; the end of its console:\n")
    with open(console, "rb") as file:
        for line in file.read().splitlines()[-15:]:
            sys.stderr.write("| " + "".join(chr(c) if 32 <= c < 127 else "?" for c in line) + "\n")
    sys.exit(1)


class Machine:
    """A QEMU with its QMP socket; a context manager that ends it."""

    def __init__(self, args, folder):
        path = os.path.join(folder, "qmp")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen(1)
        server.settimeout(PATIENCE_S)
        has_pci = not args.machine.startswith("microvm")
        self.console = args.console or os.path.join(folder, "console")
        self.append = "console=ttyS0 panic=-1 no_hash_pointers " + args.append
        self.command = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", args.cpu, "-smp", "2", "-m", str(args.memory >> 20),
            "-machine", args.machine + ",memory-backend=ram",
            "-object", f"memory-backend-file,id=ram,mem-path={args.ram},share=on,size={args.memory}",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "file:" + self.console,
            *(["-device", "virtio-balloon-pci"] if has_pci else []), "-device", "pvpanic", "-action", "panic=pause", "-qmp", "unix:" + path,
            "-kernel", args.directory + "/vmlinuz", "-initrd", args.directory + "/initramfs.cpio"]
        self.process = subprocess.Popen(self.command + ["-append", self.append], stdin=subprocess.DEVNULL)
        self.socket = server.accept()[0]
        self.socket.settimeout(PATIENCE_S)
        self.qmp = self.socket.makefile("rw")
        server.close()
        self.qmp.readline()
        self.ask("qmp_capabilities")

        # The guest's driver finds it when it is loaded.
        if has_pci:
            self.ask("balloon", value=args.memory - BALLOON)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, command, **arguments):
        """The value that a command of QMP returns."""
        self.qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.qmp.flush()
        while True:
            answer = json.loads(self.qmp.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                sys.exit(f"{command}: {answer['error']['desc']}")

    def said(self):
        with open(self.console, "rb") as file:
            return file.read()

    def wait_until_stopped(self):
        end = time.monotonic() + PATIENCE_S
        while self.ask("query-status")["running"]:
            if self.process.poll() is not None or time.monotonic() > end:
                fail("the machine did not stop", self.console)
            time.sleep(0.1)
        if READY not in self.said():
            fail("the machine stopped before the agent was ready", self.console)

    def registers(self):
        """CR3 and the base of the IDT of each CPU."""
        found = []
        for cpu in self.ask("query-cpus-fast"):
            text = self.ask("human-monitor-command", **{"command-line": "info registers", "cpu-index": cpu["cpu-index"]})
            found.append((re.search(r"CR3=([0-9a-f]+)", text)[1], re.search(r"IDT= *([0-9a-f]+)", text)[1]))
        return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--machine", default="q35")
    parser.add_argument("--cpu", default="max,la57=off")
    parser.add_argument("--memory", type=int, default=1 << 30)
    parser.add_argument("--append", default="")
    parser.add_argument("--console")
    parser.add_argument("directory")
    parser.add_argument("ram")
    args = parser.parse_args()
    # QEMU must not outlive us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder, Machine(args, folder) as machine:
            machine.wait_until_stopped()
            registers = machine.registers()
    except (OSError, ValueError) as error:
        sys.exit(f"QEMU does not answer: {error}")
    print(f"machine    {args.machine}, -cpu {args.cpu}, 2 CPUs, {args.memory >> 20} MiB, TCG, QEMU's default firmware")
    print(f"append     {machine.append}")
    print(f"seconds    {time.monotonic() - start:.0f}")
    for i, (cr3, idt) in enumerate(registers):
        print(f"cpu {i}      CR3 0x{cr3}, IDT 0x{idt}")


if __name__ == "__main__":
    main()
