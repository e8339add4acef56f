"""Namespaces of a run's own, the processes in them, and what these have computed."""
import os
import shutil
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
HERE = os.path.dirname(os.path.realpath(__file__))
VZ = [os.environ.get("VZ", "vz")]


class Failure(Exception):
    """A comparison cannot go on; the message says why."""


def sh(*command):
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure(" ".join(command) + " failed: " + done.stderr.strip())


def missing(*programs):
    """Those of the programs that are not installed."""
    return [program for program in programs if not shutil.which(program)]


class Bed:
    """Network namespaces and processes, all of which end with it."""

    def __init__(self, *names):
        lacking = missing("ip", "gcc")
        if os.geteuid() != 0:
            raise Failure("it makes network namespaces; run it as root")
        if lacking:
            raise Failure("it needs " + " and ".join(lacking) + "; install iproute2 and gcc")
        self.mark = f"vzb{os.getpid()}"
        self.names = []
        self.running = []
        self.folder = tempfile.mkdtemp(prefix="vz-bench-")
        self.tool = os.path.join(self.folder, "tools")
        sh("gcc", "-O2", "-pthread", "-o", self.tool, os.path.join(HERE, "tools.c"))
        for name in names:
            self.namespace(name)

    def namespace(self, name):
        sh("ip", "netns", "add", self.mark + name)
        self.names.append(name)
        sh("ip", "-n", self.mark + name, "link", "set", "lo", "up")

    def cable(self, left, left_name, right, right_name):
        sh("ip", "-n", self.mark + left, "link", "add", left_name, "type", "veth", "peer", "name", right_name, "netns",
           self.mark + right)

    def ip(self, name, *words):
        sh("ip", "-n", self.mark + name, *words)

    def path(self, name):
        return "/run/netns/" + self.mark + name

    def start(self, name, *command):
        """A process whose standard input stays open; what it says is in its log."""
        log = open(os.path.join(self.folder, f"{len(os.listdir(self.folder))}.log"), "w+b")
        process = subprocess.Popen(["ip", "netns", "exec", self.mark + name, *command], stdin=subprocess.PIPE,
                                   stdout=log, stderr=log)
        process.log = log
        process.words = command
        self.running.append(process)
        return process

    def end(self, process):
        process.stdin.close()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.log.close()
        self.running.remove(process)

    def run(self, name, *command, limit=60):
        """What a command prints; empty when it does not end in time."""
        try:
            return subprocess.run(["ip", "netns", "exec", self.mark + name, *command], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=limit).stdout
        except subprocess.TimeoutExpired:
            return ""

    def until(self, what, condition, *processes):
        """Waits for something, at most two minutes, and as long as the processes live."""
        end = time.time() + 120
        while not condition():
            for process in processes:
                if process.poll() is not None:
                    process.log.seek(0)
                    raise Failure(f"{process.words[0]} ended with status {process.returncode}: "
                                  + process.log.read().decode(errors="replace").strip()[-300:])
            if time.time() > end:
                raise Failure("waited in vain: " + what)
            time.sleep(0.2)

    def close(self):
        for process in list(self.running):
            self.end(process)
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", self.mark + name], check=False)
        shutil.rmtree(self.folder)


def seconds(*processes):
    """What processes have computed so far."""
    total = 0
    for process in processes:
        with open(f"/proc/{process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS
