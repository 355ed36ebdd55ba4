"""Three themes of our own, and the style behind every semantic token that `present` uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

DEFAULT = "dark"

_COMMON = {"footer-background": "$surface"}

THEMES: tuple[Theme, ...] = (
    Theme(
        name="dark",
        primary="#4cb0f0",
        secondary="#3a6ea5",
        accent="#4cb0f0",
        warning="#e2b454",
        error="#f2777a",
        success="#73c991",
        foreground="#cdd6df",
        background="#11161c",
        surface="#1a222b",
        panel="#1e2833",
        boost="#1e2833",
        dark=True,
        variables=_COMMON | {"input-selection-background": "#2f5a80"},
    ),
    Theme(
        name="light",
        primary="#0a5fb4",
        secondary="#5b7fa5",
        accent="#0a5fb4",
        warning="#8a5a00",
        error="#bf1f2b",
        success="#1a7435",
        foreground="#24292f",
        background="#fbfcfd",
        surface="#edf1f5",
        panel="#e6ebf0",
        boost="#e6ebf0",
        dark=False,
        variables=_COMMON | {"input-selection-background": "#b6d7f7"},
    ),
    Theme(
        name="ansi",
        ansi=True,
        primary="ansi_cyan",
        secondary="ansi_blue",
        accent="ansi_cyan",
        warning="ansi_yellow",
        error="ansi_red",
        success="ansi_green",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        dark=True,
        variables={
            "ansi-background": "ansi_black",
            "ansi-foreground": "ansi_white",
            "border-blurred": "ansi_white",
            "block-cursor-foreground": "ansi_black",
            "block-cursor-background": "ansi_white",
            "input-cursor-text-style": "reverse",
            "input-selection-background": "ansi_blue",
            "input-selection-foreground": "ansi_bright_white",
        },
    ),
)

_DARK = {
    "text": "#cdd6df",
    "dim": "#7f8c99",
    "head": "bold #eef3f8",
    "key": "#4cb0f0",
    "accent": "#4cb0f0",
    "ok": "#73c991",
    "warn": "#e2b454",
    "bad": "#f2777a",
    "spark": "#f2777a",
    "axis": "#566270",
    "metric": "#3f6a8f",
    "on.badge": "bold #11161c on #73c991",
    "on.armed": "bold #11161c on #f2777a",
    "on.tab": "bold #eef3f8 on #2b3a4a",
    "on.cursor": "#ffffff on #24486a",
    "on.cursor-blur": "#cdd6df on #222e3a",
    "cause.ip_rules": "#f2777a",
    "cause.cloned": "#d68bea",
    "cause.certificate_expired": "#e2b454",
    "cause.thumbprint": "#e6935c",
    "cause.certificate": "#f0a0a8",
    "cause.wrong_credential": "#6cb6ff",
    "cause.disabled": "#93a4b8",
    "cause.unknown_device": "#4ec9b0",
    "cause.filtered": "#c45b6b",
    "cause.no_enrollment": "#3fa796",
    "cause.enrollment_disabled": "#7d8fb3",
    "cause.enrollment_certificate": "#c99a5b",
    "cause.enrollment_key": "#8fa8ff",
    "cause.not_assigned": "#b08ae0",
    "cause.throttled": "#b8cc52",
    "cause.service": "#95e6cb",
    "cause.network": "#71829a",
    "cause.other": "#b4bcc6",
    "cause.renewal": "#5d6a79",
}
_LIGHT = {
    "text": "#24292f",
    "dim": "#5f6b78",
    "head": "bold #0b1015",
    "key": "#0a5fb4",
    "accent": "#0a5fb4",
    "ok": "#1a7435",
    "warn": "#8a5a00",
    "bad": "#bf1f2b",
    "spark": "#bf1f2b",
    "axis": "#a3adb8",
    "metric": "#8fb4d6",
    "on.badge": "bold #ffffff on #1a7435",
    "on.armed": "bold #ffffff on #bf1f2b",
    "on.tab": "bold #0b1015 on #cfdbe8",
    "on.cursor": "#0b1015 on #bcdcfa",
    "on.cursor-blur": "#24292f on #e0e7ee",
    "cause.ip_rules": "#c9303c",
    "cause.cloned": "#8f3fb0",
    "cause.certificate_expired": "#a87400",
    "cause.thumbprint": "#bc5a1a",
    "cause.certificate": "#a8452f",
    "cause.wrong_credential": "#1f6fc0",
    "cause.disabled": "#66788c",
    "cause.unknown_device": "#0f8a75",
    "cause.filtered": "#9c1c44",
    "cause.no_enrollment": "#0b6e7a",
    "cause.enrollment_disabled": "#4f5f8a",
    "cause.enrollment_certificate": "#8a5a2a",
    "cause.enrollment_key": "#4a55c0",
    "cause.not_assigned": "#6a4fa0",
    "cause.throttled": "#6f8400",
    "cause.service": "#2a9d7c",
    "cause.network": "#7c8a9c",
    "cause.other": "#555f6a",
    "cause.renewal": "#98a3af",
}
_ANSI = {
    "text": "ansi_default",
    "dim": "dim",
    "head": "bold",
    "key": "ansi_cyan",
    "accent": "ansi_cyan",
    "ok": "ansi_green",
    "warn": "ansi_yellow",
    "bad": "ansi_red",
    "spark": "ansi_red",
    "axis": "dim",
    "metric": "ansi_blue",
    "on.badge": "bold reverse ansi_green",
    "on.armed": "bold reverse ansi_red",
    "on.tab": "bold reverse",
    "on.cursor": "reverse",
    "on.cursor-blur": "underline",
    "cause.ip_rules": "ansi_red",
    "cause.cloned": "ansi_magenta",
    "cause.certificate_expired": "ansi_yellow",
    "cause.thumbprint": "ansi_bright_red",
    "cause.certificate": "ansi_bright_yellow",
    "cause.wrong_credential": "ansi_blue",
    "cause.disabled": "ansi_white",
    "cause.unknown_device": "ansi_cyan",
    "cause.filtered": "ansi_bright_magenta",
    "cause.no_enrollment": "ansi_bright_cyan",
    "cause.enrollment_disabled": "ansi_bright_black",
    "cause.enrollment_certificate": "ansi_bright_yellow",
    "cause.enrollment_key": "ansi_bright_blue",
    "cause.not_assigned": "ansi_bright_magenta",
    "cause.throttled": "ansi_green",
    "cause.service": "ansi_bright_cyan",
    "cause.network": "ansi_bright_blue",
    "cause.other": "ansi_default",
    "cause.renewal": "dim",
}
TOKENS: Mapping[str, Mapping[str, str]] = {"dark": _DARK, "light": _LIGHT, "ansi": _ANSI}


@lru_cache(256)
def token_style(theme: str, token: str) -> Style:
    """Return the style of a token in one theme: "bold red on black" of its definition; unknown tokens are plain."""
    tokens = TOKENS.get(theme) or _DARK
    if "/" in token:
        front, back = token.split("/", 1)
        return Style(color=token_style(theme, front).color, bgcolor=token_style(theme, back).color)
    spec = tokens.get(token, "")
    head, _, back = spec.partition(" on ")
    attributes: dict[str, bool] = {}
    color = None
    for word in head.split():
        if word in ("bold", "dim", "reverse", "underline"):
            attributes[word] = True
        else:
            color = Color.parse(word).rich_color
    return Style(
        color=color,
        bgcolor=Color.parse(back).rich_color if back else None,
        bold=attributes.get("bold"),
        dim=attributes.get("dim"),
        reverse=attributes.get("reverse"),
        underline=attributes.get("underline"),
    )


def ascii_terminal() -> bool:
    """Return whether block characters cannot be expected to show."""
    import locale

    return "utf" not in locale.getpreferredencoding(False).casefold() or bool(os.environ.get("HUBWARDEN_ASCII"))
