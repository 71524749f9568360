"""`moderation check` and `moderation explain`, as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from moderation.cli import main
from moderation.text import language

RULES = """[sites.news]
mode = "post"

[[rules]]
id = "newcomer"
when = 'author.approved == 0 && size(comment.links) >= 2'
then = "hold"

[[rules]]
id = "share"
when = '10 / author.rejected > 3'
then = "spam"
shadow = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "moderation.toml"
    path.write_text(RULES, "utf-8")
    return path


def run(*words: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=stdin)


def test_a_good_file_is_told_so(file: Path) -> None:
    done = run("check", file)
    assert done.exit_code == 0
    assert "good. Revision" in done.output
    assert "2 rules, 0 examples" in done.output


def test_a_rule_that_asks_for_a_language_nobody_can_tell_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(f"{RULES}[[rules]]\nid = 'german'\nwhen = 'comment.language == \"de\"'\nthen = 'tag'\n", "utf-8")
    assert run("check", file).stderr == ""
    monkeypatch.setattr(language, "version", lambda: "")
    done = run("check", file)
    assert done.exit_code == 0
    assert done.stderr.startswith("The rule german asks for comment.language, and nothing is installed here that tells")
    assert "good. Revision" in done.stdout


def test_a_failing_example_is_shown_as_a_difference(file: Path) -> None:
    file.write_text(
        RULES + '[[examples]]\ntext = "https://a.example.org https://b.example.org"\nthen = "approve"\n'
        'fires = ["share"]\nsilent = ["newcomer"]\n',
        "utf-8",
    )
    done = run("check", file)
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "moderation.toml:14:1: this example comes out otherwise"
    assert "  - then    approve" in lines
    assert "  + then    hold" in lines
    assert "  + fires   newcomer" in lines
    assert any(line.startswith("    because hold    newcomer") for line in lines)
    assert lines[-1] == "1 example came out otherwise, 0 as they say."


def test_all_mistakes_of_a_file_are_printed(file: Path) -> None:
    file.write_text(RULES.replace("approved", "aproved").replace("hold", "keep"), "utf-8")
    done = run("check", file)
    assert done.exit_code == 1
    assert "moderation.toml:6:16: rules.0.when: author has no 'aproved'" in done.stderr
    assert "moderation.toml:7:1: rules.0.then" in done.stderr


def test_a_text_is_explained_with_every_check_and_every_rule(file: Path) -> None:
    done = run("explain", file, "--text", "Fréé https://a.example.org https://b.example.org bullshit\x1b[2J")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert any(line.startswith("folded    free https") for line in lines)
    assert "verdict   hold" in lines
    assert any("words.body" in line and "“bullshit”" in line for line in lines)
    assert any("fired     newcomer (hold)  author.approved 0 · comment.links 2" in line for line in lines)
    assert any("failed    share (spam, in the shadow) (ZeroDivisionError)" in line for line in lines)
    assert lines[-1].endswith(" ms")
    assert "\x1b" not in done.output


def test_the_facts_of_an_explained_text_can_be_given(file: Path) -> None:
    done = run(
        "explain", file, "--text", "-", "--approved", "4", "--rejected", "2", stdin="https://a.ex.org b.org c.org"
    )
    assert "silent    newcomer (hold)  author.approved 4" in done.output
    assert "fired     share (spam, in the shadow)  author.rejected 2" in done.output
    assert run("explain", file, "--text", "x", "--site", "nope").exit_code == 2


def test_own_words_in_ies_have_the_effect_of_their_section(file: Path) -> None:
    own = "@language en\n[insult strong inflect effect=spam]\nnumpty\n"
    told = '[[examples]]\ntext = "What numpties"\nthen = "spam"\n'
    file.write_text(f"[sites.demo]\n[sites.demo.words]\nown = '''\n{own}'''\n{told}", "utf-8")
    done = run("check", file)
    assert done.exit_code == 0, done.stderr


def test_forms_that_a_new_grade_does_not_reach_are_named(tmp_path: Path) -> None:
    path = tmp_path / "moderation.toml"
    path.write_text("[sites.demo.words]\nregrade = { cum = 'off', fuck = 'off' }\n", "utf-8")
    done = run("check", path)
    assert done.exit_code == 0
    assert "regrade names cum, which leaves these as they are: cummer, cumming, cums." in done.output
    assert "regrade names fuck" not in done.output
    path.write_text("[sites.demo.words]\nregrade = { cum = 'off', Cummer = 'mild', cumming = 'off', cums = 'off' }\n")
    assert "regrade names" not in run("check", path).output
