"""Writing has one door: ports are Protocols of their own, made in `cli.main`, handed to the gate, used by it alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from console.gateways import writers
from console.model.change import Change, Consent
from console.model.document import Document, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.rules.planning import change_of
from console.services.gate import WriteGate
from console.services.journal import Journal
from console.services.ports import CallMeter
from console.services.session import Session
from console.services.write_ports import WritePorts

PACKAGE = Path(__file__).parents[2] / "console"
KINDS = [field.name for field in fields(WritePorts)]
WRITER_CLASSES = {name for name in vars(writers) if name.endswith("Writer")}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def without_hints(tree: ast.Module) -> ast.Module:
    """Return a module without what it imports for type hints alone."""
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    return ast.Module(kept, [])


def test_every_kind_of_resource_has_a_port_and_every_port_a_kind() -> None:
    assert sorted(KINDS) == sorted(kind.value for kind in TargetKind)


def test_ports_are_made_only_in_the_command_line_s_main() -> None:
    made: dict[str, set[str]] = {}
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in WRITER_CLASSES or called == "WritePorts":
                    made.setdefault(name, set()).add(called)
    assert made == {"cli/main.py": WRITER_CLASSES | {"WritePorts"}}
    assert len(WRITER_CLASSES) == len(KINDS)


def test_the_writers_are_imported_only_by_main() -> None:
    users = [name for name, tree in modules() if any("gateways.writers" in one for one in imports(tree))]
    assert users == ["cli/main.py"]


def test_the_write_protocols_are_known_only_to_the_gate_and_to_those_who_make_them() -> None:
    users = {
        name
        for name, tree in modules()
        if any(one.startswith("console.services.write_ports") for one in imports(without_hints(tree)))
    }
    assert users == {"cli/main.py", "services/gate.py", "gateways/operations.py", "gateways/writers.py"}


def test_only_the_gate_calls_a_port() -> None:
    callers = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "of" and ast.unparse(node).endswith("ports.of")
    }
    assert callers == {"services/gate.py"}


def test_the_gateways_own_writes_are_called_only_by_the_writers() -> None:
    writes = {"put_identity", "delete_identity", "put_enrollment", "delete_enrollment", "begin_create_or_update"}
    callers: dict[str, set[str]] = {}
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                if node.func.attr in writes or called in {"self._arm.send", "self._hub.put", "arm.send", "hub.put"}:
                    callers.setdefault(name, set()).add(node.func.attr)
    callers.pop("gateways/resource_manager.py")  # HubGateway.put itself: the SDK's method
    assert set(callers) == {"gateways/writers.py"}


class Recorder:
    """A reader and all ports in one: counts what reaches it."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.written: list[str] = []

    def read(self, *_: Any) -> Document | None:
        return None if self.body is None else Document(self.body, "e1")

    def put(self, target: Target, *_: Any) -> Any:
        self.written.append(target.kind.value)

    delete = put


def gate_of(recorder: Recorder, folder: Path, *, protected: bool = False) -> tuple[WriteGate, Session, Journal]:
    session = Session(
        hub_name="plants",
        hub_host="plants.azure-devices.net",
        hub_reader=None,
        registry=None,
        logs_factory=None,
        identity=None,
        meter=CallMeter(),
        protected=protected,
    )
    journal = Journal(folder)
    return WriteGate(session, recorder, WritePorts(*[recorder] * len(KINDS)), journal), session, journal


def some_change(kind: str, what: str) -> Change:
    target = Target(TargetKind(kind), "/subscriptions/s/x")
    before = None if what == "create" else Document({"a": 1, "hub": {}, "authorizationPolicies": []}, "e1")
    after = None if what == "delete" else {"a": 2, "hub": {}, "authorizationPolicies": []}
    return change_of(f"{kind}.{what}", f"{what} a {kind}", target, before, after)


@pytest.mark.parametrize("what", ["create", "replace", "delete"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_write_is_refused_in_read_only(kind: str, what: str, tmp_path: Path) -> None:
    change = some_change(kind, what)
    recorder = Recorder(change.before.body if change.before else None)
    gate, _, journal = gate_of(recorder, tmp_path)
    for attempt in (lambda: gate.apply(change, Consent()), lambda: gate.apply_all([change], Consent())):
        with pytest.raises(ConsoleError) as caught:
            attempt()
        assert caught.value.kind is ErrorKind.READ_ONLY
    assert recorder.written == []
    assert journal.entries() == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_write_to_a_protected_hub_needs_its_name(kind: str, tmp_path: Path) -> None:
    change = some_change(kind, "replace")
    recorder = Recorder(change.before.body if change.before else None)
    gate, session, _ = gate_of(recorder, tmp_path, protected=True)
    session.arm()
    with pytest.raises(ConsoleError) as caught:
        gate.apply(change, Consent(hub_name="plant"))
    assert caught.value.code == "confirm-hub"
    assert recorder.written == []


def test_a_console_without_ports_cannot_write(tmp_path: Path) -> None:
    change = some_change("hub", "replace")
    recorder = Recorder(change.before.body if change.before else None)
    _, session, journal = gate_of(recorder, tmp_path)
    session.arm()
    with pytest.raises(ConsoleError) as caught:
        WriteGate(session, recorder, None, journal).apply(change, Consent())
    assert caught.value.kind is ErrorKind.READ_ONLY


def test_main_hands_the_ports_to_the_gate_and_to_nobody_else() -> None:
    compose = ast.parse((PACKAGE / "cli/compose.py").read_text(encoding="utf-8"))
    named = [node for node in ast.walk(compose) if isinstance(node, ast.Call) and _mentions(node, "ports")]
    assert {ast.unparse(node.func) for node in named if _argument(node, "ports")} == {"WriteGate"}


def _mentions(node: ast.Call, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node))


def _argument(node: ast.Call, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in node.args)
