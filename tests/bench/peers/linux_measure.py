#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Where the memory of a Linux guest is: by `pagevisor stat`, by crash on a dump of it, and by drgn on the same dump.

Usage: linux_measure.py PAGEVISOR QEMU-PID QMP-SOCKET DUMP CRASH VMLINUX DRGN: CRASH, VMLINUX and DRGN (a directory of Python modules) may
be "-": they are not there.

Prints for each way, medians of TURNS turns: seconds by the wall clock and of CPU time, how long the guest was stopped, as QEMU's events
say, and the largest memory of the process: its own (RssAnon and RssFile, which leaves out the guest's RAM that it maps).
"""
import json
import os
import socket
import statistics
import subprocess
import sys
import time

TURNS = 3
PATIENCE_S = 600
POLL_S = 0.002
NAMES = ("wall", "cpu", "pause", "memory")


class Monitor:
    """QMP, with all events that came."""

    def __init__(self, path):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        connection.connect(path)
        self.stream = connection.makefile("rw")
        self.stream.readline()
        self.events = []
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            value = json.loads(self.stream.readline())
            if "return" in value:
                return value["return"]
            if "error" in value:
                sys.exit(f"{command}: {value['error']['desc']}")
            self.events.append(value)

    def stopped(self):
        """Seconds that the guest stood since the last call."""
        self.ask("query-status")
        total, since = 0.0, None
        for event in self.events:
            at = event["timestamp"]["seconds"] + event["timestamp"]["microseconds"] / 1e6
            if event["event"] == "STOP":
                since = at
            elif event["event"] == "RESUME" and since is not None:
                total, since = total + at - since, None
        self.events = []
        return total


def own_memory(pid):
    """Bytes; 0: it has ended."""
    total = 0
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(("RssAnon:", "RssFile:")):
                    total += int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total


def run(words, text="", environment=None):
    """Wall seconds, CPU seconds, largest memory, and output of a command."""
    before, start = os.times(), time.monotonic()
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, **(environment or {})}) as process:
        process.stdin.write(text.encode())
        process.stdin.close()
        os.set_blocking(process.stdout.fileno(), False)
        output, memory = b"", 0
        while process.poll() is None:
            output += process.stdout.read() or b""
            memory = max(memory, own_memory(process.pid))
            time.sleep(POLL_S)
        wall = time.monotonic() - start
        output += process.stdout.read() or b""
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, memory, output.decode(errors="replace")


def measure_pagevisor(monitor, program, pid):
    monitor.stopped()
    wall, cpu, memory, output = run([program, "stat", f"qemu:{pid}"])
    if "frames " not in output:
        sys.exit(f"pagevisor: {output}")
    return {"wall": wall, "cpu": cpu, "pause": monitor.stopped(), "memory": memory}


def dump(monitor, path):
    """Takes seconds."""
    if os.path.exists(path):
        os.unlink(path)
    monitor.stopped()
    start = time.monotonic()
    monitor.ask("dump-guest-memory", paging=False, protocol="file:" + path)
    return time.monotonic() - start


def measure_crash(monitor, path, program, vmlinux):
    dumped = dump(monitor, path)
    pause = monitor.stopped()
    wall, cpu, memory, output = run([program, "-s", vmlinux, path], "kmem -i\nquit\n")
    if "TOTAL MEM" not in output:
        print(f"crash does not answer: {output.strip().splitlines()[-1:]}")
        return None
    return {"wall": dumped + wall, "cpu": cpu, "pause": pause, "memory": memory}


def try_drgn(modules, vmlinux, path):
    output = run([sys.executable, "-m", "drgn", "-c", path, "-s", vmlinux], "", {"PYTHONPATH": modules})[3]
    print(f"drgn: {(output.strip().splitlines() or ['nothing'])[-1]}")


def medians(turns):
    return {name: statistics.median(turn[name] for turn in turns) for name in NAMES}


def report(way, figures):
    print(f"{way:<34} {figures['wall']:8.2f} s wall {figures['cpu']:8.2f} s CPU {figures['pause']:8.2f} s stopped "
          f"{figures['memory'] / (1 << 20):8.1f} MiB", flush=True)


def main():
    program, pid, socket_path, path, crash, vmlinux, drgn = sys.argv[1:]
    monitor = Monitor(socket_path)
    # First: QEMU's dump fills all holes of the guest's RAM.
    ours = medians([measure_pagevisor(monitor, program, pid) for _ in range(TURNS)])
    report("pagevisor stat", ours)
    theirs = []
    for _ in range(TURNS if crash != "-" else 0):
        theirs.append(measure_crash(monitor, path, crash, vmlinux))
    if theirs and None not in theirs:
        figures = medians(theirs)
        report("dump-guest-memory, crash kmem -i", figures)
        print(f"{figures['wall'] / ours['wall']:.0f} times faster (wanted: 100), stopped for {ours['pause']:.2f} s (0), "
              f"{ours['memory'] / figures['memory']:.2f} of the memory (0.1)")
    if drgn != "-":
        if not os.path.exists(path):
            dump(monitor, path)
        try_drgn(drgn, vmlinux, path)


if __name__ == "__main__":
    if len(sys.argv) != 8:
        sys.exit(__doc__)
    main()
