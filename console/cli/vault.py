"""Where destroyed keys are kept, when the profile says so: sealed under the user's passphrase, in the journal."""

from __future__ import annotations

from console.config import Profile
from console.config_secrets import SEAL_QUESTION, Prompt, read_secret
from console.model.secret import Secret


class Vault:
    """Seals and opens keys under a passphrase that is asked for at its first use."""

    def __init__(self, source: str, prompt: Prompt | None) -> None:
        self._source = source
        self._prompt = prompt
        self._passphrase: Secret | None = None

    def seal(self, keys: dict[str, str]) -> str:
        """Return keys (by fingerprint) encrypted. Raises ConsoleError when there is no passphrase."""
        from console.rules.sealing import seal

        return seal(keys, self._secret())

    def open(self, sealed: str) -> dict[str, Secret]:
        """Return the keys again, by fingerprint. Raises ConsoleError BAD_INPUT for another passphrase."""
        from console.rules.sealing import unseal

        return unseal(sealed, self._secret())

    def _secret(self) -> Secret:
        if self._passphrase is None:
            self._passphrase = read_secret(self._source, prompt=self._prompt, question=SEAL_QUESTION)
        return self._passphrase


def vault_for(profile: Profile, prompt: Prompt | None) -> Vault | None:
    """Return the vault of a profile, None where `seal_from` is empty."""
    return Vault(profile.seal_from, prompt) if profile.seal_from else None
