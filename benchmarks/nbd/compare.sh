#!/usr/bin/env bash
# Our NBD server and one on Vert.x side by side: fio asks them over TCP in turns; medians of all turns. Needs fio and Maven.
# For qemu-nbd and nbdkit there is "vz bench storage --only nbd".
# compare.sh [TURNS [SECONDS]]     VZ: the command (default: samples/vz), JAVA: a java 25, SCRATCH: a folder for 1 GiB,
#                                  VERTX_CP: the class path with Vert.x, for those who have it (default: Maven finds it)
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
turns=${1:-5} seconds=${2:-2}
vz=${VZ:-$here/../../samples/vz} java=${JAVA:-java}
scratch=$(mktemp -d -p "${SCRATCH:-${TMPDIR:-/tmp}}")
trap 'rm -rf "$scratch"' EXIT
disk=$scratch/disk.raw port=10851
head -c 1G /dev/urandom > "$disk"
if [ -z "${VERTX_CP:-}" ]; then
    mvn -q -f "$here/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath \
        -Dmdep.outputFile="$scratch/cp" && VERTX_CP=$(<"$scratch/cp")
fi

measure() { # server, operation, column of fio's terse output, fio's options
    fio --name=x --ioengine=nbd --uri=nbd://127.0.0.1:$port --size=1G --time_based --runtime="$seconds" --ramp_time=1 \
        --minimal --terse-version=3 "${@:4}" | grep '^3;' | cut -d';' -f"$3" | sed "s/^/$1 $2 /" >> "$scratch/all"
}

turn() { # name, command
    local name=$1 server
    "${@:2}" > "$scratch/$name.log" 2>&1 &
    server=$!
    for _ in $(seq 200); do
        if nbdinfo --size nbd://127.0.0.1:$port > /dev/null 2>&1; then break; fi
        sleep .1
    done
    measure "$name" randread-4k-qd32 8 --rw=randread --bs=4k --iodepth=32
    measure "$name" randread-4k-qd1 8 --rw=randread --bs=4k --iodepth=1
    measure "$name" randwrite-4k-qd32 49 --rw=randwrite --bs=4k --iodepth=32
    measure "$name" read-256k-qd8 8 --rw=read --bs=256k --iodepth=8
    kill "$server"
    wait "$server" 2> /dev/null || true
}

for _ in $(seq "$turns"); do
    # shellcheck disable=SC2086 # the command may have words of its own
    turn epoll $vz nbd serve -b 127.0.0.1 -p $port -t -e 8 -f raw "$disk"
    turn vertx "$java" -cp "$VERTX_CP" "$here/VertxServer.java" $port "$disk"
done
sort -k2,2 -k1,1 -k3,3n "$scratch/all" | awk '
    function out() { if (n) printf "%-20s %-8s %9d /s (median of %d)\n", o, s, v[int((n + 1) / 2)], n }
    $1 != s || $2 != o { out(); n = 0; s = $1; o = $2 }
    { v[++n] = $3 }
    END { out() }'
