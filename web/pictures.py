"""Pictures from phones: signatures as PNG data URLs, photos as JPEG or PNG. Nothing is believed."""

import base64
import binascii
import io
import struct
import warnings

from flask import request
from PIL import Image, UnidentifiedImageError

from workflows.files import LARGEST_PHOTO, LARGEST_SIGNATURE, PNG
from workflows.refusals import InvalidInput

SIGNATURE_SIDES = (40, 2400)  # pixels, shortest and longest that a pad makes
PHOTO_SIDE = 8_000  # pixels; larger ones could fill the memory when decoded
FORMATS = ["JPEG", "PNG"]
DATA_URL = "data:image/png;base64,"


def signature(data_url: str, whose: str) -> bytes:
    """The PNG of a signature drawn on a pad. Raises InvalidInput naming whose it is."""
    if not data_url:
        raise InvalidInput(f"{whose}还没有签字。")
    content = _decoded(data_url, whose)
    width, height = _png_sides(content, whose)
    shortest, longest = SIGNATURE_SIDES
    if not (shortest <= width <= longest and shortest <= height <= longest):
        raise InvalidInput(f"{whose}的签字图片大小不对，请清除后重签。")
    if _is_blank(content, whose):
        raise InvalidInput(f"{whose}的签字是空白的，请重签。")
    return content


def _decoded(data_url: str, whose: str) -> bytes:
    if not data_url.startswith(DATA_URL):
        raise InvalidInput(f"{whose}的签字看不懂，请清除后重签。")
    if len(data_url) > LARGEST_SIGNATURE * 4 // 3 + len(DATA_URL) + 4:
        raise InvalidInput(f"{whose}的签字图片太大，请清除后重签。")
    try:
        return base64.b64decode(data_url[len(DATA_URL) :], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"{whose}的签字看不懂，请清除后重签。") from None


def _png_sides(content: bytes, whose: str) -> tuple[int, int]:
    if len(content) < 33 or not content.startswith(PNG) or content[12:16] != b"IHDR":
        raise InvalidInput(f"{whose}的签字不是图片，请清除后重签。")
    width, height = struct.unpack(">II", content[16:24])
    return int(width), int(height)


def _is_blank(content: bytes, whose: str) -> bool:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            colours = picture.convert("RGBA").getcolors(maxcolors=1)
    except (OSError, SyntaxError, ValueError, struct.error):
        raise InvalidInput(f"{whose}的签字图片坏了，请清除后重签。") from None
    return colours is not None  # more than one colour gives None


def photo() -> bytes:
    """The uploaded file `photo`. Raises InvalidInput for anything but a JPEG or PNG that opens."""
    upload = request.files.get("photo")
    content = upload.read(LARGEST_PHOTO + 1) if upload else b""
    if not content:
        raise InvalidInput("没有收到照片，请重新拍一张。")
    if len(content) > LARGEST_PHOTO:
        raise InvalidInput("照片太大了，请换一张小于 3 MB 的。")
    _check_photo(content)
    return content


def _check_photo(content: bytes) -> None:
    try:
        with warnings.catch_warnings():
            # A picture made to explode is refused by its size below, not by a warning.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                width, height = picture.size
                if max(width, height) <= PHOTO_SIDE:
                    picture.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InvalidInput("这不是能看的照片，请用相机拍一张（JPEG、PNG）。") from None
    if max(width, height) > PHOTO_SIDE:
        raise InvalidInput("照片的像素太多了，请把相机分辨率调小一点。")
