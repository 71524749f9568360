"""How good the text filter is, measured: the command `moderation evaluate` and what it stands on.

`families` disguises words, `rows` reads or makes what is judged, `measure` counts, `report` prints.
"""
