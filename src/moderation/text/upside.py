"""Text turned on its head: its letters are faces of other letters, and it is read from the end."""

from __future__ import annotations

from moderation.text.normalise import READ, Unit

_UPRIGHT = "abcdefghijklmnopqrstuvwxyz"
_TURNED = (
    "ɐqɔpǝɟƃɥıɾʞlɯuodbɹsʇnʌʍxʎz",
    "ɐqɔpǝɟɓɥᴉɾʞןɯuodbɹsʇnʌʍxʎz",
    "∀ᗺƆᗡƎℲ⅁HIſ⋊˥WNOԀΌᴚS⊥∩ΛMX⅄Z",
    "ⱯꓭƆꓷƎᖵפHIſꓘ⅂WNOԀꝹꓤS┴ՈɅMX⅄Z",
)
_FACES = {turned: upright for row in _TURNED for turned, upright in zip(row, _UPRIGHT, strict=True)}
_SURE = frozenset("ɐɔǝɟƃɓɥᴉɾʞɯɹʇʌʍʎ∀ᗺƆᗡƎℲ⅁⋊˥Ԁᴚ⊥∩Λ⅄Ɐꓭꓷᖵפꓘ⅂ꓤ┴Ʌןſ")


def turned(piece: str) -> list[Unit] | None:
    """The units of `piece` read upright, from its last to its first; None where too little of it stands on its head."""
    if piece.isascii():
        return None
    sure = sum(c in _SURE for c in piece)
    if sure * 4 < sum(c.isalpha() for c in piece) or not sure:
        return None
    return [Unit(READ[_FACES.get(c, c)], i, i + 1) for i, c in reversed(list(enumerate(piece)))]
