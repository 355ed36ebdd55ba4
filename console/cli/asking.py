"""Secrets that are asked for before anything begins: while the terminal is ours, and the main thread there to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.cli.context import ask_secret
from console.config_secrets import PROXY_QUESTION, SEAL_QUESTION
from console.model.errors import ConsoleError, ErrorKind

if TYPE_CHECKING:
    from console.config import Profile
    from console.config_secrets import Prompt

Answers = dict[tuple[object, str], str]
"""What was answered, by what it is for."""
_PROMPT = "prompt"


def ask_now(profile: Profile, answers: Answers, *, passphrase: bool = False) -> Prompt:
    """Ask for every secret of a profile that a person is to give; return what answers those questions later.

    A thread that asked could not give the terminal back when a signal ends the process, and in the console the question
    would land in the middle of a screen. `passphrase`: also for that of kept keys, and nothing is asked later. What has
    its answer is not asked again. Raises KeyboardInterrupt without an answer.
    """
    later = None if passphrase else ask_secret
    asked: dict[str, tuple[object, str]] = {}
    if profile.credential.secret_from == _PROMPT:
        asked[""] = _answered(answers, (profile.credential, profile.tenant_id), _whose(profile))
    if profile.proxy_credential.secret_from == _PROMPT:
        at = profile.proxy_credential, profile.proxy
        asked[PROXY_QUESTION] = _answered(answers, at, f"{PROXY_QUESTION} {profile.proxy}")
    if passphrase and profile.seal_from == _PROMPT:
        whose = f"{SEAL_QUESTION} of {profile.name or profile.hub_name}"
        asked[SEAL_QUESTION] = _answered(answers, (SEAL_QUESTION, profile.hub_name), whose)

    def prompt(question: str) -> str:
        where = asked.get(question if question in {PROXY_QUESTION, SEAL_QUESTION} else "")
        if where is not None:
            return answers[where]
        if later is None:
            what, why = f"{question.rstrip(': ')} cannot be asked for", "the console has the terminal"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, what, why, "Use the command line for this")
        return later(question)

    return prompt


def _whose(profile: Profile) -> str:
    return f"Secret for {profile.name or profile.hub_name}"


def _answered(answers: Answers, what: tuple[object, str], text: str) -> tuple[object, str]:
    if what not in answers:
        answers[what] = ask_secret(text)
    return what
