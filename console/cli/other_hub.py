"""The profile for a hub that was chosen from the list: the user's own one for it, else the present one, led there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.config import Profile, load_profiles
from console.model.errors import ConsoleError

if TYPE_CHECKING:
    from console.model.hubs import HubEntry


def profile_for(entry: HubEntry, present: Profile, spec: str | None) -> Profile:
    """Return the profile of a hub. `spec` is where the present one came from (a file, a name or None).

    A profile that the user made for that hub counts, with what it says of `readonly` and `protected`.
    """
    if is_of(present, entry):
        return present
    file = spec if spec and spec.endswith(".toml") else None
    try:
        saved = load_profiles(file).values()
    except ConsoleError:  # the file went wrong since the start
        saved = {}.values()
    for profile in saved:
        if is_of(profile, entry) and not profile.data_plane_only:
            return profile
    return present.elsewhere(hub_name=entry.name, arm_id=entry.arm_id, hub_host=entry.host)


def is_of(profile: Profile, entry: HubEntry) -> bool:
    """Return whether a profile is of this hub: by resource id where it has one, else by name."""
    if profile.arm_id:
        return profile.arm_id.casefold() == entry.arm_id.casefold()
    return profile.hub_name.casefold() == entry.name.casefold()
