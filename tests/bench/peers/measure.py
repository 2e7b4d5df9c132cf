#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Takes memory from a guest and returns it: by a driver of Linux in QEMU, or as pagevisor does.

Usage: measure.py balloon|virtio-mem IMAGE-DIRECTORY
       measure.py pagevisor PROGRAM

The guest has 2 GiB, of which it has touched more than 1 GiB and freed it; 1 GiB is taken and returned. Prints, for each of the
two, wall seconds, CPU seconds without the vCPU threads, and what the file of the guest's RAM gave back.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

GIB = 1 << 30
PATIENCE_S = 300
TICKS = os.sysconf("SC_CLK_TCK")


class Guest:
    """A QEMU with its QMP socket; a context manager that ends it."""

    def __init__(self, way, image):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "qmp")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen(1)
        server.settimeout(PATIENCE_S)
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", os.environ.get("PEERS_ACCEL", "tcg,thread=multi"), "-cpu", "max", "-smp", "2",
             "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-qmp", "unix:" + path,
             "-kernel", image + "/vmlinuz", "-initrd", image + "/initramfs.cpio",
             "-append", "console=ttyS0 quiet panic=-1 memhp_default_state=online_movable"] + MACHINES[way],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.qmp = server.accept()[0].makefile("rw")
        server.close()
        self.qmp.readline()
        self.ask("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

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

    def wait_until_touched(self):
        for line in self.process.stdout:
            if b"peers: touched" in line:
                return
        sys.exit("the guest ended before it was ready")

    def cpu_seconds(self):
        """Of QEMU, without the threads of its vCPUs."""
        vcpus = {cpu["thread-id"] for cpu in self.ask("query-cpus-fast")}
        tasks = f"/proc/{self.process.pid}/task"
        ticks = 0
        for thread in os.listdir(tasks):
            if int(thread) not in vcpus:
                with open(f"{tasks}/{thread}/stat", encoding="ascii") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def resident(self):
        """Bytes of the file behind the guest's RAM."""
        total = 0
        for fd in os.listdir(f"/proc/{self.process.pid}/fd"):
            path = f"/proc/{self.process.pid}/fd/{fd}"
            if "memfd:" in os.readlink(path):
                total += os.stat(path).st_blocks * 512
        return total


MEMFD = ["-object", "memory-backend-memfd,id=ram,share=on,size="]
MACHINES = {
    "balloon": ["-m", "2G", "-M", "q35,memory-backend=ram", *MEMFD[:1], MEMFD[1] + "2G", "-device", "virtio-balloon-pci,id=b"],
    "virtio-mem": ["-m", "1G,maxmem=3G", "-M", "q35,memory-backend=ram", *MEMFD[:1], MEMFD[1] + "1G",
                   "-object", "memory-backend-memfd,id=more,share=on,size=1G",
                   "-device", "virtio-mem-pci,id=b,memdev=more,requested-size=1G"],
}


def resize(guest, way, size):
    if way == "balloon":
        guest.ask("balloon", value=GIB + size)
    else:
        guest.ask("qom-set", path="/machine/peripheral/b", property="requested-size", value=size)


def size_of(guest, way):
    if way == "balloon":
        return guest.ask("query-balloon")["actual"] - GIB
    return guest.ask("qom-get", path="/machine/peripheral/b", property="size")


def wait_for(guest, way, size):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        got = size_of(guest, way)
        if got == size:
            return got
        time.sleep(0.005)
    return got


def report(way, what, wall, cpu, back, note=""):
    print(f"{way:<12} {what:<8} {wall:8.3f} s wall {cpu:8.2f} s CPU {back / (1 << 20):8.0f} MiB back{note}", flush=True)


def measure_driver(way, image):
    with Guest(way, image) as guest:
        if way == "virtio-mem":
            wait_for(guest, way, GIB)
        guest.wait_until_touched()
        for what, size in ("reclaim", 0), ("return", GIB):
            before = guest.resident()
            cpu, start = guest.cpu_seconds(), time.monotonic()
            resize(guest, way, size)
            got = wait_for(guest, way, size)
            wall = time.monotonic() - start
            note = "" if got == size else f"; stopped at {abs(got - (GIB - size)) >> 20} MiB"
            report(way, what, wall, guest.cpu_seconds() - cpu, before - guest.resident(), note)


class Ours:
    """A guest whose working set swings, by `pagevisor run`."""

    def __init__(self, program):
        self.program = program
        self.name = f"peers-{os.getpid()}"
        self.process = subprocess.Popen(
            [program, "run", "--name", self.name, "--memory", "2G", "--time", "0", "--quiet", "--scan-rate", "1",
             "--workload", "swing", "--append", "low=2 high=60 hold=4000000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, *words):
        return json.loads(subprocess.run([self.program, *words, "--json"], stdout=subprocess.PIPE, check=True).stdout)

    def in_use(self):
        tally = self.ask("stat", self.name)["tally"]
        return tally["in_use_frames"] / tally["ram_frames"]

    def wait_until_touched(self):
        for is_there in lambda share: share > 0.55, lambda share: share < 0.1:
            end = time.monotonic() + PATIENCE_S
            while not is_there(self.in_use()):
                if time.monotonic() > end:
                    sys.exit("the guest does not swing")
                time.sleep(0.05)

    def cpu_seconds(self):
        """Of the VMM, which looks once a second, and of the commands that asked it."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        children = os.times()
        return (int(fields[11]) + int(fields[12])) / TICKS + children.children_user + children.children_system


def measure_ours(program):
    with Ours(program) as guest:
        # The first looks find no VM.
        while subprocess.run([program, "stat", guest.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             check=False).returncode != 0:
            time.sleep(0.1)
        guest.wait_until_touched()
        for what, words in ("reclaim", ("reclaim", guest.name, "1G", "--older", "0")), ("return", ("release", guest.name, "--all")):
            before = guest.ask("mem", "show", guest.name)["resident_bytes"]
            cpu, start = guest.cpu_seconds(), time.monotonic()
            after = guest.ask("mem", *words)["resident_bytes"]
            wall = time.monotonic() - start
            report("pagevisor", what, wall, guest.cpu_seconds() - cpu, before - after)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in (*MACHINES, "pagevisor"):
        sys.exit(__doc__)
    if sys.argv[1] == "pagevisor":
        measure_ours(sys.argv[2])
    else:
        measure_driver(sys.argv[1], sys.argv[2])
