"""A misspelt exception stays in a correction: without it the role would grant what was to be taken away."""

from __future__ import annotations

import json

import pytest

from console.rules.rbac_correction import correction, lint_file
from console.rules.rbac_reading import read_roles

H = "Microsoft.Devices/IotHubs"
SCOPE = "/subscriptions/8d1f5c0e-3b7a-4a52-9c46-2e0b6f7d9a13"


@pytest.mark.parametrize(
    ("granted", "excepted", "entry"),
    [
        ("Actions", "NotActions", f"{H}/listkey/action"),
        ("Actions", "NotActions", f"{H}/exportDevice/action"),
        ("DataActions", "NotDataActions", f"{H}/devices/writ"),
        ("DataActions", "NotDataActions", f"{H}/device/*"),
    ],
)
def test_a_misspelt_exception_is_not_corrected_away(granted: str, excepted: str, entry: str) -> None:
    other = f"{H}/read" if granted == "DataActions" else f"{H}/devices/read"  # in the wrong list: there is something
    body = {"Name": "a", "AssignableScopes": [SCOPE], granted: [f"{H}/*", other], excepted: [entry]}
    file = read_roles(json.dumps(body))
    found = [one.code for one in lint_file(file)]
    assert "unknown-operation" in found
    assert "not-actions-no-effect" not in found
    made = correction(file.roles[0]).definition
    assert made is not None
    assert made[excepted] == [entry]
