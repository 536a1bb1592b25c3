"""A figshare of this machine: its API and its files, and what can go wrong with both."""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from tests.plugins.tlbench_keras.servers import Handler, reply, serve_here
from tlbench.streams import stream

ARTICLE, VERSION = 22363012, 6


@dataclass
class Figshare:
    """What is published, how the server misbehaves, and what it was asked for.

    `cut_after` bytes it closes the connection, as often as `cuts`; at `pause_after` bytes it waits
    until `go_on` is set.
    """

    files: dict[str, bytes]
    url: str = ""
    md5: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    tag: str | None = '"one"'
    status: int = 200
    cut_after: int | None = None
    cuts: int = 0
    pause_after: int | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    paused: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def answer(self, handler: Handler) -> None:
        if handler.path.startswith("/articles/"):
            reply(handler, json.dumps(self.article()).encode())
        else:
            self.send(handler, self.files[handler.path.rpartition("/")[2]])

    def article(self) -> Mapping[str, object]:
        return {
            "id": ARTICLE,
            "version": VERSION,
            "doi": f"10.6084/m9.figshare.{ARTICLE}.v{VERSION}",
            "license": {"name": "CC BY 4.0"},
            "files": [
                {
                    "name": name,
                    "size": len(content),
                    "is_link_only": False,
                    "download_url": f"{self.url}/files/{name}",
                    "computed_md5": self.md5.get(name, hashlib.md5(content).hexdigest()),
                }
                for name, content in self.files.items()
            ],
        }

    def send(self, handler: Handler, content: bytes) -> None:
        wanted = handler.headers.get("Range")
        self.asked.append(f"{handler.path.rpartition('/')[2]} {wanted or 'whole'}")
        if self.status != 200:
            reply(handler, b"", status=self.status)
            return
        begin = 0
        unchanged = handler.headers.get("If-Range") in (None, self.tag)
        if wanted and self.ranges and unchanged:
            begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            size = len(content)
            if begin >= size:
                reply(handler, b"", status=416)
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
        else:
            handler.send_response(200)
        if self.tag:
            handler.send_header("ETag", self.tag)
        rest = content[begin:]
        handler.send_header("Content-Length", str(len(rest)))
        handler.end_headers()
        self.write(handler, rest)

    def write(self, handler: Handler, rest: bytes) -> None:
        if self.cut_after is not None and self.cuts > 0 and len(rest) > self.cut_after:
            self.cuts -= 1
            rest = rest[: self.cut_after]
        if self.pause_after is not None and not self.go_on.is_set():
            handler.wfile.write(rest[: self.pause_after])
            handler.wfile.flush()
            self.paused.set()
            self.go_on.wait(60)
            rest = rest[self.pause_after :]
        try:
            handler.wfile.write(rest)
        except OSError:
            return  # who asked is gone


@contextmanager
def serve(figshare: Figshare) -> Iterator[Figshare]:
    with serve_here(figshare.answer) as (url, _):
        figshare.url = url
        try:
            yield figshare
        finally:
            figshare.go_on.set()


def make_zip(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def picture(name: str) -> bytes:
    pixels = stream(0, f"picture/{name}").integers(0, 256, (90, 80), dtype=np.uint8)
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "JPEG", quality=95)
    return made.getvalue()


def fracatlas_files(per_class: int = 12) -> dict[str, bytes]:
    """Files of a small FracAtlas as they lie in its archive, all in one folder."""
    header = (
        "image_id,hand,leg,hip,shoulder,mixed,hardware,multiscan,fractured,fracture_count,"
        "frontal,lateral,oblique"
    )
    lines, files = [header], {}
    for number in range(2 * per_class):
        name, label = f"IMG{number:07d}.jpg", number % 2
        lines.append(f"{name},1,0,0,0,0,0,0,{label},{label},0,1,0")
        folder = "Fractured" if label else "Non_fractured"
        files[f"FracAtlas/images/{folder}/{name}"] = picture(name)
    files["FracAtlas/dataset.csv"] = ("\n".join(lines) + "\n").encode()
    return files
