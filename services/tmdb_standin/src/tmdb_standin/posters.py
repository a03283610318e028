"""Pictures drawn on demand: SVG with the title on a ground of two colours."""

import re
from html import escape
from textwrap import wrap

from tmdb_standin.drawing import mix

PATH = re.compile(r"^([pbfcdl])(\d{9,10})v(\d{1,3})\.(?:jpg|png|svg)$")
HUE, ACROSS, DOWN = 91, 92, 93
SHAPES = {"p": (500, 750), "c": (500, 750), "b": (1280, 720), "d": (1280, 720),
          "f": (421, 632), "l": (500, 200)}  # fmt: skip


def picture(kind: str, owner: int, version: int = 0) -> str:
    """The path of a picture: its kind, whose it is and which version."""
    return f"/{kind}{owner}v{version}.jpg"


def parse(file_name: str) -> tuple[str, int, int] | None:
    """Kind, owner's id and version behind a picture's file name."""
    match = PATH.match(file_name)
    return (match[1], int(match[2]), int(match[3])) if match else None


def draw(kind: str, owner: int, version: int, title: str, caption: str) -> bytes:
    """A picture with a title and a caption."""
    width, height = SHAPES[kind]
    hue = mix(HUE, owner, version) % 360
    size = width // (9 if kind in "pcf" else 16)
    lines = wrap(title, 12 if kind in "pcf" else 24)[:5]
    top = height * 0.62 - size * len(lines)
    text = "".join(
        f'<text x="{width // 2}" y="{top + size * 1.15 * at:.0f}">{escape(line)}</text>'
        for at, line in enumerate(lines, 1)
    )
    across, down = mix(ACROSS, owner) % width, mix(DOWN, owner) % height // 2
    circle = f'cx="{across}" cy="{down}" r="{width // 4}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl({hue},45%,32%)"/>'
        f'<stop offset="1" stop-color="hsl({(hue + 70) % 360},55%,12%)"/></linearGradient></defs>'
        f'<rect width="{width}" height="{height}" fill="url(#g)"/>'
        f'<circle {circle} fill="hsl({(hue + 150) % 360},60%,55%)" opacity=".35"/>'
        f'<g font-family="Georgia,serif" font-size="{size}" fill="#f5efe0" text-anchor="middle">'
        f'{text}<text x="{width // 2}" y="{height - size}" font-size="{size // 2}" opacity=".7">'
        f"{escape(caption)}</text></g></svg>"
    ).encode()
