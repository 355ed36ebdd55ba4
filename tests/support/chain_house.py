"""Makes chains of one kind of key, with or without an intermediate CA, each broken as told."""

from __future__ import annotations

from dataclasses import dataclass

from support.chains import Node, make, tampered

Made = tuple[Node, list[Node], list[Node]]


@dataclass
class House:
    """Makes chains of one kind of key, with or without an intermediate CA."""

    kind: str = "ec-p256"
    deep: bool = True

    def ca(self, subject: str, by: Node | None = None, number: int = 1, **more) -> Node:
        return make(subject, by, ca=True, kind=self.kind, number=number, **more)

    def leaf(self, by: Node, subject: str = "press-1", **more) -> Node:
        return make(subject, by, kind=self.kind, number=7, **more)

    def chain(self, leaf: dict | None = None, issuer: dict | None = None, root: dict | None = None) -> Made:
        """Return leaf, others, roots; `issuer` are options of the CA that signs the leaf."""
        if not self.deep:
            top = self.ca("Root", **{**(root or {}), **(issuer or {})})
            return self.leaf(top, **(leaf or {})), [], [top]
        top = self.ca("Root", **(root or {}))
        middle = self.ca("Issuing", top, 2, **(issuer or {}))
        return self.leaf(middle, **(leaf or {})), [middle], [top]

    def altered(self, **how: bool) -> Made:
        leaf, others, roots = self.chain()
        return tampered(leaf, **how), others, roots

    def another_issuer(self, **leaf) -> Made:
        """The CA at hand has the issuer's name and another key."""
        made, _, roots = self.chain(leaf=leaf)
        other = self.ca("Issuing" if self.deep else "Root", roots[0] if self.deep else None, 3)
        return (made, [other], roots) if self.deep else (made, [], [other])
