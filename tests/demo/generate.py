#!/usr/bin/env python3
"""Writes the built-in demo session to stdout: `python3 tests/demo/generate.py >src/run/demo.json`.

The same bytes every time. A vote is lost in the first session; in the second one a coding agent finds out why.
"""

import sys

import coding
import voice
import voice_later
from slices import Slice


def main():
    demo = Slice()
    retro = voice.Retro(demo)
    for act in [voice.start, voice.sticky_note, voice.pasted_note, voice.themes, voice_later.crowd_pulse,
                voice_later.vote_box, voice_later.scorecard, voice_later.end]:
        act(retro)
    coding.work(demo)
    sys.stdout.buffer.write(demo.write("whole demo").encode())


if __name__ == "__main__":
    main()
