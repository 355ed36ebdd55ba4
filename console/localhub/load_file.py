"""Reads a file that `localhub load` takes: JSON or YAML, bounded, with the certificates it refers to."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from console.localhub import wire_json
from console.localhub.load_lines import BULK, BadLine, lines_document, one_line_document
from console.localhub.state import Json

MAX_BYTES = 15 * 1024 * 1024  # what the control service takes in one request, and a little less
MAX_VALUES = 1_000_000
MAX_DEPTH = 60
FILE_KEYS = {
    "file": "certificate",
    "certificateFile": "certificate",
    "secondaryCertificateFile": "secondaryCertificate",
}
"""Keys that name a PEM or DER file beside the loaded one, and the key that its content takes."""


class BadFile(ValueError):  # noqa: N818 - reads as what it is
    """A file cannot be loaded; the text says why."""


def read_file(path: Path) -> Json:
    """Return what a file says, the certificate files that it names read in as PEM.

    Raises BadFile when it cannot be read or is no JSON or YAML object, and OSError for the file itself.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise BadFile(f"it is larger than {MAX_BYTES // 1024 // 1024} MB")
    document = parse(raw)
    if BULK not in document:
        _embed(document, path.parent)
    return document


def parse(raw: bytes) -> Json:
    """Return the object of a JSON or YAML text, or of the lines that export jobs write. Raises BadFile."""
    try:
        text = raw.decode(json.detect_encoding(raw)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadFile(f"line {line} is no text in UTF-8 or UTF-16") from None
    try:
        document = _whole(text)
    except BadLine as error:
        raise BadFile(str(error)) from None
    except RecursionError:
        raise BadFile("it is nested too deep") from None
    except ValueError as error:
        raise BadFile(f"it is neither JSON nor YAML: {error}") from None
    if not isinstance(document, dict):
        raise BadFile("it holds no object at its top: names such as devices and policies, with their values")
    _check_size(document)
    return document


def _whole(text: str) -> Any:
    if text.lstrip()[:1] not in {"{", "["}:
        return _yaml(text)
    try:
        value = wire_json.loads(text, once=True)
    except ValueError:
        lines = lines_document(text)
        if lines is None:
            raise
        return lines
    return (one_line_document(value) if isinstance(value, dict) else None) or value


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Plain data only; what looks like a date stays text, for JSON has no dates."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            """Return a mapping; of a name that is there twice YAML would drop the first without a word."""
            seen = set()
            for key, _ in node.value:
                if key.tag != "tag:yaml.org,2002:merge":  # <<, which lays another mapping below
                    name = (key.tag, getattr(key, "value", None))
                    if isinstance(name[1], str) and name in seen:
                        raise BadFile(f"the name {name[1]!r} is there twice, line {key.start_mark.line + 1}")
                    seen.add(name if isinstance(name[1], str) else id(key))
            return super().construct_mapping(node, deep)

    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    Loader.yaml_implicit_resolvers = {
        letter: [(tag, pattern) for tag, pattern in entries if tag != "tag:yaml.org,2002:timestamp"]
        for letter, entries in resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506 - derived from SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _check_size(document: Any) -> None:
    """Raise BadFile for what is too much or no JSON; an alias counts as often as it is used, or for ever."""
    level: list[Any] = [document]
    count = 0
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                if not all(isinstance(key, str) for key in item):
                    raise BadFile("a name in it is no text: put numbers and words like yes and no between quotes")
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, float) and not math.isfinite(item):
                raise BadFile("it holds a number that is not finite")
            elif item is not None and not isinstance(item, str | bool | int | float):
                raise BadFile(f"it holds a value of a kind that JSON has not: {type(item).__name__}")
            if len(below) > MAX_VALUES:
                break
        count += len(below)
        if count > MAX_VALUES:
            raise BadFile(f"it holds more than {MAX_VALUES} values")
        if not below:
            return
        level = below
    raise BadFile("it is nested too deep")


def _embed(value: Any, folder: Path) -> None:
    """Put the content of the certificate files in place of their names."""
    if isinstance(value, list):
        for item in value:
            _embed(item, folder)
    elif isinstance(value, dict):
        for key in [name for name in FILE_KEYS if isinstance(value.get(name), str)]:
            value[FILE_KEYS[key]] = _certificate(folder / value.pop(key))
        for name, inner in value.items():
            if name not in {"tags", "desired", "reported", "properties"}:
                _embed(inner, folder)


def _certificate(path: Path) -> str:
    import base64

    try:
        with path.open("rb") as file:
            raw = file.read(256 * 1024)
    except OSError as error:
        raise BadFile(f"the certificate file {path} cannot be read: {error.strerror or error}") from None
    begin = raw.find(b"-----BEGIN CERTIFICATE")
    return raw[begin:].decode("ascii", "replace") if begin >= 0 else base64.b64encode(raw).decode()
