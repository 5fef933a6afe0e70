#!/usr/bin/env python3
"""Prints how surely the rows of real sessions are joined: `python3 tests/corpus/joins.py BINARY FOLDER…`.

Each folder is brought into a store of its own. A row counts with the strongest join that leads to another row; rows
that stand alone count as `none`. Joins between the events of one row are no reason to count it.
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile

STRENGTHS = ["exact", "keyed", "unique", "near", "ambiguous", "orphan", "none"]


def lines(binary, store, *arguments):
    run = subprocess.run([binary, "--store", store, *arguments, "--json"], capture_output=True, text=True)
    if run.returncode not in (0, 3):
        sys.exit(f"{' '.join(arguments)}: exit {run.returncode}: {run.stderr.strip()}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def strongest(row):
    found = {join["strength"] for join in row["joins"] if join["to"] != row["id"]}
    return next((strength for strength in STRENGTHS if strength in found), "none")


def shares(binary, folder):
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as home:
        store = str(pathlib.Path(home) / "joins.db")
        files = lines(binary, store, "import", folder)
        sessions = lines(binary, store, "sessions")
        for session in sessions:
            counts.update(strongest(row) for row in lines(binary, store, "timeline", session["id"]))
    rows = sum(counts.values())
    print(f"{pathlib.Path(folder).name}: {len(files)} files, {len(sessions)} sessions, {rows} rows")
    for strength in STRENGTHS:
        print(f"  {strength:9} {counts[strength]:7}  {100 * counts[strength] / max(rows, 1):5.1f} %")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for folder in sys.argv[2:]:
        shares(sys.argv[1], folder)


if __name__ == "__main__":
    main()
