"""What every command shares: the global options, and from them the profile and the services."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.model.errors import ConsoleError

if TYPE_CHECKING:
    from console.config import Profile
    from console.services.bundle import Services


@dataclass(frozen=True)
class Settings:
    """The global options as given."""

    profile: str | None = None
    my_ip: str | None = None
    theme: str | None = None
    mouse: bool = True

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
        return replace(profile, my_ip=self.my_ip) if self.my_ip else profile

    def services(self) -> Services:
        """Return the services on the profile in use; nothing is read yet."""
        from console.cli.compose import services_for
        from console.config import state_dir

        return services_for(self.load_profile(), state_dir=state_dir(), prompt=ask_secret)


def ask_secret(text: str) -> str:
    """Ask for a secret on the terminal, without echo."""
    import click

    answer: str = click.prompt(text, hide_input=True, err=True)
    return answer
