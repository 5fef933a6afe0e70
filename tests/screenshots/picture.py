"""Draws a screen of cells as a picture of a terminal window."""

import functools
import unicodedata

from PIL import Image, ImageDraw, ImageFont

FOLDER = "/usr/share/fonts/truetype"
FACES = {(False, False): "DejaVuSansMono.ttf", (True, False): "DejaVuSansMono-Bold.ttf",
         (False, True): "DejaVuSansMono-Oblique.ttf", (True, True): "DejaVuSansMono-BoldOblique.ttf"}
# Tried in this order for a letter that DejaVu does not have.
OTHERS = ["DejaVuSans.ttf", "vlgothic/VL-Gothic-Regular.ttf", "noto/NotoColorEmoji.ttf"]
NAMED = ["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"]
DARK = {"ground": "14181f", "text": "d8dee9", "frame": "232a35", "edge": "3a4454", "page": (0, 0, 0, 0), "named": [
    "1c222b", "e06c75", "98c379", "e5c07b", "61afef", "c678dd", "56b6c2", "abb2bf",
    "5c6675", "ff7b7b", "a8d48c", "f0c060", "7fb8f0", "d79bf0", "6cc7d9", "ffffff"]}
LIGHT = {"ground": "fafaf7", "text": "20232a", "frame": "e6e6e0", "edge": "c8c8c0", "page": (0, 0, 0, 0), "named": [
    "20232a", "b3261e", "2e7d32", "8a6100", "1a5fb4", "8e3a9d", "00707f", "7a7f87",
    "5a5f66", "d32f2f", "388e3c", "a87900", "2a6fd0", "a349b3", "00838f", "ffffff"]}
# The arms of a line character: left, right, up, down; 1 is light, 2 is heavy, 3 is double.
ARMS = {
    "─": (1, 1, 0, 0), "│": (0, 0, 1, 1), "┌": (0, 1, 0, 1), "┐": (1, 0, 0, 1), "└": (0, 1, 1, 0), "┘": (1, 0, 1, 0),
    "├": (0, 1, 1, 1), "┤": (1, 0, 1, 1), "┬": (1, 1, 0, 1), "┴": (1, 1, 1, 0), "┼": (1, 1, 1, 1), "━": (2, 2, 0, 0),
    "┃": (0, 0, 2, 2), "┏": (0, 2, 0, 2), "┓": (2, 0, 0, 2), "┗": (0, 2, 2, 0), "┛": (2, 0, 2, 0), "╴": (1, 0, 0, 0),
    "╵": (0, 0, 1, 0), "╶": (0, 1, 0, 0), "╷": (0, 0, 0, 1), "╸": (2, 0, 0, 0), "╹": (0, 0, 2, 0), "╺": (0, 2, 0, 0),
    "╻": (0, 0, 0, 2), "═": (3, 3, 0, 0), "║": (0, 0, 3, 3), "╔": (0, 3, 0, 3), "╗": (3, 0, 0, 3), "╚": (0, 3, 3, 0),
    "╝": (3, 0, 3, 0), "╭": (0, 1, 0, 1), "╮": (1, 0, 0, 1), "╰": (0, 1, 1, 0), "╯": (1, 0, 1, 0),
}
# The filled part of a block character, in eighths: left, top, right, bottom.
BLOCKS = {"█": (0, 0, 8, 8), "▀": (0, 0, 8, 4), "▐": (4, 0, 8, 8), "▔": (0, 0, 8, 1), "▕": (7, 0, 8, 8)}
BLOCKS |= {character: (0, 7 - eighths, 8, 8) for eighths, character in enumerate("▁▂▃▄▅▆▇")}
BLOCKS |= {character: (0, 0, 7 - eighths, 8) for eighths, character in enumerate("▉▊▋▌▍▎▏")}
SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}


def rgb(digits):
    return tuple(int(digits[at:at + 2], 16) for at in (0, 2, 4))


class Painter:
    """Draws screens of one look and one size of letters."""

    def __init__(self, light=False, size=20):
        self.look = LIGHT if light else DARK
        self.size = size
        self.width = round(self.font(FACES[False, False]).getlength("M"))
        self.height = round(size * 1.25)

    @functools.cache
    def font(self, name, size=None):
        folder = "" if "/" in name else "dejavu/"
        return ImageFont.truetype(f"{FOLDER}/{folder}{name}", size or self.size)

    def colour(self, name, default, bold=False):
        if name == "default":
            return rgb(self.look[default])
        bright = name.startswith("bright")
        plain = name.removeprefix("bright").replace("yellow", "brown")
        if plain in NAMED:
            return rgb(self.look["named"][NAMED.index(plain) + (8 if bright else 0)])
        return rgb(name)

    def window(self, cells, cursor=None, title="turnscope"):
        """The screen in a window with round corners, on nothing."""
        screen = self.screen(cells, cursor)
        pad, bar = self.size, round(self.size * 1.7)
        width, height = screen.width + 2 * pad, screen.height + bar + pad + pad // 2
        # Corners are drawn four times as large and made small, which is what makes them smooth.
        mask = Image.new("L", (width * 2, height * 2), 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 2 - 1, height * 2 - 1), self.size * 1.4, 255)
        mask = mask.resize((width, height), Image.Resampling.LANCZOS)
        frame = Image.new("RGB", (width, height), rgb(self.look["ground"]))
        draw = ImageDraw.Draw(frame)
        draw.rectangle((0, 0, width, bar - 1), rgb(self.look["frame"]))
        draw.line((0, bar, width, bar), rgb(self.look["edge"]))
        for number, name in enumerate(["e06c60", "e0b050", "70b060"]):
            middle, radius = (pad + number * self.size * 1.1 + 4, bar / 2), self.size * 0.28
            draw.ellipse([middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius], rgb(name))
        font = self.font(FACES[False, False], round(self.size * 0.75))
        draw.text((width / 2, bar / 2), title, rgb(self.look["named"][8]), font, anchor="mm")
        frame.paste(screen, (pad, bar + pad // 2))
        picture = Image.new("RGBA", (width, height), self.look["page"])
        picture.paste(frame, (0, 0), mask)
        return picture

    def screen(self, cells, cursor=None):
        picture = Image.new("RGB", (self.width * len(cells[0]), self.height * len(cells)), rgb(self.look["ground"]))
        draw = ImageDraw.Draw(picture)
        for row, line in enumerate(cells):
            for column, cell in enumerate(line):
                # The right half of a wide character is an empty cell.
                wide = column + 1 < len(line) and line[column + 1].data == ""
                self.cell(picture, draw, cell, column, row, 2 if wide else 1, cursor == (column, row))
        return picture

    def cell(self, picture, draw, cell, column, row, cells, under_cursor):
        front, back = self.colour(cell.fg, "text", cell.bold), self.colour(cell.bg, "ground")
        if cell.reverse != under_cursor:
            front, back = back, front
        if cell.blink:
            front = tuple((2 * one + other) // 3 for one, other in zip(front, back))
        if cell.data == "":
            return
        left, top = column * self.width, row * self.height
        right, bottom = left + cells * self.width, top + self.height
        if back != rgb(self.look["ground"]):
            draw.rectangle((left, top, right - 1, bottom - 1), back)
        character = cell.data[0]
        if character in ARMS:
            self.line(draw, character, left, top, front)
        elif character in BLOCKS:
            across, down = BLOCKS[character][::2], BLOCKS[character][1::2]
            (x0, x1), (y0, y1) = [round(left + self.width * part / 8) for part in across], [
                round(top + self.height * part / 8) for part in down]
            draw.rectangle((x0, y0, x1 - 1, y1 - 1), front)
        elif character in SHADES:
            part = SHADES[character]
            mixed = tuple(round(one * part + other * (1 - part)) for one, other in zip(front, back))
            draw.rectangle((left, top, right - 1, bottom - 1), mixed)
        elif cell.data.strip():
            self.letter(picture, draw, cell, left, top, cells, front)
        if cell.underscore:
            line = bottom - max(2, self.size // 8)
            draw.line((left, line, right - 1, line), front, max(1, self.size // 16))
        if cell.strikethrough:
            draw.line((left, (top + bottom) // 2, right - 1, (top + bottom) // 2), front)

    def letter(self, picture, draw, cell, left, top, cells, front):
        name = self.face(cell.data[0], cell.bold, cell.italics)
        baseline = top + round(self.height * 0.76)
        if "Emoji" in name:
            # The pictures in this font have one size only.
            large = Image.new("RGBA", (136, 128))
            ImageDraw.Draw(large).text((0, 0), cell.data, font=self.font(name, 109), embedded_color=True)
            side = min(cells * self.width, self.height) - 2
            small = large.resize((side, side), Image.Resampling.LANCZOS)
            picture.paste(small, (left + 1, top + (self.height - side) // 2), small)
            return
        draw.text((left, baseline), cell.data, front, self.font(name), anchor="ls")

    @functools.cache
    def face(self, character, bold, italic):
        own = FACES[bold, italic]
        if unicodedata.east_asian_width(character) not in "WF" and self.has(own, character):
            return own
        return next((name for name in OTHERS if self.has(name, character)), own)

    def has(self, name, character):
        """Whether a font can draw a character: it looks different from one that no font has."""
        try:
            font = self.font(name, 109 if "Emoji" in name else None)
        except OSError:
            return False
        absent = font.getmask("\U0010fffe")
        drawn = font.getmask(character)
        return drawn.getbbox() is not None and (drawn.size, bytes(drawn)) != (absent.size, bytes(absent))

    def line(self, draw, character, left, top, front):
        """A line character as geometry, so that neighbours touch."""
        light = max(1, round(self.size / 14))
        x, y = left + self.width // 2, top + self.height // 2
        ends = [(left, y, x, y), (x, y, left + self.width - 1, y), (x, top, x, y), (x, y, x, top + self.height - 1)]
        if character in "╭╮╰╯":
            self.corner(draw, character, left, top, front, light)
            return
        for arm, (x0, y0, x1, y1) in zip(ARMS[character], ends):
            if arm == 3:
                apart = light + 1
                sideways, downwards = (0, apart) if y0 == y1 else (apart, 0)
                for x, y in [(-sideways, -downwards), (sideways, downwards)]:
                    draw.line((x0 + x, y0 + y, x1 + x, y1 + y), front, light)
            elif arm:
                draw.line((x0, y0, x1, y1), front, light * arm)

    def corner(self, draw, character, left, top, front, light):
        x, y = left + self.width // 2, top + self.height // 2
        radius = self.width // 2
        right, below = character in "╭╰", character in "╭╮"
        middle = (x + radius if right else x - radius, y + radius if below else y - radius)
        start = {"╭": 180, "╮": 270, "╰": 90, "╯": 0}[character]
        box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
        draw.arc(box, start, start + 90, front, light)
        draw.line((x, middle[1], x, top + self.height - 1 if below else top), front, light)
        draw.line((middle[0], y, left + self.width - 1 if right else left, y), front, light)
