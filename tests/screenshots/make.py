#!/usr/bin/env python3
"""Makes the pictures in `screenshots/`: drives the release build's demo on a terminal and draws what it shows.

Look at the pictures before they are committed. `--only NAME` makes some of them, `--try COMMAND…` draws any program.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    from PIL import Image
    from picture import Painter
    from terminal import Session
except ImportError as missing:
    sys.exit(f"{missing}\nThis script alone needs: python3 -m pip install pyte pillow\n"
             "and the fonts: apt-get install fonts-dejavu-core fonts-vlgothic fonts-noto-color-emoji")

ROOT = pathlib.Path(__file__).resolve().parents[2]
LARGE, SMALL = (120, 36), (80, 24)
RETRO = ["/Sprint\r", "\r"]
CODING = ["gg", "\r"]
# Name, keys, and whether it is also made for a light terminal. Each text is typed at once, then the screen is awaited.
PICTURES = [
    ("sessions", [], False),
    ("timeline", [*RETRO, "e", "e"], True),
    ("event", [*RETRO, "/commit_crowd\r", "\r", "g3"], False),
    ("prompt", [*RETRO, "/instructions\r", "\r", "g4"], False),
    ("joins", [*RETRO, "/version 7\r", "\r", "g8"], False),
    ("lens", [*RETRO, "/Ship it\r", "n", "c"], False),
    ("findings", [*RETRO, "I"], False),
    ("waterfall", [*RETRO, "T", "d"], False),
    ("usage", [*RETRO, "u"], False),
    ("hostile", [*RETRO, "/read_note\r", "\r", "g3"], False),
    ("diff", [*CODING, "/git diff\r", "\r", "g3"], False),
    ("help", [*RETRO, "?"], False),
]
# Keys of the recording and how long each picture of it stands, in milliseconds.
RECORDING = [("", 1400), ("j", 500), ("j", 900), ("\r", 1600), ("e", 1000), ("e", 1400), ("\r", 1800), ("g2", 1600),
             ("g3", 2000), ("g8", 1600), ("\r", 1800), ("g3", 2200), ("q", 1000), ("/hands", 900), ("\r", 1500), ("n", 800),
             ("?", 2000)]


def shoot(session, keys):
    session.settle(most=15)
    for text in keys:
        session.press(text)
        session.settle()


def demo(binary, size, light, home):
    return Session([str(binary), "demo"], *size, light, home)


def pictures(arguments, folder):
    for name, keys, both in PICTURES:
        if arguments.only and name not in arguments.only:
            continue
        for size in (LARGE, SMALL):
            for light in (False, True) if both else (False,):
                with tempfile.TemporaryDirectory() as home:
                    session = demo(arguments.binary, size, light, home)
                    shoot(session, keys)
                    path = folder / f"{name}{'-light' if light else ''}-{size[0]}x{size[1]}.png"
                    save(Painter(light).window(session.cells(), session.cursor()), path)
                    session.end()


# A report of the demo in a browser.
PAGE, PAGE_SIZE = "page", (1280, 1100)


def page(arguments, folder):
    browser = shutil.which("chromium")
    if arguments.only and PAGE not in arguments.only:
        return
    if not browser:
        sys.exit("the picture of a report needs a browser: apt-get install chromium")
    with tempfile.TemporaryDirectory() as home:
        run = [arguments.binary, "--store", f"{home}/demo.db"]
        subprocess.run([*run, "import", ROOT / "src/run/demo.json"], check=True, stdout=subprocess.DEVNULL)
        told = subprocess.run([*run, "report", "retro-14", "--out-dir", home], check=True, stdout=subprocess.PIPE)
        address = f"file://{json.loads(told.stdout)['htmlPath']}"
        path = folder / f"{PAGE}-{PAGE_SIZE[0]}x{PAGE_SIZE[1]}.png"
        subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                        "--disable-background-networking", "--disable-component-update", "--disable-sync",
                        "--hide-scrollbars", f"--user-data-dir={home}/profile", "--virtual-time-budget=5000",
                        "--window-size={},{}".format(*PAGE_SIZE), f"--screenshot={path}", address], check=True)
        save(Image.open(path).convert("RGB"), path)


def save(picture, path):
    # 255 colours and one for the corners are enough for text, and a third of the bytes.
    picture.quantize(256).save(path, optimize=True)
    print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}: {path.stat().st_size // 1024} KiB")


def recording(arguments, folder):
    if arguments.only and "recording" not in arguments.only:
        return
    painter, frames = Painter(size=15), []
    with tempfile.TemporaryDirectory() as home:
        session = demo(arguments.binary, SMALL, False, home)
        session.settle(most=15)
        for keys, _ in RECORDING:
            session.press(keys)
            session.settle()
            frames.append(painter.window(session.cells(), session.cursor()).convert("RGB"))
        session.end()
    # One palette for all, made from all, so that no colour of a later picture is missing.
    together = Image.new("RGB", (frames[0].width, frames[0].height * len(frames)))
    for number, frame in enumerate(frames):
        together.paste(frame, (0, number * frame.height))
    colours = together.quantize(256, method=Image.Quantize.FASTOCTREE)
    frames = [frame.quantize(palette=colours, dither=0) for frame in frames]
    path = folder / "walk-80x24.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[stands for _, stands in RECORDING], loop=0,
                   optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB, {len(frames)} pictures")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/turnscope")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "screenshots")
    parser.add_argument("--only", nargs="*", help="names of pictures")
    parser.add_argument("--light", action="store_true", help="with --try: a light terminal")
    parser.add_argument("--try", dest="tried", nargs=argparse.REMAINDER, help="draw this program instead, after 1 s")
    arguments = parser.parse_args()
    arguments.out.mkdir(exist_ok=True)
    if arguments.tried:
        with tempfile.TemporaryDirectory() as home:
            session = Session(arguments.tried, *LARGE, arguments.light, home)
            shoot(session, [])
            save(Painter(arguments.light).window(session.cells(), session.cursor(), arguments.tried[0]),
                 arguments.out / "tried.png")
        return
    if not arguments.binary.exists():
        sys.exit(f"{arguments.binary} is not there: cargo build --release")
    arguments.binary = arguments.binary.resolve()
    pictures(arguments, arguments.out)
    recording(arguments, arguments.out)
    page(arguments, arguments.out)


if __name__ == "__main__":
    main()
