"""The command `moderation filter`, started as a shell starts it, and the same as a library call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from moderation.text import Filter
from tests.text.worst import text_of

COMMAND = [sys.executable, "-m", "moderation", "filter"]


def run(*arguments: str, given: str | bytes = "", **environment: str) -> subprocess.CompletedProcess[str]:
    data = given.encode() if isinstance(given, str) else given
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=data,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", **environment},
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def lines(*arguments: str, given: str | bytes = "") -> list[dict[str, object]]:
    done = run("--jsonl", *arguments, given=given)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_text_is_explained_with_span_grade_and_disguise() -> None:
    told = run("you f.u.c.k1ng lot, mail bob@host.example.org").stdout
    assert "4–14 “f.u.c.k1ng” is fucking (strong profanity; language en; hidden: leet, spaced)" in told
    assert "strong: held" in told
    assert "you f********* lot" in told
    assert "“bob@host.example.org” is an e-mail address" in told
    assert " ms" in told


def test_a_clean_text_says_so() -> None:
    assert "no listed word" in run("-", given="A quiet day in Scunthorpe.").stdout


def test_a_text_of_which_not_all_was_read_says_from_where_on() -> None:
    text = text_of(("0##", "@$$h0le", "|-|", "?", " "))
    assert f"not all from {Filter().explain(text).unread} on" in run("-", given=text).stdout
    (row,) = lines(given=json.dumps({"id": 1, "text": text}))
    assert (row["flagged"], row["unread"]) == (True, Filter().explain(text).unread)


def test_no_text_can_steer_the_terminal() -> None:
    assert "\x1b" not in run("-", given="\x1b[2Jfu\x1bck \u202e you").stdout


def test_each_line_is_answered_with_all_fields() -> None:
    rows = lines(given='{"id": 7, "text": "utter bullshit"}\n{"id": "b", "text": "fine"}')
    assert rows == [
        {
            "id": 7,
            "flagged": True,
            "grade": "strong",
            "spans": [[6, 14]],
            "terms": ["bullshit"],
            "censored": "utter b*******",
        },
        {"id": "b", "flagged": False, "grade": "clean", "spans": [], "terms": [], "censored": "fine"},
    ]


def test_mild_words_are_graded_and_not_flagged() -> None:
    (row,) = lines(given='{"id": 1, "text": "what crap"}\n')
    assert (row["flagged"], row["grade"]) == (False, "mild")


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1}', '{"id": 1, "text": 3}', "[" * 5000, "null"])
def test_a_line_that_is_no_row_is_answered_and_the_next_one_too(line: str) -> None:
    first, second = lines(given=f'{line}\n{{"id": 2, "text": "fine"}}\n')
    assert first["id"] is None
    assert str(first["error"]).startswith("not an object with id and text")
    assert second["id"] == 2


def test_bytes_that_are_no_text_and_half_characters_do_not_end_it() -> None:
    first, second, third = lines(
        given=b'{"id": 1, "text": "\xff"}\n{"id": 2, "text": "\\ud800 fuck"}\n{"id":3,"text":""}'
    )
    assert (first["id"], second["flagged"], third["id"]) == (None, True, 3)


def test_whoever_writes_one_line_and_waits_gets_its_answer() -> None:
    with subprocess.Popen([*COMMAND, "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for number in range(3):
            process.stdin.write(f'{{"id": {number}, "te'.encode())
            process.stdin.flush()
            process.stdin.write(b'xt": "what the fuck"}\n')
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(10) == 0


def test_lines_larger_than_any_buffer_arrive_whole() -> None:
    rows = lines(given="".join(json.dumps({"id": n, "text": "lovely day " * 20_000}) + "\n" for n in range(3)))
    assert [row["id"] for row in rows] == [0, 1, 2]


def test_a_reader_who_leaves_is_no_error() -> None:
    given = b'{"id": 1, "text": "fine"}\n' * 200_000
    with subprocess.Popen(
        [*COMMAND, "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(given[:100_000])
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        try:
            process.stdin.write(given)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.stderr.read() == b""


@pytest.mark.parametrize(("options", "variable"), [(("--bench", "2"), {}), ((), {"FILTER_EVAL_BENCH": "2"})])
def test_a_bench_counts_comments_bytes_and_time(options: tuple[str, ...], variable: dict[str, str]) -> None:
    done = run("--jsonl", *options, given='{"id": 1, "text": "für"}\n' * 50, **variable)
    bench = json.loads(done.stdout)["bench"]
    assert (bench["comments"], bench["bytes"]) == (100, 400)
    assert bench["seconds"] > 0
    assert bench["cpu_seconds"] > 0


def test_a_list_of_ones_own_counts_and_its_mistakes_are_told_by_line_and_column(tmp_path: Path) -> None:
    own = tmp_path / "our.txt"
    own.write_text("[insult strong inflect]\nquibbler\n", "utf-8")
    assert lines("--list", str(own), given='{"id": 1, "text": "you quibblers"}')[0]["flagged"]
    own.write_text("[insult strong inflect]\nquibbler\n[insult strong sometimes]\n", "utf-8")
    done = run("--list", str(own), "x")
    assert done.returncode == 2
    assert f"{own}:3:16: unknown word 'sometimes'" in done.stderr


def test_a_language_of_the_site_brings_its_whole_list() -> None:
    assert not lines(given='{"id": 1, "text": "Hure"}')[0]["flagged"]
    assert lines("--language", "de", given='{"id": 1, "text": "Hure"}')[0]["flagged"]
    assert "no word list for 'xx'" in run("--language", "xx", "text").stderr


def test_it_starts_without_the_service() -> None:
    """What a start costs is what it imports: none of the heavy libraries, for one line of text."""
    code = (
        "import sys; from moderation.cli import main\n"
        "main(['filter', 'what the fuck'], standalone_mode=False)\n"
        "heavy = {'pydantic', 'flask', 'sqlalchemy', 'redis', 'publicsuffixlist', 'cryptography', 'better_profanity'}\n"
        "sys.exit(f'{heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_library_call_explains_a_text() -> None:
    said = Filter().explain("You ＦＵＣＫＥＲ!")
    (match,) = said.matches
    assert (said.text[match.start : match.end], match.severity, match.language) == ("ＦＵＣＫＥＲ", "strong", "en")
    assert (said.flagged, said.grade, said.censored) == (True, "strong", "You Ｆ*****!")
    assert "fucker" in said.folded
    assert said.seconds > 0
