#!/usr/bin/env bash
# NBD servers side by side: fio as the client of each in turns, medians of all turns. Needs fio, qemu-nbd, nbdkit and jq.
# compare.sh [TURNS [SECONDS]]     VZ: the command (default: samples/vz), JAVA: a java 25, SCRATCH: a folder for 1 GiB
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
turns=${1:-5} seconds=${2:-2}
vz=${VZ:-$here/../../samples/vz} java=${JAVA:-java}
scratch=$(mktemp -d -p "${SCRATCH:-${TMPDIR:-/tmp}}")
trap 'rm -rf "$scratch"' EXIT
disk=$scratch/disk.raw sock=$scratch/s port=10851
head -c 1G /dev/urandom > "$disk"
if [ -z "${VERTX_CP:-}" ]; then
    mvn -q -f "$here/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath \
        -Dmdep.outputFile="$scratch/cp" && VERTX_CP=$(<"$scratch/cp")
fi

measure() { # server, URI, operation, fio's options
    local json
    json=$(fio --name=x --ioengine=nbd --uri="$2" --size=1G --time_based --runtime="$seconds" --ramp_time=1 \
        --output-format=json "${@:4}" | sed -n '/^{/,$p')
    jq -r --arg s "$1" --arg o "$3" '.jobs[0] | "\($s) \($o) \((.read.iops + .write.iops) | floor)"' <<< "$json" \
        >> "$scratch/all"
}

turn() { # name, URI, command
    local name=$1 uri=$2 server
    rm -f "$sock"
    "${@:3}" > "$scratch/$name.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        if nbdinfo --size "$uri" > /dev/null 2>&1; then break; fi
        sleep .1
    done
    measure "$name" "$uri" randread-4k-qd32 --rw=randread --bs=4k --iodepth=32
    measure "$name" "$uri" randread-4k-qd1 --rw=randread --bs=4k --iodepth=1
    measure "$name" "$uri" randwrite-4k-qd32 --rw=randwrite --bs=4k --iodepth=32
    measure "$name" "$uri" read-256k-qd8 --rw=read --bs=256k --iodepth=8
    kill "$server"
    wait "$server" 2> /dev/null || true
}

unix="nbd+unix:///?socket=$sock" tcp=nbd://127.0.0.1:$port
for _ in $(seq "$turns"); do
    turn qemu-nbd "$unix" qemu-nbd -k "$sock" -t -e 8 -f raw --cache=writeback --aio=io_uring "$disk"
    # shellcheck disable=SC2086 # the command may have words of its own
    turn vz "$unix" $vz nbd serve -k "$sock" -t -e 8 -f raw "$disk"
    turn nbdkit "$unix" nbdkit -f -U "$sock" file "$disk"
    # shellcheck disable=SC2086
    turn vz-tcp "$tcp" $vz nbd serve -b 127.0.0.1 -p $port -t -e 8 -f raw "$disk"
    turn vertx-tcp "$tcp" "$java" -cp "$VERTX_CP" "$here/VertxServer.java" $port "$disk"
done
sort -k2,2 -k1,1 -k3,3n "$scratch/all" | awk '
    function out() { if (n) printf "%-20s %-10s %9d IOPS (median of %d)\n", o, s, v[int((n + 1) / 2)], n }
    $1 != s || $2 != o { out(); n = 0; s = $1; o = $2 }
    { v[++n] = $3 }
    END { out() }'
