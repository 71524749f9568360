"""Text turned on its head: its letters are faces of other letters, and it is read from the end."""

from __future__ import annotations

from moderation.text.normalise import READ, Unit, units_of

_UPRIGHT = "abcdefghijklmnopqrstuvwxyz"
_TURNED = (
    "ɐqɔpǝɟƃɥıɾʞlɯuodbɹsʇnʌʍxʎz",
    "ɐqɔpǝɟɓɥᴉɾʞןɯuodbɹsʇnʌʍxʎz",
    "∀ᗺƆᗡƎℲ⅁HIſ⋊˥WNOԀΌᴚS⊥∩ΛMX⅄Z",
    "ⱯꓭƆꓷƎᖵפHIſꓘ⅂WNOԀꝹꓤS┴ՈɅMX⅄Z",
)
_FACES = {turned: upright for row in _TURNED for turned, upright in zip(row, _UPRIGHT, strict=True)}
_SURE = frozenset("ɐɔǝɟƃɓɥᴉɾʞɯɹʇʌʍʎ∀ᗺƆᗡƎℲ⅁⋊˥Ԁᴚ⊥∩Λ⅄Ɐꓭꓷᖵפꓘ⅂ꓤ┴Ʌןſ")


def is_upright(piece: str) -> bool:
    """Does nothing in `piece` surely stand on its head?"""
    return piece.isascii() or _SURE.isdisjoint(piece)


def turned(piece: str) -> list[Unit] | None:
    """The units of `piece` read upright, from its last to its first; None where too little of it stands on its head."""
    if is_upright(piece):
        return None
    sure = sum(c in _SURE for c in piece)
    if sure * 4 < sum(map(str.isalpha, piece)):
        return None
    return units_of(map(READ.__getitem__, upright(piece)), range(len(piece) - 1, -1, -1))


def upright(piece: str) -> str:
    """`piece` from its last character to its first, each turned round."""
    return "".join(map(_FACES.get, reversed(piece), reversed(piece)))
