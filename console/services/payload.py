"""Symmetric payload encryption outside the hub's model: JSON lines through Fernet, one at a time, or a file whole."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from console.model.clock import Clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.payload import PayloadAction, PayloadFault, PayloadLine, PayloadResult
from console.model.secret import Secret
from console.model.text import clean
from console.rules import json_member, payload
from console.rules.payload import Keyring, PayloadError
from console.services.ports import NEVER_CANCELLED, Cancel

LONGEST_LINE = 64 * 1024 * 1024
FAULTS_KEPT = 1000
BINARY = "base64:"
"""What stands before a payload that is no text, in the output of decrypt."""

Progress = Callable[[int], None]


class _LineError(Exception):
    def __init__(self, fault: PayloadFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message


class Payload:
    """Encrypts, decrypts and rotates payloads. Lines are independent: a bad one does not stop the rest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new_key(self) -> Secret:
        """Return a new key."""
        return payload.new_key()

    def read_keys(self, content: bytes) -> tuple[Secret, ...]:
        """Return the keys of a file: one a line, the newest first; lines that begin with `#` are comments.

        Raises ConsoleError BAD_INPUT (code "usage") that names the line.
        """
        what = "The keys cannot be used"
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ConsoleError(
                ErrorKind.BAD_INPUT, what, "the file is no text", "One key a line", code="usage"
            ) from None
        keys = []
        for number, line in enumerate(text.splitlines(), 1):
            entry = line.strip()
            if not entry or entry.startswith("#"):
                continue
            problem = payload.key_problem(entry)
            if problem:
                hint = "One key a line, the newest first; make one with: hubwarden payload keygen"
                raise ConsoleError(ErrorKind.BAD_INPUT, what, f"line {number}: {problem}", hint, code="usage")
            keys.append(Secret(entry))
        if not keys:
            hint = "Make one with: hubwarden payload keygen"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "there is none in it", hint, code="usage")
        return tuple(keys)

    def encrypt(
        self, lines: Iterable[bytes], keys: Sequence[Secret], *, field: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Iterator[PayloadLine]:
        """Yield each line encrypted with the first key; `field` names a member of JSON to encrypt in place.

        Blank lines are left out. Raises ConsoleError BAD_INPUT for keys or a path that cannot be used, CANCELLED.
        """
        ring = self._ring(keys)
        if field:
            return self._members(lines, field, cancel, lambda value, raw: self._sealed(ring, value, raw))
        return self._each(lines, cancel, lambda line: ring.encrypt(line, self._now()))

    def decrypt(
        self,
        lines: Iterable[bytes],
        keys: Sequence[Secret],
        *,
        field: str = "",
        ttl: int | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Iterator[PayloadLine]:
        """Yield what is in each line, on one line; what is no text comes as `base64:…`.

        A member that holds JSON becomes that JSON, any other text a string. `ttl`: the oldest a token may be, in
        seconds. Raises ConsoleError as `encrypt`.
        """
        ring = self._ring(keys, ttl)
        if field:
            return self._members(lines, field, cancel, lambda value, _: self._opened(ring, value, ttl))
        return self._each(lines, cancel, lambda line: on_one_line(ring.decrypt(line, self._now(), ttl).data))

    def rotate(
        self,
        lines: Iterable[bytes],
        keys: Sequence[Secret],
        *,
        field: str = "",
        ttl: int | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Iterator[PayloadLine]:
        """Yield each token made anew with the first key, its content and its time kept; any of the keys opens it."""
        ring = self._ring(keys, ttl)
        if field:
            return self._members(
                lines,
                field,
                cancel,
                lambda value, _: json.dumps(ring.rotate(_token(value), self._now(), ttl).decode("ascii")),
            )
        return self._each(lines, cancel, lambda line: ring.rotate(line, self._now(), ttl))

    def run(
        self,
        what: PayloadAction,
        lines: Iterable[bytes],
        keys: Sequence[Secret],
        *,
        field: str = "",
        ttl: int | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Iterator[PayloadLine]:
        """Yield the lines of one action: `encrypt`, `decrypt` or `rotate`."""
        if what is PayloadAction.ENCRYPT:
            return self.encrypt(lines, keys, field=field, cancel=cancel)
        act = self.decrypt if what is PayloadAction.DECRYPT else self.rotate
        return act(lines, keys, field=field, ttl=ttl, cancel=cancel)

    def run_file(
        self,
        what: PayloadAction,
        source: Path,
        target: Path,
        keys: Sequence[Secret],
        *,
        field: str = "",
        ttl: int | None = None,
        replace: bool = False,
        strict: bool = False,
        on_progress: Progress | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> PayloadResult:
        """Run one action from file to file (0600); the target is written whole or not at all.

        When a line fails, decrypt leaves it out and goes on (`strict`: stops and writes nothing); encrypt and rotate
        write nothing, so that no line is lost. `on_progress` is told how many lines were read. Raises ConsoleError.
        """
        from console.services.private_files import refused

        try:
            file = source.open("rb")
        except OSError as error:
            raise refused(f"The file {source} cannot be read", error) from None
        with file:
            return self.run_stream(
                what,
                file,
                target,
                keys,
                field=field,
                ttl=ttl,
                replace=replace,
                strict=strict,
                on_progress=on_progress,
                cancel=cancel,
            )

    def run_stream(
        self,
        what: PayloadAction,
        source: IO[bytes],
        target: Path,
        keys: Sequence[Secret],
        *,
        field: str = "",
        ttl: int | None = None,
        replace: bool = False,
        strict: bool = False,
        on_progress: Progress | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> PayloadResult:
        """Run one action from an open stream, as `run_file` does. Raises ConsoleError."""
        from console.services.payload_target import usable_target
        from console.services.private_files import writing

        file = usable_target(target, replace=replace)
        faults: list[PayloadLine] = []
        done = failed = 0
        whole = strict or what is not PayloadAction.DECRYPT
        try:
            with writing(file, replace=replace) as out:
                for line in self.run(what, read_lines(source), keys, field=field, ttl=ttl, cancel=cancel):
                    if line.output is None:
                        failed += 1
                        if len(faults) < FAULTS_KEPT:
                            faults.append(line)
                        if strict:
                            break
                    else:
                        done += 1
                        out.write(line.output + b"\n")
                    if on_progress is not None and line.number % 1000 == 0:
                        on_progress(line.number)
                if failed and whole:
                    raise _NothingWrittenError
        except _NothingWrittenError:
            stopped = f"nothing was written: line {faults[0].number} could not be done"
            return PayloadResult(what, done, failed, tuple(faults), None, stopped)
        return PayloadResult(what, done, failed, tuple(faults), target)

    # --- inside -------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock().timestamp())

    @staticmethod
    def _ring(keys: Sequence[Secret], ttl: int | None = None) -> Keyring:
        what = "The payloads cannot be worked on"
        if not keys:
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "there is no key", "Give one", code="usage")
        for place, key in enumerate(keys, 1):
            problem = payload.key_problem(key.reveal().strip())
            if problem:
                which = f"key {place}" if len(keys) > 1 else "the key"
                raise ConsoleError(ErrorKind.BAD_INPUT, what, f"{which}: {problem}", "Copy it again", code="usage")
        if ttl is not None and ttl <= 0:
            why = f"an age of {ttl} s lets nothing through"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give seconds above 0", code="usage")
        return Keyring(keys)

    @staticmethod
    def _each(lines: Iterable[bytes], cancel: Cancel, work: Callable[[bytes], bytes]) -> Iterator[PayloadLine]:
        for number, raw in enumerate(lines, 1):
            cancel.check()
            line = raw.rstrip(b"\r\n")
            if len(line) > LONGEST_LINE:
                yield PayloadLine(number, None, PayloadFault.TOO_LONG, f"too long: more than {LONGEST_LINE:,} bytes")
            elif line.strip():
                try:
                    yield PayloadLine(number, work(line))
                except (PayloadError, _LineError) as error:
                    yield PayloadLine(number, None, error.fault, error.message)

    def _members(
        self, lines: Iterable[bytes], field: str, cancel: Cancel, work: Callable[[object, str], str]
    ) -> Iterator[PayloadLine]:
        try:
            path = json_member.path_of(field)
        except ValueError as error:
            what, hint = f"“{clean(field, limit=80)}” is no path of a member", "Write it like body.temperature"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, str(error), hint, code="usage") from None

        def replaced(line: bytes) -> bytes:
            try:
                text = line.decode("utf-8-sig")
                found = json_member.find(text, path)
            except UnicodeDecodeError:
                raise _LineError(PayloadFault.NOT_JSON, "not JSON: it is no UTF-8 text") from None
            except json_member.AmbiguousError as error:
                raise _LineError(PayloadFault.AMBIGUOUS, f"ambiguous: {error}") from None
            except json_member.NotJsonError as error:
                raise _LineError(PayloadFault.NOT_JSON, f"not JSON: {error}") from None
            if found is None:
                raise _LineError(PayloadFault.NO_FIELD, f"it has no member {clean(field, limit=80)}")
            start, end, value = found
            return (text[:start] + work(value, text[start:end]) + text[end:]).encode("utf-8", "surrogatepass")

        return self._each(lines, cancel, replaced)

    def _sealed(self, ring: Keyring, value: object, raw: str) -> str:
        del value
        return json.dumps(ring.encrypt(raw.encode("utf-8", "surrogatepass"), self._now()).decode("ascii"))

    def _opened(self, ring: Keyring, value: object, ttl: int | None) -> str:
        data = ring.decrypt(_token(value), self._now(), ttl).data
        text = on_one_line(data).decode("utf-8")
        try:
            json_member.load(text)
        except json_member.NotJsonError:
            return json.dumps(text, ensure_ascii=False)
        return text


class _NothingWrittenError(Exception):
    """Ends the writing of a file so that nothing is left of it."""


def read_lines(file: IO[bytes], limit: int = LONGEST_LINE) -> Iterator[bytes]:
    """Yield the lines of a stream in constant memory; of a line longer than `limit` only its beginning, which is more.

    The consumer tells such a line by its length. Raises ConsoleError when the stream cannot be read.
    """
    from console.services.private_files import refused

    def line() -> bytes:
        try:
            return file.readline(limit + 2)
        except OSError as error:
            raise refused("The payloads cannot be read", error) from None

    while begun := line():
        yield begun
        while len(begun) > limit and not begun.endswith(b"\n"):
            begun = line()
            if not begun:
                return


def on_one_line(data: bytes) -> bytes:
    """Return a payload as one line: text as it is, JSON with its line breaks as blanks, all else as `base64:…`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return BINARY.encode() + base64.b64encode(data)
    if "\n" not in text and "\r" not in text:
        return data
    try:
        json_member.load(text)
    except json_member.NotJsonError:
        return BINARY.encode() + base64.b64encode(data)
    return data.replace(b"\r", b" ").replace(b"\n", b" ")  # inside strings JSON has no raw ones


def _token(value: object) -> bytes:
    if not isinstance(value, str):
        raise _LineError(PayloadFault.NOT_A_TOKEN, "not a token: the member is no string")
    return value.encode("utf-8", "surrogatepass")
