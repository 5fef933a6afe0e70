"""Runs a program in a pseudo-terminal and keeps what stands on its screen, cell by cell."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pyte

# Sequences that pyte would print or take for colours: device control strings, and the colour of underlines.
FOREIGN = re.compile(rb"\x1b[P_^].*?\x1b\\|\x1b\[58[;:][0-9;:]*m", re.DOTALL)
WHOLE = re.compile(rb"\x1b(\[[0-9;:?<>=]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[^\[\]P])")
QUESTIONS = {b"\x1b]11;?": "\x1b]11;rgb:{}\x1b\\", b"\x1b]10;?": "\x1b]10;rgb:{}\x1b\\", b"\x1b[c": "\x1b[?62;22c"}


class Screen(pyte.Screen):
    """A screen that keeps faint text, in the place where pyte keeps blinking."""

    def select_graphic_rendition(self, *attributes, **more):
        left, kept = list(attributes), []
        while left:
            code = left.pop(0)
            if code in (38, 48) and left:
                kept.append(code)
                kept += [left.pop(0) for _ in range(min(len(left), 4 if left[0] == 2 else 2))]
            else:
                kept += {2: [5], 5: [], 22: [22, 25]}.get(code, [code])
        super().select_graphic_rendition(*kept, **more)


class Session:
    """A program on its terminal."""

    def __init__(self, command, columns, rows, light, home):
        self.screen = Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.light, self.left = light, b""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            environment = {
                "HOME": home, "PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLORTERM": "truecolor",
                "LANG": "C.UTF-8", "TZ": "UTC", "XDG_DATA_HOME": f"{home}/data", "XDG_CACHE_HOME": f"{home}/cache",
                "XDG_CONFIG_HOME": f"{home}/config",
            }
            os.chdir(home)
            # The size is set by the program's own side, so that it is there before the first frame.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvpe(command[0], command, environment)

    def press(self, keys):
        os.write(self.terminal, keys.encode())

    def settle(self, quiet=0.35, most=8.0):
        """Reads until nothing has come for a while."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            ready, _, _ = select.select([self.terminal], [], [], quiet)
            if not ready:
                return
            try:
                written = os.read(self.terminal, 1 << 16)
            except OSError:
                return
            if not written:
                return
            self.feed(written)

    def feed(self, written):
        self.answer(written)
        written = FOREIGN.sub(b"", self.left + written)
        # A sequence that is cut at the end waits for its rest.
        cut = written.rfind(b"\x1b", -64)
        complete = cut < 0 or WHOLE.match(written[cut:])
        self.left = b"" if complete else written[cut:]
        self.stream.feed(written if complete else written[:cut])

    def answer(self, written):
        """Answers as a terminal of this background does."""
        ground, text = ("fafa/fafa/f7f7", "2020/2323/2a2a") if self.light else ("1414/1818/1f1f", "d8d8/dede/e9e9")
        for question, reply in QUESTIONS.items():
            if question in written:
                self.press(reply.format(text if b"10" in question else ground))

    def cells(self):
        """Each line as a list of cells."""
        return [[self.screen.buffer[row][column] for column in range(self.screen.columns)]
                for row in range(self.screen.lines)]

    def cursor(self):
        place = self.screen.cursor
        return None if place.hidden else (place.x, place.y)

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.process, 0)
