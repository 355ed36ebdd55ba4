"""Policies created, changed, rotated, swapped, deleted and undone at random: nothing but what was asked for changes.

A hundred changes in everyday runs, a thousand in the deep ones.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.depth import trials
from support.hub import HubRunner, request
from support.writes import writable

from console.gateways import operations
from console.localhub.arm_hub import hub_body
from console.localhub.arm_operations import Operations
from console.localhub.cloud_factory import built_in_policies
from console.model.change import Change, Consent, Result
from console.model.errors import ConsoleError
from console.model.policy import AuthScope, Right, Slot
from console.services.bundle import Services

STEPS = trials(test=100, deep=1000)
STEPS_EACH = 50
NAMES = st.sampled_from(["alpha", "Beta", "gamma.one", "delta_2", "SERVICE", "x" * 64])
RIGHTS = st.sets(st.sampled_from(list(Right)), min_size=1)


class PolicyMachine(RuleBasedStateMachine):
    """`model` holds what listKeys must say, by name: rights and both keys; `fixed` is the rest of the hub."""

    hub: HubRunner
    services: Services

    @initialize()
    def begin(self) -> None:
        with self.hub.hub.lock:
            self.hub.hub.policies = built_in_policies()
            for scope in AuthScope:
                self.hub.hub.resource["properties"][scope.field] = False
            self.hub.hub.resource["properties"]["futureProperty"] = {"unknown": ["to", {"every": None}]}
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        self.services = writable(self.hub, folder)
        self.model = self.listed()
        self.fixed = self.resource()
        self.undoable: list[dict[str, Any]] = []

    folder: Path

    # --- what the hub says, asked for without the product's own gateways -----------------------------------------

    def teardown(self) -> None:
        """Ask the hub itself at the end: what a client gets is what was looked at on the way."""
        if hasattr(self, "model"):
            keys = self.ask("/listkeys", "POST")["value"]
            assert {
                item["keyName"]: (frozenset(item["rights"].split(", ")), item["primaryKey"], item["secondaryKey"])
                for item in keys
            } == self.model
            assert self.steady(self.ask()) == self.fixed

    def ask(self, path: str = "", method: str = "GET") -> Any:
        url = f"{self.hub.ready['arm_endpoint']}{self.hub.ready['hub_arm_id']}{path}?api-version=2023-06-30"
        status, _, body = request(url, method=method, ca_file=self.hub.ready["ca_file"], token=self.hub.token())
        assert status == 200
        return body

    def listed(self) -> dict[str, tuple[frozenset[str], str, str]]:
        with self.hub.hub.lock:
            policies = list(self.hub.hub.policies.values())
            return {one.name: (frozenset(one.rights), one.primary_key, one.secondary_key) for one in policies}

    def resource(self) -> str:
        return self.steady(hub_body(self.hub.hub))

    @staticmethod
    def steady(body: dict[str, Any]) -> str:
        return json.dumps({name: body[name] for name in body if name not in {"etag", "systemData"}}, sort_keys=True)

    def real(self, name: str) -> str | None:
        return next((one for one in self.model if one.casefold() == name.casefold()), None)

    def make(self, change: Change) -> None:
        if not change.edits:
            return
        before = {"model": dict(self.model), "fixed": self.fixed}
        outcome = self.services.changes.gate.apply(change, Consent(frozenset(risk.id for risk in change.risks)))
        assert outcome.result is Result.APPLIED, outcome.message
        self.undoable.append(before)

    # --- steps ---------------------------------------------------------------------------------------------------

    @rule(name=NAMES, rights=RIGHTS)
    def create(self, name: str, rights: set[Right]) -> None:
        if self.real(name) is not None:
            with pytest.raises(ConsoleError, match="compared without case"):
                self.services.changes.policies.plan_create(name, [right.value for right in rights])
            return
        self.make(self.services.changes.policies.plan_create(name, [right.value for right in rights]))
        made = self.listed()[name]
        assert made[0] == {right.value for right in rights}
        known = {key for _, *pair in self.model.values() for key in pair}
        assert made[1] != made[2]
        assert not known & set(made[1:])
        self.model[name] = made

    @precondition(lambda self: self.model)
    @rule(data=st.data(), rights=RIGHTS)
    def change_rights(self, data: st.DataObject, rights: set[Right]) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.make(self.services.changes.policies.plan_rights(name.swapcase(), [right.value for right in rights]))
        self.model[name] = (frozenset(right.value for right in rights), *self.model[name][1:])

    @precondition(lambda self: self.model)
    @rule(data=st.data(), slot=st.sampled_from([None, *Slot]))
    def rotate(self, data: st.DataObject, slot: Slot | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        wanted = slot or self.services.changes.policies.rotation_state(name).next_slot
        self.make(self.services.changes.policies.plan_rotate(name, slot))
        rights, primary, secondary = self.model[name]
        now = self.listed()[name]
        new = now[1] if wanted is Slot.PRIMARY else now[2]
        assert new not in {primary, secondary}
        self.model[name] = (rights, new, secondary) if wanted is Slot.PRIMARY else (rights, primary, new)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def swap(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.make(self.services.changes.policies.plan_swap(name))
        rights, primary, secondary = self.model[name]
        self.model[name] = (rights, secondary, primary)

    @precondition(lambda self: len(self.model) > 1)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.make(self.services.changes.policies.plan_delete(name))
        del self.model[name]

    @rule(scope=st.sampled_from(AuthScope), on=st.booleans())
    def local_auth(self, scope: AuthScope, on: bool) -> None:
        self.make(self.services.changes.policies.plan_local_auth(scope, on))
        fixed = json.loads(self.fixed)
        fixed["properties"][scope.field] = not on
        self.fixed = json.dumps(fixed, sort_keys=True)

    @precondition(lambda self: self.undoable)
    @rule()
    def undo(self) -> None:
        before = self.undoable.pop()
        change = self.services.changes.undo.plan()
        outcome = self.services.changes.gate.apply(change, Consent(frozenset(risk.id for risk in change.risks)))
        assert outcome.result is Result.APPLIED, outcome.message
        self.model, self.fixed = before["model"], before["fixed"]

    # --- what must always hold -----------------------------------------------------------------------------------

    @invariant()
    def nothing_else_changed(self) -> None:
        if not hasattr(self, "model"):
            return
        assert self.listed() == self.model
        assert self.resource() == self.fixed


def test_random_changes_touch_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # operations end at once, and are looked at at once: a person would wait a moment for each
    begin = Operations.__init__
    monkeypatch.setattr(Operations, "__init__", lambda self, seconds: begin(self, 0.0 * seconds))
    monkeypatch.setattr(operations, "_FIRST", 0.0)
    with HubRunner(scenario="empty", devices=1, throttle=False) as hub:
        PolicyMachine.hub, PolicyMachine.folder = hub, tmp_path
        run_state_machine_as_test(
            PolicyMachine,
            settings=settings(
                max_examples=max(STEPS // STEPS_EACH, 1),
                stateful_step_count=STEPS_EACH,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
