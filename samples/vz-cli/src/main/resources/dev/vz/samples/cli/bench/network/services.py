"""Services: vz nat's DNS and DHCP at a TAP, dnsmasq's at a cable."""
import os
import re
import subprocess

from bed import VZ, Bed, Failure, missing, seconds

NEEDED = ("dnsperf", "perfdhcp")
PEERS = ("vz", "dnsmasq")
UPSTREAM = "192.0.2.1"
ROUTER = "10.0.0.2"


def available():
    return ["vz"] + [kind for kind in PEERS[1:] if not missing(kind)]


def make():
    bed = Bed("g", "h", "s")
    bed.cable("h", "eth0", "s", "eth0")
    for name, address in (("h", "192.0.2.2"), ("s", UPSTREAM)):
        bed.ip(name, "address", "add", address + "/24", "dev", "eth0")
        bed.ip(name, "link", "set", "eth0", "up")
    bed.start("s", bed.tool, "answer", UPSTREAM)
    with open(os.path.join(bed.folder, "names"), "w") as file:
        file.writelines(f"name{i}.example A\n" for i in range(500))
    return bed


def begin(bed, kind):
    if kind == "vz":
        process = bed.start("h", *VZ, "nat", "--netns", bed.path("g"), "--tap", "tap0", "--address", ROUTER + "/16",
                            "--dhcp", "10.0.16.1-10.0.199.254", "--dns", UPSTREAM)
    else:
        bed.cable("h", "tap1", "g", "tap0")
        bed.ip("h", "address", "add", ROUTER + "/16", "dev", "tap1")
        bed.ip("h", "link", "set", "tap1", "up")
        process = bed.start("h", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                            "--server=" + UPSTREAM, "--dhcp-range=10.0.16.1,10.0.199.254,1h", "--dhcp-lease-max=60000",
                            "--dhcp-leasefile=" + os.path.join(bed.folder, "leases"), "--no-ping", "--user=root",
                            "--pid-file", "--cache-size=1000", "--dns-forward-max=1000")
    bed.until(f"{kind} makes its interface",
              lambda: subprocess.run(["ip", "-n", bed.mark + "g", "link", "set", "tap0", "up"],
                                     capture_output=True).returncode == 0, process)
    bed.ip("g", "address", "add", "10.0.0.15/16", "dev", "tap0")
    bed.until(f"{kind} answers", lambda: re.search(r"Queries completed: +[1-9]", dnsperf(bed, 1)), process)
    return process


def dnsperf(bed, duration):
    return bed.run("g", "dnsperf", "-s", ROUTER, "-d", os.path.join(bed.folder, "names"), "-l", str(duration), "-c",
                   "4", "-q", "200")


def measure(bed, kind, duration, add):
    process = begin(bed, kind)
    dnsperf(bed, 3)
    before = seconds(process)
    report = dnsperf(bed, duration)
    rate = re.search(r"Queries per second: +([0-9.]+)", report)
    done = re.search(r"Queries completed: +(\d+)", report)
    lost = re.search(r"Queries lost: +\d+ \(([0-9.]+)%\)", report)
    if not rate or not done or not lost:
        raise Failure(f"dnsperf said: {report[-300:]}")
    add("DNS from the cache, thousand answers/s", float(rate[1]) / 1e3)
    add("DNS from the cache, lost, %", float(lost[1]))
    add("DNS from the cache, CPU µs each", (seconds(process) - before) / max(int(done[1]), 1) * 1e6)
    before = seconds(process)
    report = bed.run("g", "perfdhcp", "-4", "-r", "3000", "-R", "20000", "-p", str(duration), "-B", "-l", "tap0",
                     "255.255.255.255")
    rate = re.search(r"Rate: ([0-9.]+) 4-way exchanges/second", report)
    if not rate:
        raise Failure(f"perfdhcp said: {report[-300:]}")
    add("DHCP, exchanges/s of 3000 asked for", float(rate[1]))
    add("DHCP, CPU µs each", (seconds(process) - before) / max(float(rate[1]) * duration, 1) * 1e6)
    bed.end(process)
    subprocess.run(["ip", "-n", bed.mark + "g", "link", "delete", "tap0"], stderr=subprocess.DEVNULL, check=False)
