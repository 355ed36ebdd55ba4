"""A stop at any step: index and files agree afterwards."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from support.pki import DEVICE, check_agreement, device, new_ca, rows

from console.services import bulk_issue, issuing
from console.services.ports import Cancel

# --- CAs -----------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for the end of the process at this place: nothing after it runs."""


STEPS = ["sync", "begun", "linked-key", "linked-all", "synced", "finished"]


@pytest.mark.parametrize("step", STEPS)
def test_a_stop_at_any_step_is_settled_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    pki, ca = new_ca(tmp_path)
    pki.issue(device("before"), ca, tmp_path / "out")
    with monkeypatch.context() as patch:
        _kill_at(patch, step)
        with pytest.raises(Killed):
            pki.issue_many(["a", "b", "c"], DEVICE, ca, tmp_path / "out")
    if step != "finished":
        assert any(path.name.startswith(".hubwarden-") for path in (tmp_path / "out").iterdir())
    assert pki.inventory()  # any opening settles
    assert {row["status"] for row in rows(ca)} == {"issued"}
    done = pki.issue_many(["a", "b", "c"], DEVICE, ca, tmp_path / "out")
    assert done.complete
    check_agreement(ca, tmp_path / "out", ["a", "b", "before", "c"])


def test_settling_never_takes_a_file_that_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, ca = new_ca(tmp_path)
    with monkeypatch.context() as patch:
        _kill_at(patch, "begun")
        with pytest.raises(Killed):
            pki.issue_many(["a"], DEVICE, ca, tmp_path / "out")
    (tmp_path / "out" / "a.key.pem").write_text("somebody's")
    done = pki.issue_many(["a"], DEVICE, ca, tmp_path / "out")
    assert [name for name, _ in done.failed] == ["a"]
    assert (tmp_path / "out" / "a.key.pem").read_text() == "somebody's"


def test_what_a_living_process_is_making_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, ca = new_ca(tmp_path)
    reached, go_on = threading.Event(), threading.Event()
    link = issuing._link

    def slow(entry: Any) -> str:
        reached.set()
        assert go_on.wait(20)
        return link(entry)

    monkeypatch.setattr(issuing, "_link", slow)
    results: list[Any] = []
    maker = threading.Thread(target=lambda: results.append(pki.issue_many(["a"], DEVICE, ca, tmp_path / "out")))
    maker.start()
    assert reached.wait(20)
    monkeypatch.setattr(issuing, "_link", link)
    assert [row["status"] for row in rows(ca)] == ["pending"]
    monkeypatch.setattr(bulk_issue, "OTHERS_SECONDS", 0.0)
    other = pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "out")
    assert (other.made, [name for name, _ in other.failed]) == (1, ["a"])
    assert "another process" in other.failed[0][1]
    go_on.set()
    maker.join(20)
    assert results[0].complete
    check_agreement(ca, tmp_path / "out", ["a", "b"])


def test_what_another_process_is_about_to_finish_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, ca = new_ca(tmp_path)
    reached, go_on = threading.Event(), threading.Event()
    link = issuing._link

    def slow(entry: Any) -> str:
        reached.set()
        assert go_on.wait(20)
        return link(entry)

    monkeypatch.setattr(issuing, "_link", slow)
    maker = threading.Thread(target=lambda: pki.issue_many(["a"], DEVICE, ca, tmp_path / "out"))
    maker.start()
    assert reached.wait(20)
    monkeypatch.setattr(issuing, "_link", link)
    wait = Cancel.wait

    def let_go(self: Cancel, seconds: float) -> bool:
        go_on.set()
        return wait(self, seconds)

    monkeypatch.setattr(Cancel, "wait", let_go)
    other = pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "out")
    maker.join(20)
    assert (other.made, other.before, other.failed) == (1, 1, ())
    check_agreement(ca, tmp_path / "out", ["a", "b"])


def test_a_file_system_without_links_works_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: str, target: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(issuing, "_put", lambda source, target: real_put(source, target, no_links))
    real_put = _REAL_PUT
    pki, ca = new_ca(tmp_path)
    assert pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "out").complete
    check_agreement(ca, tmp_path / "out", ["a", "b"])
    with monkeypatch.context() as patch:
        _kill_at(patch, "linked-key")
        with pytest.raises(Killed):
            pki.issue_many(["c"], DEVICE, ca, tmp_path / "out")
    (tmp_path / "out" / "d.key.pem").write_text("somebody's")
    done = pki.issue_many(["c", "d"], DEVICE, ca, tmp_path / "out")
    assert [name for name, _ in done.failed] == ["d"]
    (tmp_path / "out" / "d.key.pem").unlink()
    check_agreement(ca, tmp_path / "out", ["a", "b", "c"])


_REAL_PUT = issuing._put


def _kill_at(patch: pytest.MonkeyPatch, step: str) -> None:
    """Make the process end at a step: the staging folder stays, its lock goes, as when it is killed."""
    from console.services.ca_index import CaIndex
    from console.services.staging import Staging

    patch.setattr(Staging, "remove", lambda staging: staging.release())
    begin, put, finish = CaIndex.begin, issuing._put, CaIndex.finish
    linked: list[str] = []

    def die(*_: Any) -> Any:
        raise Killed

    def begin_and_die(*arguments: Any) -> Any:
        begin(*arguments)
        raise Killed

    def put_and_die(source: str, target: str) -> None:
        put(source, target)
        linked.append(target)
        if step == "linked-key" and len(linked) == 1:
            raise Killed

    def finish_and_die(*arguments: Any) -> None:
        finish(*arguments)
        raise Killed

    if step == "sync":
        patch.setattr(issuing, "sync_files", die)
    elif step == "begun":
        patch.setattr(CaIndex, "begin", begin_and_die)
    elif step == "linked-key":
        patch.setattr(issuing, "_put", put_and_die)
    elif step == "linked-all":
        patch.setattr(issuing, "sync_folder", die)
    elif step == "synced":
        patch.setattr(CaIndex, "finish", die)
    else:
        patch.setattr(CaIndex, "finish", finish_and_die)
