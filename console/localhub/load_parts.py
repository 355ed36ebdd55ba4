"""What the parts of a load file become before anything is taken: the plan, its pieces, and what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.localhub.arm_errors import ArmError
from console.localhub.registry_errors import RegistryError
from console.localhub.registry_identity import Credentials, DeviceSpec
from console.localhub.state import AccessPolicy, Json

if TYPE_CHECKING:
    from console.localhub.load_enrollments import ServicePlan

MOST_PROBLEMS = 20


class LoadRefused(Exception):  # noqa: N818 - reads as what it is
    """A document is not loaded; `problems` say where and why, at most `MOST_PROBLEMS` of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class PlannedModule:
    """A module to make or replace; tags and desired properties that are None stay as they are."""

    module_id: str
    credentials: Credentials
    managed_by: str | None
    tags: Json | None
    desired: Json | None
    reported: Json = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedIdentity:
    """A device to make or replace, with its twin and modules; tags and desired that are None stay as they are."""

    device_id: str
    spec: DeviceSpec
    tags: Json | None
    desired: Json | None
    reported: Json
    modules: tuple[PlannedModule, ...] = ()


@dataclass
class LoadPlan:
    """What a document changes, checked. `left_out` are sentences about what of the document is not taken.

    `modules` go to devices that are there already, by device id. `twins` are new tags and desired properties by
    device id. `settings` are properties of the hub, `network` its rule set.
    """

    devices: list[PlannedIdentity] = field(default_factory=list)
    modules: list[tuple[str, PlannedModule]] = field(default_factory=list)
    twins: dict[str, tuple[Json | None, Json | None]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    policies: dict[str, AccessPolicy] = field(default_factory=dict)
    certificates: dict[str, tuple[bytes, bool]] = field(default_factory=dict)  # name: DER, verified
    network: Json | None = None
    settings: Json = field(default_factory=dict)
    service: ServicePlan | None = None
    left_out: list[str] = field(default_factory=list)


class Problems:
    """Collects what is wrong, each with its place in the document."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Take a refusal of the services' own rules as a problem of a place."""
        try:
            yield
        except RegistryError as error:
            self.add(place, error.text)
        except ArmError as error:
            self.add(place, str(error.body.get("message") or error.body).partition(" If you contact")[0])
        except ValueError as error:
            self.add(place, str(error))

    def add(self, place: str, text: str) -> None:
        """Note a problem."""
        if len(self.found) < MOST_PROBLEMS:
            self.found.append(f"{place}: {text}")

    def unknown(self, place: str, given: Json, known: Any) -> None:
        """Note names that mean nothing, with the nearest that does."""
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, sorted(known), 1)
                self.add(place, f"there is no {name!r} here" + (f"; did you mean {near[0]!r}?" if near else ""))


def entries_of(document: Json, name: str, key: str, problems: Problems, short: tuple[str, ...] = ()) -> list[Json]:
    """Return a part's entries: a list of objects, or an object whose names are the ids.

    `short` are the members that a text in place of an entry may stand for: the first whose words hold it, or that
    takes any text ("rights"); whatever else stands there is a problem, for nothing of it would be taken.
    """
    part = document.get(name)
    if part is None:
        return []
    if isinstance(part, dict):
        return [found for one, value in part.items() if (found := _entry(name, key, one, value, problems, short))]
    if not isinstance(part, list) or not all(isinstance(one, dict) for one in part):
        problems.add(name, "it must be a list of objects, or an object by id")
        return []
    return part


_WORDS = {"status": {"enabled", "disabled"}}


def _entry(part: str, key: str, own: str, value: Any, problems: Problems, short: tuple[str, ...]) -> Json | None:
    """Return an entry under its id: an object, nothing at all, or a text that stands for one member."""
    if value is None:
        return {key: own}
    if isinstance(value, dict):
        if isinstance(value.get(key), str) and value[key] != own:
            problems.add(f"{part}.{own}", f"its {key} is another, {value[key]!r}")
            return None
        return {**value, key: own}
    for member in short:
        words = _WORDS.get(member)
        if isinstance(value, str) and (words is None or value in words):
            return {key: own, member: value}
    texts = [repr(word) for member in short for word in sorted(_WORDS.get(member, ()))]
    listed = f", or one of {', '.join(texts)}" if texts else ""
    shown = repr(value)[:60] if isinstance(value, str | int | float) else "a list"
    problems.add(f"{part}.{own}", f"{shown} says nothing of it: it must be an object with its members{listed}")
    return None


def only_certificate(text: Any) -> Any:
    """Return a certificate's text; raise ValueError when it holds several, of which one alone would be taken."""
    count = text.count("-----BEGIN CERTIFICATE") if isinstance(text, str) else 0
    if count > 1:
        raise ValueError(f"it holds {count} certificates, and one is taken: give it alone")
    return text


def twice(ids: list[str], place: str, problems: Problems) -> None:
    """Note ids that are there more than once."""
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            problems.add(place, f"{one!r} is there twice")
        seen.add(one)
