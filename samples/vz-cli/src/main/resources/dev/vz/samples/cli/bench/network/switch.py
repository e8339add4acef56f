"""Switches between two TAPs: vz switch, vde_switch, Open vSwitch without its kernel module, and the kernel's bridge."""
import json
import os
import subprocess
import time

from bed import VZ, Bed, Failure, missing, seconds, sh

LEFT, RIGHT = "10.8.0.1", "10.8.0.2"
NEEDED = ("iperf3",)
PEERS = ("vz", "vde_switch", "ovs", "kernel")
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def available():
    return [kind for kind in PEERS if kind in ("vz", "kernel")
            or not missing("ovs-vswitchd", "ovsdb-server", "ovs-vsctl") and kind == "ovs"
            or kind == "vde_switch" and not missing(kind)]


def make():
    return Bed("a", "b", "m")


def switch(bed, kind):
    """Starts one with the TAPs left and right in namespace m; its processes."""
    if kind == "vz":
        return [bed.start("m", *VZ, "switch", "--port", "tap=left", "--port", "tap=right")]
    if kind == "vde_switch":
        return [bed.start("m", kind, "-s", os.path.join(bed.folder, f"vde{time.time()}"), "-tap", "left", "-tap",
                          "right")]
    if kind == "kernel":
        bed.ip("m", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        bed.ip("m", "link", "set", "br0", "up")
        for name, space in (("left", "a"), ("right", "b")):
            bed.cable("m", "m" + name, space, name)
            bed.ip("m", "link", "set", "m" + name, "master", "br0", "up")
        return []
    run = os.path.join(bed.folder, f"ovs{time.time()}")
    os.mkdir(run)
    data, socket = run + "/conf.db", run + "/db.sock"
    sh("ovsdb-tool", "create", data, SCHEMA)
    base = bed.start("m", "ovsdb-server", data, "--remote=punix:" + socket, "--unixctl=" + run + "/o.ctl")
    bed.until("ovsdb-server listens", lambda: os.path.exists(socket), base)
    daemon = bed.start("m", "env", "OVS_RUNDIR=" + run, "ovs-vswitchd", "unix:" + socket,
                       "--unixctl=" + run + "/v.ctl")
    words = ["--", "set", "bridge", "br0", "datapath_type=netdev"]
    for name in ("left", "right"):
        words += ["--", "add-port", "br0", name, "--", "set", "interface", name, "type=tap"]
    sh("ovs-vsctl", "--timeout=20", "--db=unix:" + socket, "add-br", "br0", *words)
    return [daemon, base]


def present(bed, space, name):
    return subprocess.run(["ip", "-n", bed.mark + space, "link", "show", name], capture_output=True).returncode == 0


def begin(bed, kind):
    processes = switch(bed, kind)
    for name, space, address in (("left", "a", LEFT), ("right", "b", RIGHT)):
        bed.until(f"{kind} makes a TAP", lambda: present(bed, "m" if processes else space, name), *processes)
        if processes:
            time.sleep(0.5)  # its maker may still have to switch it on
            bed.ip("m", "link", "set", name, "netns", bed.mark + space)
        bed.ip(space, "address", "add", address + "/24", "dev", name)
        bed.ip(space, "link", "set", name, "up")
    bed.until(f"a ping gets through {kind}",
              lambda: "1 received" in bed.run("a", "ping", "-c", "1", "-W", "1", RIGHT), *processes)
    return processes


def arrived(bed):
    return int(bed.run("b", "cat", "/sys/class/net/right/statistics/rx_packets"))


def measure(bed, kind, duration, add):
    processes = begin(bed, kind)
    server = bed.start("b", "iperf3", "-s")
    address = {space: bed.run(space, "cat", f"/sys/class/net/{name}/address").strip()
               for space, name in (("a", "left"), ("b", "right"))}
    for length in ("60", "1514"):
        blast = bed.start("a", bed.tool, "blast", "left", address["b"], address["a"], length, str(duration + 2))
        time.sleep(1.5)
        count, cost, begun = arrived(bed), seconds(*processes), time.time()
        time.sleep(duration)
        count, cost, took = arrived(bed) - count, seconds(*processes) - cost, time.time() - begun
        blast.wait()
        bed.end(blast)
        add(f"frames of {length} bytes, thousand/s", count / took / 1e3)
        if processes:
            add(f"frames of {length} bytes, CPU µs each", cost / max(count, 1) * 1e6)
    for length in ("64", "1400"):
        pour = bed.start("a", bed.tool, "pour", RIGHT, length, str(duration + 2))
        time.sleep(1)
        cost = seconds(*processes)
        count = int(bed.run("b", bed.tool, "drain", RIGHT, length, str(duration)) or 0)
        cost = seconds(*processes) - cost
        pour.wait()
        bed.end(pour)
        add(f"datagrams of {length} bytes sent 32 at a time, thousand/s", count / duration / 1e3)
        if processes:
            add(f"datagrams of {length} bytes sent 32 at a time, CPU µs each", cost / max(count, 1) * 1e6)
    for streams in ("1", "4"):
        before = seconds(*processes)
        report = bed.run("a", "iperf3", "-J", "-c", RIGHT, "-t", str(duration), "-P", streams)
        try:
            got = json.loads(report)["end"]["sum_received"]
        except (ValueError, KeyError):
            raise Failure(f"iperf3 through {kind} said: {report[-200:]}") from None
        add(f"TCP, {streams} streams, Gbit/s", got["bits_per_second"] / 1e9)
        if processes:
            add(f"TCP, {streams} streams, CPU s/GB", (seconds(*processes) - before) / got["bytes"] * 1e9)
    bed.end(server)
    for process in processes:
        bed.end(process)
    for space, name in (("a", "left"), ("b", "right"), ("m", "br0")):
        subprocess.run(["ip", "-n", bed.mark + space, "link", "delete", name], stderr=subprocess.DEVNULL, check=False)
