"""Gateways for a guest: vz nat, pasta and slirp4netns; TCP, UDP, connections, and what they cost."""
import json
import subprocess

from bed import VZ, Bed, missing, seconds

SERVER, HOST = "192.0.2.1", "192.0.2.2"
GUEST, ROUTER = "10.0.2.15", "10.0.2.2"
NEEDED = ("iperf3",)
PEERS = ("vz", "pasta", "slirp4netns")


def available():
    return ["vz"] + [kind for kind in PEERS[1:] if not missing(kind)]


def make():
    """A guest without a network yet, a host, and a server behind a cable."""
    bed = Bed("g", "h", "s")
    bed.cable("h", "eth0", "s", "eth0")
    for name, address in (("h", HOST), ("s", SERVER)):
        bed.ip(name, "address", "add", address + "/24", "dev", "eth0")
        bed.ip(name, "link", "set", "eth0", "up")
    bed.ip("h", "route", "add", "default", "via", SERVER)
    bed.start("s", "iperf3", "-s")
    bed.start("s", bed.tool, "serve", SERVER)
    return bed


def gateway(bed, kind):
    path = bed.path("g")
    if kind == "vz":
        return bed.start("h", *VZ, "nat", "--netns", path, "--tap", "tap0", "--forward",
                         f"tcp:{HOST}:5202:{GUEST}:5201")
    if kind == "pasta":
        return bed.start("h", "pasta", "--netns", path, "--config-net", "-f", "-q", "-t", f"{HOST}/5202:5201", "-u",
                         "none", "-T", "none", "-U", "none", "-I", "tap0", "--no-map-gw", "--runas", "0", "-a", GUEST,
                         "-n", "24", "-g", ROUTER)
    return bed.start("h", "slirp4netns", "--configure", "--mtu=65520", "--netns-type=path", path, "tap0")


def begin(bed, kind):
    """Starts one and waits until the guest reaches the server through it."""
    process = gateway(bed, kind)

    def reached():
        found = subprocess.run(["ip", "-n", bed.mark + "g", "address", "show", "up", "dev", "tap0"],
                               capture_output=True, text=True).stdout
        if kind == "vz" and found and GUEST not in found:
            bed.ip("g", "address", "add", GUEST + "/24", "dev", "tap0")
            bed.ip("g", "route", "add", "default", "via", ROUTER)
        return "inet " in found and bed.run("g", bed.tool, "connect", SERVER, "1", "1").strip() not in ("", "0")

    bed.until(f"the guest reaches the server through {kind}", reached, process)
    return process


def iperf3(bed, duration, *options):
    try:
        return json.loads(bed.run("g", "iperf3", "-J", "-c", SERVER, "-t", str(duration), *options)).get("end")
    except ValueError:
        return None


def measure(bed, kind, duration, add):
    process = begin(bed, kind)
    # A program whose code is compiled while it runs gets a moment for that, and the others the same.
    iperf3(bed, 2, "-P", "2")
    iperf3(bed, 2, "-R")
    for streams in ("1", "4"):
        for direction, options in (("out", []), ("in", ["-R"])):
            before = seconds(process)
            end = iperf3(bed, duration, "-P", streams, *options)
            if end:
                got = end["sum_received"]
                add(f"TCP {direction}, {streams} streams, Gbit/s", got["bits_per_second"] / 1e9)
                add(f"TCP {direction}, {streams} streams, CPU s/GB", (seconds(process) - before) / got["bytes"] * 1e9)
    for direction, options in (("out", []), ("in", ["-R"])):
        before = seconds(process)
        end = iperf3(bed, duration, "-u", "-b", "0", "-l", "64", *options)
        if end:
            got = max(1, end["sum"]["packets"] - end["sum"]["lost_packets"])
            add(f"UDP {direction}, thousand datagrams/s", got / end["sum"]["seconds"] / 1e3)
            add(f"UDP {direction}, CPU µs/datagram", (seconds(process) - before) / got * 1e6)
    for clients in ("1", "16"):
        before = seconds(process)
        count = int(bed.run("g", bed.tool, "connect", SERVER, clients, str(duration)) or 0)
        add(f"connections, {clients} clients, 1/s", count / duration)
        add(f"connections, {clients} clients, CPU µs each", (seconds(process) - before) / max(count, 1) * 1e6)
    bed.end(process)
    subprocess.run(["ip", "-n", bed.mark + "g", "link", "delete", "tap0"], stderr=subprocess.DEVNULL, check=False)
