"""What a line of an export says in another spelling is refused; what is dropped of its parts is told."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from console.localhub.load_line_parts import dropped, has_credentials, miswritten

KEY = base64.b64encode(b"k" * 32).decode()
KEYS = {"symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}}
PRINTS = {"x509Thumbprint": {"primaryThumbprint": "AB" * 32, "secondaryThumbprint": None}}
EMPTY = {"x509Thumbprint": {"primaryThumbprint": None, "secondaryThumbprint": None}}


def line(**more: Any) -> dict[str, Any]:
    return {"id": "press-1", "eTag": "MQ==", "authentication": {**KEYS, **EMPTY, "type": "sas"}, **more}


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"Status": "disabled"}, "Status"),
        ({"ImportMode": "delete"}, "ImportMode"),
        ({"STATUSREASON": "lost"}, "STATUSREASON"),
        ({"capabilities": {"iotedge": True}}, "capabilities.iotedge"),
        ({"authentication": {"Type": "certificateAuthority"}}, "authentication.Type"),
        ({"authentication": {"type": "sas", "symmetricKey": {"PrimaryKey": KEY}}}, "authentication.symmetricKey.Prim"),
    ],
)
def test_a_member_in_another_spelling_is_refused(more: dict[str, Any], name: str) -> None:
    assert miswritten(line(**more)).startswith(name)


def test_a_line_as_jobs_write_it_is_right_and_whole() -> None:
    whole = line(twinETag="A", deviceEtag="x", etag="y", capabilities={"iotEdge": False}, status="enabled")
    assert (miswritten(whole), dropped(whole)) == ("", [])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"authentication": {**KEYS, **PRINTS, "type": "sas"}}, "authentication.x509Thumbprint"),
        ({"authentication": {**KEYS, **PRINTS, "type": "selfSigned"}}, "authentication.symmetricKey"),
        ({"authentication": {**PRINTS, "type": "certificateAuthority"}}, "authentication.x509Thumbprint"),
        ({"authentication": {**KEYS, **PRINTS}}, "authentication.symmetricKey"),
        ({"authentication": {**KEYS, "type": "sas", "tpm": {"ek": "x"}}}, "authentication.tpm"),
        ({"capabilities": {"iotEdge": True, "other": 1}}, "capabilities.other"),
    ],
)
def test_what_is_dropped_of_its_parts_is_told(more: dict[str, Any], told: str) -> None:
    notes = dropped(line(**more))
    assert len(notes) == 1
    assert notes[0].startswith(told)


def test_thumbprints_without_a_type_are_a_way_to_sign_in() -> None:
    assert has_credentials(line(authentication={**PRINTS}))
    assert dropped(line(authentication={**PRINTS})) == []
    assert not has_credentials(line(authentication={**EMPTY}))
    assert has_credentials(line())
