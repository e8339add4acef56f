"""Sets vz beside others of its kind, in turns, and prints medians: vz bench net."""
import argparse
import json
import os
import shutil
import signal
import statistics
import sys

import nat
import services
import switch
from bed import Failure, missing

PARTS = {"nat": nat, "switch": switch, "services": services}


def compare(part, module, words, results):
    lacking = missing(*module.NEEDED)
    if lacking:
        raise Failure("it needs " + " and ".join(lacking) + ", which are not installed")
    kinds = [kind for kind in module.available() if not words.only or kind in words.only]
    bed = module.make()
    try:
        for turn in range(words.rounds):
            for kind in kinds:
                print(f"{part}: turn {turn + 1} of {words.rounds}, {kind}", file=sys.stderr, flush=True)
                module.measure(bed, kind, words.seconds,
                               lambda row, value: results.setdefault(part, {}).setdefault(row, {})
                               .setdefault(kind, []).append(value))
    finally:
        bed.close()


def show(results):
    for part, rows in results.items():
        kinds = [kind for kind in PARTS[part].PEERS if any(kind in values for values in rows.values())]
        turns = max(len(values) for row in rows.values() for values in row.values())
        print(f"{part + ', medians of ' + str(turns):44}" + "".join(f"{kind:>13}" for kind in kinds))
        for row, values in rows.items():
            print(f"{row:44}" + "".join(
                f"{statistics.median(values[kind]):13.2f}" if kind in values else f"{'-':>13}" for kind in kinds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--results")
    parser.add_argument("--only", action="append")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was made is taken away
    results = {}
    if words.results and os.path.exists(words.results):
        with open(words.results) as file:
            results = json.load(file)
    try:
        for part in words.parts or PARTS:
            compare(part, PARTS[part], words, results)
    except Failure as failure:
        print(f"vz: comparing networks: {failure}", file=sys.stderr)
        return 1
    finally:
        if words.results:
            with open(words.results + ".new", "w") as file:
                json.dump(results, file, indent=1)
            shutil.move(words.results + ".new", words.results)
    show(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
