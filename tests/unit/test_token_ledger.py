"""The ledger keeps what was minted, never a token; several processes write at once; a broken one loses no token."""

from __future__ import annotations

import base64
import multiprocessing
import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.model.token import TokenOrder
from console.services.machine import user_at_host
from console.services.token_ledger import TokenLedger
from console.services.tokens import Tokens

NOW = datetime(2026, 11, 23, 9, 42, 7, 500_000, tzinfo=UTC)
KEY = Secret(base64.b64encode(bytes(range(32))).decode())
ORDER = TokenOrder("contoso-plants.azure-devices.net", "press-1")


def tokens(folder: Path | None, now: datetime = NOW) -> Tokens:
    return Tokens(None, None, folder, lambda: now)


def test_what_is_minted_is_noted_without_the_token(tmp_path):
    folder = tmp_path / "state"
    minted = tokens(folder).mint(ORDER, KEY)
    assert minted.warnings == ()
    (entry,) = tokens(folder).ledger()
    assert (entry.resource, entry.policy) == (minted.resource, "")
    assert entry.minted == NOW.replace(microsecond=0)
    assert entry.expires == minted.expires == entry.minted + timedelta(hours=1)
    assert entry.who == user_at_host()
    assert entry.valid(NOW)
    assert not entry.valid(NOW + timedelta(hours=1))
    written = b"".join(file.read_bytes() for file in folder.iterdir())
    signature = minted.token.reveal().partition("sig=")[2].partition("&")[0]
    for secret in (minted.token.reveal(), signature, signature.replace("%3D", "="), KEY.reveal()):
        assert secret.encode() not in written
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_newest_first_and_of_whom(tmp_path):
    for number in range(3):
        tokens(tmp_path).mint(TokenOrder(ORDER.host, policy=f"p{number}"), KEY, who=f"w{number}")
    assert [(entry.policy, entry.who) for entry in tokens(tmp_path).ledger()] == [
        ("p2", "w2"),
        ("p1", "w1"),
        ("p0", "w0"),
    ]


def test_hashes_are_keyed(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        tokens(folder).mint(ORDER, KEY)
    assert tokens(one).ledger()[0].fingerprint != tokens(other).ledger()[0].fingerprint


def _mint_many(folder: str, number: int) -> int:
    for place in range(20):
        made = tokens(Path(folder)).mint(TokenOrder(ORDER.host, f"d-{number}-{place}"), KEY)
        assert made.warnings == ()
    return number


def test_several_processes_at_once(tmp_path):
    """All begin on an empty folder, so that making database and key is part of the race."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, context) as pool:
        list(pool.map(_mint_many, [str(tmp_path / "state")] * 4, range(4)))
    entries = tokens(tmp_path / "state").ledger()
    assert {entry.resource.rpartition("/")[2] for entry in entries} == {
        f"d-{n}-{p}" for n in range(4) for p in range(20)
    }
    token = tokens(tmp_path / "state").mint(ORDER, KEY).token
    assert TokenLedger(tmp_path / "state").find(token) is not None


class Slow(type(Path())):
    """The path of a key that another process makes, and uses, just after one looked for it in vain."""

    def exists(self) -> bool:
        there = super().exists()
        if not there:
            tokens(Path(str(self.parent))).mint(ORDER, KEY)
        return there


def test_another_process_that_begins_the_ledger_in_between(tmp_path):
    ledger = TokenLedger(tmp_path)
    ledger._key_path = Slow(tmp_path / "ledger.key")
    made = tokens(None).mint(ORDER, KEY)
    ledger.add(made.token, made.resource, made.policy, made.expires, made.expires, "me")
    assert ledger.entries()[0].who == "me"
    assert len(ledger.entries()) == 2
    assert TokenLedger(tmp_path).find(made.token) is not None


def corrupt(folder: Path) -> None:
    (folder / "ledger.db").write_bytes(b"not a database " * 100)


def foreign(folder: Path) -> None:
    with sqlite3.connect(folder / "ledger.db") as connection:
        connection.execute("DROP TABLE tokens")
        connection.execute("CREATE TABLE tokens (colour TEXT)")


def a_folder(folder: Path) -> None:
    (folder / "ledger.db").unlink()
    (folder / "ledger.db").mkdir()


def no_key(folder: Path) -> None:
    (folder / "ledger.key").unlink()


def bad_key(folder: Path) -> None:
    (folder / "ledger.key").write_text("xyz")


@pytest.mark.parametrize("damage", [corrupt, foreign, a_folder, no_key, bad_key])
def test_a_token_is_delivered_though_the_ledger_is_broken(tmp_path, damage):
    tokens(tmp_path).mint(ORDER, KEY)
    damage(tmp_path)
    minted = tokens(tmp_path).mint(ORDER, KEY)
    assert tokens(None).explain(minted.token.reveal(), key=KEY).verdict.good
    (warning,) = minted.warnings
    assert warning.startswith("the token is good, but the ledger did not get it")
    assert str(tmp_path / "ledger.db") in warning
    assert KEY.reveal() not in warning
    told = tokens(tmp_path).explain(minted.token.reveal(), key=KEY)
    assert told.verdict.good
    if damage in (corrupt, foreign, a_folder):
        with pytest.raises(ConsoleError) as caught:
            tokens(tmp_path).ledger()
        assert caught.value.code == "ledger"
        assert "ledger" in [one.id for one in told.details]


def test_a_ledger_that_is_only_busy_or_out_of_room_is_not_to_be_moved_away(tmp_path, monkeypatch):
    """Whoever moves a good ledger away loses the record of the tokens that are still valid."""
    tokens(tmp_path).mint(ORDER, KEY)
    monkeypatch.setattr("console.services.token_ledger.WAIT_SECONDS", 0.0)
    with sqlite3.connect(tmp_path / "ledger.db", isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        (warning,) = tokens(tmp_path).mint(ORDER, KEY).warnings
        assert "Another process holds it" in warning
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA journal_mode = DELETE")
    for name, words in (("SQLITE_FULL", "Make room"), ("SQLITE_READONLY_DIRECTORY", "right to write")):
        error = sqlite3.OperationalError("it is so")
        error.sqlite_errorname = name

        def refuse(*_: object, error: Exception = error, **__: object) -> sqlite3.Connection:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", refuse)
            (warning,) = tokens(tmp_path).mint(ORDER, KEY).warnings
        assert words in warning
        assert "away" not in warning


def test_rows_that_cannot_be_told_are_an_error_not_a_crash(tmp_path):
    tokens(tmp_path).mint(ORDER, KEY)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE tokens SET expires = 'never'")
    with pytest.raises(ConsoleError) as caught:
        tokens(tmp_path).ledger()
    assert caught.value.code == "ledger"


def test_no_ledger_yet(tmp_path):
    assert tokens(tmp_path / "none").ledger() == ()
    assert tokens(None).ledger() == ()
    assert tokens(None).mint(ORDER, KEY).warnings == ()


@pytest.mark.parametrize("seconds", [0, -1, -(10**9)])
def test_a_lifetime_of_nothing_is_refused(tmp_path, seconds):
    with pytest.raises(ConsoleError) as caught:
        tokens(tmp_path).mint(TokenOrder(ORDER.host, "d", ttl_seconds=seconds), KEY)
    assert caught.value.code == "usage"
    assert tokens(tmp_path).ledger() == ()


@pytest.mark.parametrize("seconds", [10**12, 10**15, 10**18, 10**30])
def test_a_lifetime_past_all_calendars_is_refused(seconds):
    with pytest.raises(ConsoleError) as caught:
        tokens(None).mint(TokenOrder(ORDER.host, "d", ttl_seconds=seconds), KEY)
    assert caught.value.code == "usage"


def test_more_than_a_day_is_warned_about():
    assert tokens(None).mint(TokenOrder(ORDER.host, "d", ttl_seconds=86_400), KEY).warnings == ()
    (warning,) = tokens(None).mint(TokenOrder(ORDER.host, "d", ttl_seconds=86_401), KEY).warnings
    assert "1 d" in warning


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (TokenOrder("", "d"), "which hub"),
        (TokenOrder("contoso", "d"), "contoso.azure-devices.net"),
        (TokenOrder("con toso.net", "d"), "no host name"),
        (TokenOrder("a.b", "d d"), "character 2 is a blank"),
        (TokenOrder("a.b", "d", "m m"), "no module id"),
        (TokenOrder("a.b", "", "m"), "without its device"),
        (TokenOrder("a.b"), "neither a device nor a policy"),
        (TokenOrder("a.b", policy="p" * 65), "no name of a policy"),
        (TokenOrder("a/b", registration_id="r"), "no ID scope"),
        (TokenOrder("0ne00A1B2C3", registration_id="r r"), "no registration id"),
    ],
)
def test_orders_that_cannot_be_are_refused(order, words):
    with pytest.raises(ConsoleError) as caught:
        tokens(None).mint(order, KEY)
    assert caught.value.code == "usage"
    assert words in caught.value.sentence()


@pytest.mark.parametrize("host", ["https://a.b.net/", "a.b.net:443", " a.b.net "])
def test_the_host_stands_in_the_token_as_tokens_name_it(host):
    assert tokens(None).mint(TokenOrder(host, "d"), KEY).resource == "a.b.net/devices/d"


def test_offline_tools_say_that_there_is_no_profile():
    for call in (
        lambda: tokens(None).mint_by_profile(ORDER),
        lambda: tokens(None).explain_at_hub("SharedAccessSignature sr=a&sig=b&se=1"),
    ):
        with pytest.raises(ConsoleError) as caught:
            call()
        assert caught.value.code == "usage"
