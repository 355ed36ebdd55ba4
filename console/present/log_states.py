"""Words for every state of the log: what it is, why, what to do. Each reads differently, "no failures" above all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from console.model.connection import FailureReport, LogState
from console.present.lines import Line
from console.present.pages import BLANK, error_lines, fields, state_lines
from console.present.words import number, span, window_words

SHOWS_TABLE = frozenset({LogState.READY, LogState.EMPTY})
"""States in which chart and table are shown."""


@dataclass(frozen=True)
class StateWords:
    """One state in words; `short` is for a line of the Overview."""

    title: str
    token: str
    short: str
    what: str
    why: str
    hint: str


WORDS: dict[LogState, StateWords] = {
    LogState.NOT_ASKED: StateWords(
        "READING THE LOG",
        "dim",
        "reading the log",
        "The log has been asked; the answer is on its way.",
        "",
        "",
    ),
    LogState.READY: StateWords("FAILED CONNECTIONS", "head", "", "", "", ""),
    LogState.EMPTY: StateWords(
        "NO FAILURES",
        "ok",
        "none",
        "Connections are logged and none failed in this window.",
        "",
        "Nothing. > looks at a longer time.",
    ),
    LogState.NO_SETTING: StateWords(
        "CONNECTIONS ARE NOT LOGGED",
        "warn",
        "not logged: the hub has no diagnostic setting for Connections",
        "No diagnostic setting of this hub sends the category Connections to a Log Analytics workspace, so nobody can "
        "see who fails.",
        "IoT Hub records connections only once such a setting exists. Earlier failures cannot be brought back.",
        "Create one: az monitor diagnostic-settings create --name connections --resource HUB_ID --workspace "
        'WORKSPACE_ID --logs \'[{"category":"Connections","enabled":true}]\'. The first rows come after some minutes.',
    ),
    LogState.NO_WORKSPACE: StateWords(
        "NO WORKSPACE IS KNOWN",
        "warn",
        "no workspace known",
        "It is not known which Log Analytics workspace holds the log of this hub.",
        "The profile names none, and none could be found through the hub's diagnostic settings.",
        "Set workspace_id in the profile (the workspace's GUID), or give this credential Reader on the hub.",
    ),
    LogState.NO_TABLE: StateWords(
        "THE WORKSPACE HAS NO RESOURCE LOG YET",
        "warn",
        "the workspace has no resource log yet",
        "The workspace answers, but its table AzureDiagnostics does not exist.",
        "The table appears with the first row. A diagnostic setting takes up to 90 minutes to become effective at "
        "first; a setting in resource-specific mode writes to another table.",
        "Wait, then r. Check that the hub's diagnostic setting names this workspace and the mode Azure diagnostics.",
    ),
    LogState.NO_ROWS: StateWords(
        "THE LOG IS SILENT",
        "warn",
        "silent: no row of this hub in the window",
        "The workspace holds a log, but not one row of this hub in this window, neither failed nor successful.",
        "The log lags or is frozen, the diagnostic setting was removed, or truly no device connected. This is not the "
        "same as no failures.",
        "> looks at a longer time: the newest row tells since when it is silent.",
    ),
    LogState.NO_PERMISSION: StateWords(
        "NO PERMISSION TO READ THE LOG",
        "bad",
        "no permission to read the log",
        "The workspace refused the query.",
        "This identity has no role that may read the workspace.",
        "Ask for Log Analytics Reader on the workspace. A new role takes up to 30 minutes to work.",
    ),
    LogState.THROTTLED: StateWords(
        "THE LOG IS THROTTLED",
        "warn",
        "throttled",
        "Log Analytics takes no more queries from this identity for now.",
        "Too many queries in a short time, perhaps by others with the same identity.",
        "Nothing: it is asked again by itself, more slowly. p pauses.",
    ),
    LogState.FAILED: StateWords(
        "THE LOG COULD NOT BE READ", "bad", "could not be read", "The query failed.", "", "r tries again."
    ),
}


def state_page(report: FailureReport, width: int) -> list[Line]:
    """Return the page shown in place of chart and table, with the service's own words where it gave some."""
    words = WORDS[report.state]
    lines: list[Line] = [BLANK]
    if report.state is LogState.FAILED and report.error is not None:
        return lines + error_lines(report.error, width)
    error = report.error
    if report.state is LogState.NO_WORKSPACE and error is not None:  # it knows better which of the reasons holds
        lines += state_lines(words.title, words.token, words.what, error.why, error.hint, width)
        return lines + fields(error.advice, width)
    lines += state_lines(words.title, words.token, words.what, words.why, words.hint, width)
    if error is not None:
        lines += [
            BLANK,
            *fields((("it said", error.what, "dim"), ("", error.why, "dim"), *error.advice), width),
        ]
    return lines


def asked(report: FailureReport) -> timedelta:
    """Return the window that was asked for: the report's own begins at a full bin, so it is up to one bin shorter."""
    return -((report.start - report.end) // report.step) * report.step


def empty_words(report: FailureReport) -> str:
    """Return the good news for the place of the table."""
    words = f"No failed connection in the last {window_words(asked(report))}."
    if report.folded:
        words += f" {number(report.folded)} token renewals were folded."
    if report.lag is not None:
        words += f" The newest row of the log is {span(report.lag)} old."
    return words


def lag_words(report: FailureReport) -> Line:
    """Return the age of the newest row; an old one stands out."""
    if report.lag is None:
        return ()
    words = f"log {span(report.lag)} old"
    return (
        ((words.replace("log", "log lags,", 1), "warn"),) if report.lag > timedelta(minutes=10) else ((words, "dim"),)
    )
