"""The drawing engine, run as a process of its own: `python -m reports.drawing` draws what comes on standard input.

Vega's engine keeps tens of megabytes once it has drawn; a process that ends gives them back. Starting it takes most
of the half second a picture needs, so several pictures of one morning are drawn by one process.
"""

import json
import sys
from base64 import b64encode
from typing import Any

import vl_convert

SCALE = 2  # sharp on phones
NO_NETWORK: list[str] = []  # a description carries its data; nothing may be fetched


def main() -> None:
    """Read {"shape", "specs", "fonts"} as JSON and write each picture as one line of base64."""
    order = json.load(sys.stdin)
    if order["fonts"]:
        vl_convert.register_font_directory(order["fonts"])
    for spec in order["specs"]:
        sys.stdout.buffer.write(b64encode(_drawn(order["shape"], spec)) + b"\n")


def _drawn(shape: str, spec: dict[str, Any]) -> bytes:
    if shape == "png":
        return vl_convert.vegalite_to_png(spec, scale=SCALE, allowed_base_urls=NO_NETWORK)
    if shape == "svg":
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=NO_NETWORK).encode()
    return vl_convert.vegalite_to_html(spec, bundle=True).encode()


if __name__ == "__main__":
    main()
