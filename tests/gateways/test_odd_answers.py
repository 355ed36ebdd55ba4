"""Answers of another shape than the services': whatever stands where, each command ends with a sentence of ours."""

from __future__ import annotations

import copy
import gc
import json
import random
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.console import profile_of
from support.depth import trials
from support.hub import HubRunner
from support.readings import OWN_BODY, READINGS
from support.villain import Request, Villain, answer, authority, profile_at, wiring

from console.cli.main import run
from console.config import Endpoints, save_profile
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel

Odd = Callable[[Any], Any]
COMMANDS: list[tuple[str, ...]] = [
    ("network", "show"),
    ("connections",),
    ("devices", "list"),
    ("devices", "show", "DEVICE"),
    ("hubs",),
    ("dps", "show"),
    ("dps", "enrollments"),
    ("dps", "groups"),
    ("access", "assignments"),
    ("access", "roles", "--lint"),
    ("policy", "list"),
    ("profile", "check"),
    ("cert", "hub"),
    ("network", "show", "--json"),
    ("connections", "--json"),
    ("dps", "show", "--json"),
    ("access", "assignments", "--json"),
]
VALUES: list[Any] = [
    None, True, 0, -1, 5, 2**70, 1e999, -1e999, float("nan"), 0.5, "", "text", "2026-99-99T99:99:99Z",
    "\x1b[31m", "\ud800",
    [], [None], [5], ["x"], [[]], [{}], {}, {"": None}, {"value": 5}, {"x": {"y": []}}, "A" * 5000,
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_collected_in_the_depth() -> Iterator[None]:
    """Collect garbage before a test and not in it: what another test left may not end where the stack is full."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def changed(body: Any, chance: random.Random) -> Any:
    """Return JSON with one or two of its nodes put in another's place."""
    body = copy.deepcopy(body)
    for _ in range(chance.randint(1, 2)):
        places = list(_places(body))
        if not places or chance.random() < 0.03:
            return chance.choice(VALUES)
        holder, key = chance.choice(places)
        if chance.random() < 0.2 and isinstance(holder, dict):
            holder.pop(key, None)
        else:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
    return body


def _places(body: Any) -> Iterator[tuple[Any, Any]]:
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield body, key
        yield from _places(value)


class Between:
    """Stands between the console and one service: asks it, and hands on what it makes of the answer."""

    def __init__(self, url: str, runner: HubRunner, make: Odd) -> None:
        self._url, self._runner, self.make = url, runner, make

    def __call__(self, request: Request) -> bytes:
        kept = {"host", "content-length", "connection", "accept-encoding"}
        headers = {name: value for name, value in request.headers.items() if name not in kept}
        if "azure-devices-provisioning" in request.headers["host"]:
            headers["Host"] = request.headers["host"]
        call = urllib.request.Request(
            self._url + request.path, data=request.body or None, method=request.method, headers=headers
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._runner.ssl_context())
        )
        try:
            found = opener.open(call, timeout=30)
        except urllib.error.HTTPError as error:
            found = error
        with found:
            raw, status = found.read(), found.status
            names = {k: v for k, v in found.headers.items() if k.casefold().startswith(("x-ms", "iothub", "etag"))}
        try:
            body = json.loads(raw)
        except ValueError:
            return answer(status, raw, **names)
        return answer(status, self.make(body), **names)


@contextmanager
def between(runner: HubRunner, folder: Path, make: Odd) -> Iterator[Path]:
    """Yield a profile whose services, but for the one that gives tokens, answer through `make`."""
    profile = profile_of(runner.ready, folder)
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(
                Villain(Between(getattr(profile.endpoints, name), runner, make), tokens=False)
            ).url
            for name in ("arm", "logs", "hub", "dps")
        }

        roots = folder / "roots.pem"
        roots.write_bytes(Path(authority()[0]).read_bytes() + Path(profile.ca_file).read_bytes())
        file = folder / "profiles.toml"
        moved = Endpoints(**urls, authority=profile.endpoints.authority)
        save_profile(replace(profile, endpoints=moved, ca_file=str(roots)), file)
        yield file


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_odd_answer_breaks_a_command(
    command: tuple[str, ...],
    local_hub: HubRunner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr("console.gateways.transport.BUDGET", 0.0)
    monkeypatch.setattr("console.cli.wiring.BUDGET", 0.0)
    device = next(iter(local_hub.hub.devices))
    chance = random.Random(0)
    with between(local_hub, tmp_path, lambda body: changed(body, chance)) as file:
        for number in range(trials(test=2, deep=30, full=600)):
            chance.seed(f"{command} {number}")
            code = run(["--profile", str(file), *(device if part == "DEVICE" else part for part in command)])
            out, err = capsys.readouterr()
            assert code in {0, 1, 2}, (number, err)
            assert "Something broke" not in err and "This is unexpected" not in out + err, (number, err)
            assert "Traceback" not in err and "\x1b[31m" not in out + err, number


NESTED = b'{"a":' * 200_000 + b"1" + b"}" * 200_000


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
@pytest.mark.parametrize(
    "raw",
    [
        NESTED,
        b"[" * 200_000,
        b"",
        b"null",
        b"5",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b"<html>",
        b'{"error": {"code": []}}',
        b"NaN",
    ],
    ids=["nested", "open", "empty", "null", "number", "text", "cut", "bytes", "page", "odd error", "nan"],
)
def test_bodies_that_are_none_are_one_sentence(raw: bytes, status: int, tmp_path: Path) -> None:
    for reading in READINGS:
        if reading in OWN_BODY and status != 200:
            continue
        with Villain(lambda _: answer(status, raw), tokens=reading != "token service") as one:
            try:
                READINGS[reading](wiring(profile_at(one.url, tmp_path)))
            except ConsoleError as error:
                assert error.kind is not ErrorKind.DEFECT, (reading, error.sentence())
                assert "\n" not in error.sentence() and len(error.sentence()) < 1000
            else:
                assert status == 200, reading


def test_a_place_that_an_answer_names_cannot_turn_the_address_into_another(tmp_path: Path) -> None:
    with Villain(lambda _: answer(200, {})) as one:
        arm = wiring(profile_at(one.url, tmp_path)).arm
        for path in ("@evil.example/x", ".evil.example/x", ":1/x"):
            with pytest.raises(ConsoleError) as caught:
                arm.get("It failed", path, {}, Cancel())
            assert caught.value.kind is ErrorKind.BAD_ANSWER
        assert not one.heard
