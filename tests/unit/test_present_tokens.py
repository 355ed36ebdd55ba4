"""Verdicts, findings, ledger and results in words, for every width."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.model.payload import METHOD, PayloadAction, PayloadFault, PayloadLine, PayloadResult
from console.model.secret import Secret
from console.model.token import LedgerEntry, Verdict
from console.present.lines import line_width, plain
from console.present.tokens import (
    VERDICT_WORDS,
    explanation_lines,
    fault_words,
    ledger_rows,
    payload_result_lines,
)
from console.rules.sas import mint
from console.rules.sas_explain import NamedKey, explain

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
KEY = Secret(base64.b64encode(bytes(range(32))).decode())
HOST = "contoso-plants.azure-devices.net"
TOKEN = mint(f"{HOST}/devices/press-1", KEY, NOW + timedelta(hours=1)).reveal()


def shown(lines):
    return "\n".join(plain(line) for line in lines)


def test_every_verdict_has_a_word():
    assert set(VERDICT_WORDS) == set(Verdict)
    assert len({word for word, _ in VERDICT_WORDS.values()}) == len(Verdict)


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_an_explanation_fits_its_width_and_says_all(width):
    told = explain(TOKEN + "&sv=1", NOW + timedelta(hours=2), keys=[NamedKey("key given", KEY)], wanted="x" * 100)
    lines = explanation_lines(told, width)
    assert max(map(line_width, lines)) <= width
    text = " ".join(shown(lines).split())
    assert text.startswith("WRONG RESOURCE ! it is for")
    assert text.index("! it is for") < text.index("! it expired 1 h ago") < text.index("· “sv”")
    assert "Mint a new one" in text
    assert "SAS TOKEN" in text


def test_what_is_good_or_not_known_is_said_so():
    good = explain(TOKEN, NOW, keys=[NamedKey("key given", KEY)])
    assert shown(explanation_lines(good, 80)).startswith(" VALID  form, signature, resource and time are right")
    assert shown(explanation_lines(explain(TOKEN, NOW), 80)).startswith(" NOT VERIFIED")
    string = explain(f"HostName={HOST};DeviceId=d;SharedAccessKey={KEY.reveal()}", NOW)
    assert shown(explanation_lines(string, 80)).startswith(" WELL-FORMED\n")
    assert KEY.reveal() not in shown(explanation_lines(string, 80))


def test_the_ledger_in_rows():
    entries = [
        LedgerEntry("ab" * 16, f"{HOST}/devices/\x1b[2J", "", NOW, NOW + timedelta(hours=1), "ann@jump"),
        LedgerEntry("cd" * 16, HOST, "service", NOW - timedelta(days=1), NOW, "bob\u202e"),
    ]
    rows = ledger_rows(entries, NOW)
    assert rows[0][0].endswith("\\x1b[2J")
    assert rows[0][1:4] == ("-", "2026-11-23T09:42:00Z", "2026-11-23T10:42:00Z")
    assert rows[0][4:] == ("valid, 1 h left", "ann@jump", "ab" * 6)
    assert rows[1][4:6] == ("expired", "bob\\u202e")
    assert [row[1] for row in ledger_rows(entries, NOW, valid=True)] == ["-"]


def test_how_payloads_went():
    faults = tuple(PayloadLine(n, None, PayloadFault.WRONG_KEY, "the key does not fit") for n in range(1, 31))
    done = PayloadResult(PayloadAction.DECRYPT, 2000, 30, faults, Path("/tmp/out"))
    text = shown(payload_result_lines(done, 80))
    assert text.startswith(" NOT ALL DONE")
    assert "2,000 lines" in text
    assert "line 20 " in text
    assert "line 21 " not in text
    assert "10 more lines" in text
    assert METHOD in " ".join(text.split())
    assert shown(payload_result_lines(PayloadResult(PayloadAction.ENCRYPT, 1, 0, (), Path("o")), 80)).startswith(
        " DONE"
    )
    nothing = PayloadResult(PayloadAction.ROTATE, 5, 1, faults[:1], None, "nothing was written: line 1 …")
    text = shown(payload_result_lines(nothing, 80, faults=False))
    assert text.startswith(" NOTHING WRITTEN")
    assert "5 lines" not in text
    assert "LINES THAT FAILED" not in text
    assert fault_words(fault.fault for fault in faults[:2]) == "2 wrong key"
