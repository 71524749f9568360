"""The words of a rules file: their grades and effects by site, regrading, languages, lists of one's own, masking."""

from __future__ import annotations

import pytest
from tests.judge import cases
from tests.judge.cases import case

from moderation.edges import rules_file
from moderation.errors import RulesInvalid
from moderation.judge.pipeline import judge
from moderation.judge.ruleset import SiteRules, build
from moderation.text.markup import render
from moderation.values import Decision, Finding, Verdict

SITE = "[sites.news]\nmode = 'post'\n"


def site(words: str = "") -> SiteRules:
    return cases.site(f"[sites.news.words]\n{words}")


def verdict(body: str, words: str = "") -> Verdict:
    return judge(case(body=body), site(words))


def found(rule: str, of: Verdict) -> Finding:
    (one,) = (each for each in of.findings if each.rule == rule)
    return one


@pytest.mark.parametrize(
    ("body", "decision", "code"),
    [
        ("You are a retard.", Decision.REJECT, "severe-word"),
        ("What a load of bullshit.", Decision.HOLD, "strong-word"),
        ("That is crap.", Decision.APPROVE, "mild-word"),
        ("Essex and Scunthorpe are towns.", Decision.APPROVE, "passed"),
    ],
)
def test_as_shipped_severe_is_rejected_strong_held_and_mild_marked(body: str, decision: Decision, code: str) -> None:
    judged = verdict(body)
    assert (judged.decision, found("words.body", judged).code) == (decision, code)


def test_a_site_may_set_other_effects() -> None:
    assert verdict("What a load of bullshit.", "strong = 'tag'").decision is Decision.APPROVE
    assert verdict("You are a retard.", "severe = 'hold'").decision is Decision.HOLD
    assert verdict("That is crap.", "mild = 'hold'").decision is Decision.HOLD


def test_a_shipped_word_can_be_dropped_and_graded_anew() -> None:
    assert found("words.body", verdict("That is crap.", "regrade = { crap = 'off' }")).code == "passed"
    assert verdict("That is CRAP.", "regrade = { Crap = 'severe' }").decision is Decision.REJECT
    assert verdict("What a bastard.", "regrade = { bastard = 'mild' }").decision is Decision.APPROVE
    assert verdict("That is bullshit.", "regrade = { crap = 'off' }").decision is Decision.HOLD


@pytest.mark.parametrize(
    "body", ["Such bitches.", "This bitching!", "What a BITCH.", "Ces putains !", "Those wankers."]
)
@pytest.mark.parametrize(
    "words", ["regrade = { Bitch = '{}', putain = '{}', wank = '{}' }", "allow = ['Bitch', 'putain', 'wank']"]
)
def test_what_is_said_of_a_word_reaches_its_inflected_forms(body: str, words: str) -> None:
    assert verdict(body).decision is Decision.HOLD
    assert verdict(body, words.replace("{}", "off")).decision is Decision.APPROVE
    assert verdict(body, words.replace("{}", "mild")).decision is Decision.APPROVE


@pytest.mark.parametrize("said", ["regrade = {{ {} = 'off' }}", "allow = ['{}']", "own = '''\n[allow]\n{}'''"])
def test_another_word_and_one_graded_on_its_own_do_not_follow(said: str) -> None:
    assert verdict("Still wanking?", said.format("wank")).decision is Decision.APPROVE
    assert verdict("A nigger.", said.format("nig")).decision is Decision.REJECT
    assert verdict("Two niggers.", said.format("nig")).decision is Decision.REJECT
    assert verdict("She was cumming.", said.format("cum")).decision is Decision.HOLD
    assert verdict("A clusterfuck.", said.format("fuck")).decision is Decision.HOLD


@pytest.mark.parametrize(
    "named",
    ["regrade = { wankers = 'strong' }", "deny = ['wankers']", "own = '''\n[insult strong word]\nwankers'''"],
)
def test_a_form_of_which_something_else_is_said_does_not_follow(named: str) -> None:
    words = f"allow = ['wank']\n{named}"
    assert verdict("Still wanking?", words).decision is Decision.APPROVE
    assert verdict("Those wankers!", words).decision is Decision.HOLD


def test_the_nearest_word_leads_a_form() -> None:
    grades = "regrade = { wank = 'off', wanker = 'severe' }"
    assert verdict("Still wanking?", grades).decision is Decision.APPROVE
    assert verdict("Those wankers!", grades).decision is Decision.REJECT


def test_a_regraded_word_of_the_defaults_and_one_of_the_site_both_count() -> None:
    text = (
        f"[defaults.words]\nregrade = {{ crap = 'off' }}\n{SITE}[sites.news.words]\nregrade = {{ bastard = 'off' }}\n"
    )
    rules = build(rules_file.check_text(text, "moderation.toml").rules, text)
    assert judge(case(body="That crap bastard."), rules.sites["news"]).decision is Decision.APPROVE


def test_a_language_can_be_switched_off_and_another_on() -> None:
    assert verdict("Du Arschloch, halt den Mund.").decision is Decision.HOLD
    assert verdict("Du Arschloch, halt den Mund.", "off = ['de']").decision is Decision.APPROVE
    plain = "Hure"
    assert verdict(plain).decision is Decision.APPROVE
    assert verdict(plain, "languages = ['de']").decision is Decision.HOLD


OWN = """own = '''
@language de
[insult severe inflect]
quarkkopf
[profanity mild word]
zwirbel
[allow]
Arschlochberg
'''"""


def test_a_list_of_ones_own_is_graded_bounded_and_inflected() -> None:
    assert verdict("Diese Quarkkopfen!", OWN).decision is Decision.REJECT
    assert found("words.body", verdict("Ein Zwirbel.", OWN)).code == "mild-word"
    assert found("words.body", verdict("Ein Zwirbelwind.", OWN)).code == "passed"
    assert found("words.body", verdict("Q.u.a.r.k.k.0.p.f", OWN)).data["languages"] == ["de"]
    assert verdict("Du Arschloch.", OWN).decision is Decision.HOLD


def test_the_problems_of_a_list_stand_where_they_are_in_the_rules_file() -> None:
    with pytest.raises(RulesInvalid) as error:
        site(
            "languages = ['en']\nown = '''\n[insult grave inflect]\nfoo\n'''\n"
            "off = ['xx']\nregrade = { bullshyt = 'off' }"
        )
    told = str(error.value).splitlines()
    assert told[0].startswith("moderation.toml:6:9: sites.news.words.own: unknown word 'grave'; expected one of mild")
    assert told[1] == "moderation.toml:7:1: sites.news.words.own: a term stands before any valid [section]"
    assert "sites.news.words.off" in told[2]
    assert "no shipped list has this word; did you mean bullshit" in told[3]


def test_of_many_unknown_words_all_are_told_and_the_first_with_what_was_meant() -> None:
    words = "".join(f'"bulshit{number:03}" = "off"\n' for number in range(100))
    with pytest.raises(RulesInvalid) as refused:
        rules_file.check_text(f"[sites.a]\n[sites.b]\n[defaults.words.regrade]\n{words}", "moderation.toml")
    told = [problem.allowed for problem in refused.value.problems]
    assert len(told) == 100
    assert ["did you mean" in sentence for sentence in told] == [True] * 20 + [False] * 80


def test_the_problem_of_a_list_in_one_line_stands_where_it_is_as_well() -> None:
    with pytest.raises(RulesInvalid, match=r"moderation.toml:4:16: sites.news.words.own: a section names category"):
        site(r'own = "# mine\n[insult]\n"')


def test_a_list_inside_of_another_value_is_told_with_its_own_line_and_column() -> None:
    text = '[sites.news]\nwords = { own = "# mine\\n[insult]\\n" }\n'
    with pytest.raises(RulesInvalid, match=r"moderation.toml:2:1: sites.news.words.own: line 2, column 1 of the list"):
        rules_file.check_text(text, "moderation.toml")


def test_an_own_word_wins_over_the_shipped_one() -> None:
    assert verdict("What a bastard.", "own = '''\n[profanity mild word]\nbastard\n'''").decision is Decision.APPROVE


def test_rules_with_other_words_have_another_revision() -> None:
    assert len({site().revision, site("regrade = { crap = 'off' }").revision, site(OWN).revision}) == 3


# --- masking


def public(body: str, words: str) -> str:
    return render(body, verdict(body, words).masks)


def test_words_are_shown_as_written_unless_the_site_masks() -> None:
    assert "bullshit" in public("What bullshit, Ana.", "")


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        ("severe", "r*****, bullshit and crap."),
        ("strong", "r*****, b******* and crap."),
        ("mild", "r*****, b******* and c***."),
    ],
)
def test_words_of_a_grade_and_above_are_starred_for_the_public(mask: str, shown: str) -> None:
    assert public("retard, bullshit and crap.", f"mask = '{mask}'") == f'<p dir="auto">{shown}</p>\n'


def test_stars_never_become_emphasis_and_markup_around_them_lives() -> None:
    assert public("*bullshit* and *more bullshit*", "mask = 'strong'") == (
        '<p dir="auto"><em>b*******</em> and <em>more b*******</em></p>\n'
    )


def test_a_disguised_word_is_masked_whole() -> None:
    assert public("this b.u.l.l.s.h.i.t here", "mask = 'strong'") == '<p dir="auto">this b******* here</p>\n'


def test_every_word_of_a_long_rant_is_masked() -> None:
    assert "bullshit" not in public("bullshit! " * 300, "mask = 'strong'")


def test_an_address_that_holds_a_word_is_hidden_as_an_address() -> None:
    shown = public("write to shithead@example.org now", "mask = 'mild'")
    assert "example.org" not in shown
    assert "[e-mail hidden]" in shown


# --- many sites


def test_sites_that_allow_different_words_share_what_is_compiled_of_the_others() -> None:
    one, other, plain = site("allow = ['crap']"), site("allow = ['bullshit']"), site()
    assert one.matcher.index.misspelt is other.matcher.index.misspelt is plain.matcher.index.misspelt
    assert [bool(each.matcher.find("crap")) for each in (one, other, plain)] == [False, True, True]
    assert [bool(each.matcher.find("bullshit")) for each in (one, other, plain)] == [True, False, True]


@pytest.mark.parametrize(
    ("mask", "name", "decision"),
    [
        ("none", "Crap Collector", Decision.APPROVE),
        ("strong", "Crap Collector", Decision.APPROVE),
        ("mild", "Crap Collector", Decision.HOLD),
        ("mild", "Dick Cheney", Decision.APPROVE),
        ("mild", "Ana", Decision.APPROVE),
        ("mild", "Retard", Decision.REJECT),
    ],
)
def test_a_name_with_a_word_that_would_be_masked_waits(mask: str, name: str, decision: Decision) -> None:
    words = site(f"mask = '{mask}'\nstrong = 'tag'")
    assert judge(case(author_name=name), words).decision is decision


def test_what_only_may_be_meant_is_not_masked() -> None:
    judged = verdict("Dick Cheney and bullshit.", "mask = 'mild'")
    words = found("words.body", judged)
    assert [span.label for span in words.spans] == ["strong profanity (maybe)", "strong profanity"]
    assert [(mask.start, mask.end) for mask in judged.masks] == [(16, 24)]
