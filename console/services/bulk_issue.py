"""Certificates for thousands of devices: on all cores, durable in batches, to be stopped and taken up again."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from console.model.bulk_issue import BulkIssued, BulkProgress
from console.model.certificate import KeyType, LeafOrder
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.certificate_names import check_name, file_stem, kind_for
from console.rules.certificates import Authority
from console.services.bulk_renewal import Work, renewals, standing_notes
from console.services.bulk_worker import order_line
from console.services.bulk_workers import Answer, Workers
from console.services.ca_index import CERTIFICATE, CaIndex, Entry
from console.services.ca_store import CaStore
from console.services.issue_files import LeafFiles
from console.services.issue_one import Renewal, renewed_note
from console.services.issuing import entry_for, is_whole, not_issued, publish, settle, thumbprint_of
from console.services.ports import Cancel
from console.services.private_files import refused
from console.services.renewing import publish_renewed
from console.services.staging import Staging, clear_abandoned

BATCH, BATCH_SECONDS = 1500, 1.0
OTHERS_SECONDS = 20.0  # another process needs so long for a batch at most, unless it is stopped or the disk is slow
_CHUNK = {KeyType.EC_P256: 100, KeyType.EC_P384: 50, KeyType.RSA_2048: 4, KeyType.RSA_3072: 2, KeyType.RSA_4096: 1}
_LOCKED_CHUNK = 4  # deriving a key from a passphrase takes longer than making the certificate
_ALONE = {KeyType.EC_P256: 1000, KeyType.EC_P384: 200}
"""Up to so many are made in this process: starting others takes longer than they save."""


def issue_many(
    store: CaStore,
    issuer: Authority,
    names: Sequence[str],
    template: LeafOrder,
    folder: Path,
    now: datetime,
    passphrase: Secret | None,
    on_progress: Callable[[BulkProgress], None] | None,
    cancel: Cancel,
    renewal: Renewal | None = None,
) -> BulkIssued:
    """Issue to `folder` what is not there yet; see Pki.issue_many."""
    wanted, failed = _checked(names, template)
    with store.index() as index:
        clear_abandoned(folder)
        missing, there = _missing(index, folder, wanted)
        works = [Work(template, missing)]
        if renewal is not None:
            works, refusals = renewals(there, missing, template, folder, now, renewal)
            failed.update(refusals)
        todo = sum(len(work.names) for work in works)
        before = len(wanted) - todo - (0 if renewal is None else len(refusals))
        job = _Job(index, clean(store.name), template, folder, before + todo, before, on_progress)
        for work in works:
            if not work.names or cancel.cancelled:
                continue
            staging = Staging.make(folder)
            staging.spread()
            try:
                job.run(issuer, work, now, passphrase, staging, cancel)
            except OSError as error:
                raise refused(f"The files in {folder} cannot be written", error) from None
            finally:
                staging.remove()
    failed.update(job.failed)
    left = todo - job.made - job.elsewhere - len(job.failed)
    notes = (*job.notes, *standing_notes(there, template, now)) if renewal is None else job.notes
    if renewal is not None and job.made:
        notes = (*notes, renewed_note(folder))
    return BulkIssued(job.made, before + job.elsewhere, left, tuple(failed.items()), folder, job.rate, notes)


class _Job:
    """One run: what it made, what another process made meanwhile, what failed."""

    def __init__(
        self,
        index: CaIndex,
        issuer: str,
        template: LeafOrder,
        folder: Path,
        total: int,
        before: int,
        on_progress: Callable[[BulkProgress], None] | None,
    ) -> None:
        self._index = index
        self._issuer = issuer
        self._template = template
        self._folder = folder
        self._total = total
        self._on_progress = on_progress
        self._begin = time.monotonic()
        self.before = before
        self.made = 0
        self.elsewhere = 0
        self.failed: dict[str, str] = {}
        self._clashes: list[Entry] = []
        self._workers: Workers | None = None
        self._old: Mapping[str, Entry] = {}
        self._notes: dict[str, int] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done otherwise than asked for, and how often where it was not for all."""
        return tuple(note if count == self.made else f"{note} ({count:,} times)" for note, count in self._notes.items())

    @property
    def rate(self) -> float:
        """Certificates per second."""
        return self.made / max(time.monotonic() - self._begin, 1e-6)

    def run(
        self,
        issuer: Authority,
        work: Work,
        now: datetime,
        passphrase: Secret | None,
        staging: Staging,
        cancel: Cancel,
    ) -> None:
        self._template, self._old = work.template, work.old
        todo = list(work.names)
        files = LeafFiles(issuer, self._template, now, str(staging.path), passphrase)  # refuses an expired CA, at once
        if _ignores_case(staging.path):
            todo = self._without_twins(todo)
        key_type = self._template.key_type
        size = _CHUNK[key_type] if passphrase is None else min(_CHUNK[key_type], _LOCKED_CHUNK)
        chunks = [todo[start : start + size] for start in range(0, len(todo), size)]
        self._tell()
        if not sys.executable or (passphrase is None and len(todo) <= _ALONE.get(key_type, 1)):
            answers: Iterator[Answer | None] = _alone(files, chunks)
            self._collect(answers, files, staging, cancel)
        else:
            order = order_line(issuer, self._template, now, str(staging.path), passphrase)
            workers = self._workers = Workers(min(_cores(), len(chunks)), order, chunks)
            try:
                self._collect(_answers(workers, len(todo)), files, staging, cancel)
            finally:
                workers.stop()
                self._workers = None
        self._settle_clashes(cancel)

    def _collect(self, answers: Iterator[Answer | None], files: LeafFiles, staging: Staging, cancel: Cancel) -> None:
        batch: list[Entry] = []
        last = time.monotonic()
        try:
            for answer in answers:
                if answer is not None:
                    made, refusals = answer
                    self.failed.update(refusals)
                    for one in made:
                        for note in one.notes:
                            self._notes[note] = self._notes.get(note, 0) + 1
                    batch += [
                        entry_for(one, self._template, files, self._issuer, self._folder, staging) for one in made
                    ]
                if len(batch) >= BATCH or time.monotonic() - last >= BATCH_SECONDS:
                    self._publish(batch)
                    batch = []
                    last = time.monotonic()
                if cancel.cancelled:
                    break
        except ConsoleError as error:
            if error.code == _WORKER_GONE:
                self._publish(batch)
            raise
        self._publish(batch)

    def _publish(self, batch: list[Entry]) -> None:
        if self._old:
            pairs = [(entry, self._old[entry.record.common_name]) for entry in batch]
            issued, failed = publish_renewed(self._index, pairs, self._folder)
        else:
            issued, failed = publish(self._index, batch, self._folder)
        self.made += len(issued)
        if self._workers is not None:
            self._workers.clear({entry.place for entry in batch})
        for entry, why in failed:
            self.failed[entry.record.common_name] = not_issued(entry, why).sentence()
            self._clashes.append(entry)
        self._tell()

    def _settle_clashes(self, cancel: Cancel) -> None:
        """Count what another process issues to the same folder as done, not as failed; wait a while for its end."""
        clashes, self._clashes = self._clashes, []
        if not clashes:
            return
        stems = {entry.stem for entry in clashes}
        end = time.monotonic() + OTHERS_SECONDS
        while not cancel.cancelled and time.monotonic() < end:
            settle(self._index)  # the other may have been killed
            if not any(one.folder == str(self._folder) and one.stem in stems for one in self._index.pending()):
                break
            cancel.wait(0.1)
        there = self._index.issued_to(str(self._folder))
        for entry in clashes:
            other = there.get(entry.stem)
            if other is not None and is_whole(other) and other != self._old.get(entry.record.common_name):
                self.elsewhere += 1
                del self.failed[entry.record.common_name]

    def _without_twins(self, names: list[str]) -> list[str]:
        """Leave out names whose files this file system takes for another's, and say so."""
        seen: dict[str, str] = {}
        for name in names:
            other = seen.setdefault(file_stem(name).casefold(), name)
            if other != name:
                why = f"this file system takes its files for those of “{clean(other)}”"
                error = ConsoleError(
                    ErrorKind.BAD_INPUT,
                    f"No certificate was issued for “{clean(name)}”",
                    why,
                    "Issue it to another folder",
                )
                self.failed[name] = error.sentence()
        return [name for name in names if name not in self.failed]

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        done = self.before + self.made
        rate = self.rate
        left = (self._total - done) / rate if self.made else None
        self._on_progress(BulkProgress(done, self._total, rate, left))


_WORKER_GONE = "worker-gone"


def _alone(files: LeafFiles, chunks: Sequence[Sequence[str]]) -> Iterator[Answer]:
    for number, chunk in enumerate(chunks):
        files.enter(str(number))
        yield files.make_all(chunk)


def _answers(workers: Workers, total: int) -> Iterator[Answer | None]:
    """Give what workers answer, None now and then; raise ConsoleError when one ended before its work was done."""
    seen = 0
    while seen < total:
        try:
            answer = workers.answers.get(timeout=0.1)
        except queue.Empty:
            yield None
            continue
        if answer is None:
            what, why = "Not all certificates were issued", "a process that made them ended by itself or was ended"
            hint = "Give the same command again: it goes on"
            raise ConsoleError(ErrorKind.CANCELLED, what, why, hint, code=_WORKER_GONE)
        seen += len(answer[0]) + len(answer[1])
        yield answer


def _checked(names: Sequence[str], template: LeafOrder) -> tuple[list[str], dict[str, str]]:
    """Return the names that can be issued for, each once, and those that cannot, with the reason."""
    wanted: list[str] = []
    failed: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            check_name(kind_for(template.kind, name), name)
        except ConsoleError as error:
            failed[name] = error.sentence()
        else:
            wanted.append(name)
    return wanted, failed


def _missing(index: CaIndex, folder: Path, wanted: Sequence[str]) -> tuple[list[str], dict[str, Entry]]:
    """Return the names whose files are not there and whole, and what is; files moved here are entered in the index."""
    there = index.issued_to(str(folder))
    with os.scandir(folder) as entries:
        present = {entry.name for entry in entries}
    missing: list[str] = []
    whole: dict[str, Entry] = {}
    moved: list[tuple[Entry, str]] = []
    for name in wanted:
        stem = file_stem(name)
        entry = there.get(stem)
        if entry is None and f"{stem}.{CERTIFICATE}" in present:
            entry = index.with_thumbprint(thumbprint_of(f"{folder}/{stem}.{CERTIFICATE}"))
            if entry is not None and entry.record.common_name == name and entry.folder:
                entry = entry.moved(str(folder), stem)
                moved.append((entry, stem))
        if entry is None or not is_whole(entry):
            missing.append(name)
        else:
            whole[name] = entry
    index.move([entry for entry, _ in moved if is_whole(entry)])
    return missing, whole


def _cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system can tell
        return os.cpu_count() or 1


def _ignores_case(folder: Path) -> bool:
    probe = folder / "probe"
    probe.touch()
    same = (folder / "PROBE").exists()
    probe.unlink()
    return same
