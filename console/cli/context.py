"""What every command shares: the global options, and from them the profile and the services."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.model.errors import ConsoleError, ErrorKind

if TYPE_CHECKING:
    from console.cli.compose import WritePortsFactory
    from console.config import Profile
    from console.services.bundle import Services


@dataclass(frozen=True)
class Settings:
    """The global options as given."""

    profile: str | None = None
    my_ip: str | None = None
    theme: str | None = None
    mouse: bool = True
    write: bool = False
    write_ports: WritePortsFactory | None = None

    def load_profile(self) -> Profile:
        """Return the profile in use.

        Raises ConsoleError with code "usage" when there is none or it is wrong.
        """
        from console.config import pick_profile

        try:
            profile = pick_profile(self.profile)
        except ConsoleError as error:
            error.code = "usage"
            raise
        return self.adapt(profile)

    def adapt(self, profile: Profile) -> Profile:
        """Return a profile with what the global options say instead. Raises ConsoleError with code "usage"."""
        if not self.my_ip:
            return profile
        import ipaddress

        try:
            ipaddress.IPv4Address(self.my_ip)
        except ValueError:
            what, why = "The option --my-ip cannot be used", f"“{self.my_ip}” is not an IPv4 address"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Write it like 203.0.113.7", code="usage") from None
        return replace(profile, my_ip=self.my_ip)

    def services(self, *, spread: bool = False) -> Services:
        """Return the services on the profile in use, armed when asked for; nothing is read yet.

        `spread`: what is read is spread over threads, so a secret that a person is to give is asked for now.
        """
        from console.cli.asking import ask_now
        from console.cli.compose import services_for
        from console.config_state import state_dir_to_read

        profile = self.load_profile()
        prompt = ask_now(profile, {}) if spread else ask_secret
        services = services_for(profile, state_dir=state_dir_to_read(), prompt=prompt, write_ports=self.write_ports)
        return self.armed(services)

    def armed(self, services: Services) -> Services:
        """Arm the services' hub when `--write` was given. Raises ConsoleError READ_ONLY when the profile forbids it."""
        if self.write:
            services.session.arm()
        return services


def ask_secret(text: str) -> str:
    """Ask for a secret on the terminal, without echo.

    Raises ConsoleError with code "usage" when it is no text, and KeyboardInterrupt when there is no answer (Ctrl+C or
    Ctrl+D): no library that asked takes that for a trouble of its own.
    """
    import click

    from console.cli.echo import echo_kept

    try:
        with echo_kept():
            answer: str = click.prompt(text, hide_input=True, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
    except UnicodeDecodeError:  # its own text would repeat a byte of what was typed
        what, why = "What was typed cannot be used", "it is no text in this terminal's encoding"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Type or paste it again", code="usage") from None
    return answer


def ask_secret_apart(text: str, instead: str) -> str:
    """Ask for a secret on the terminal while standard input carries something else.

    Raises ConsoleError with code "usage" when there is no terminal; `instead` says what to do then.
    """
    import sys

    if not sys.stdin.isatty():
        try:
            open("/dev/tty").close()  # noqa: PTH123 - only whether there is one
        except OSError:
            what, why = "The key cannot be asked for", "standard input is a pipe and there is no terminal"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, instead, code="usage") from None
    return ask_secret(text)
