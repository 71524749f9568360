"""One submission in, one receipt out: limited, judged, stored with its findings, its journal row and its letter.

Submissions that come together are worked together (`Batches`): one Redis trip, one read, one transaction. A receipt
means that the comment is on disk. What goes wrong with one submission is that one's own answer.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import structlog

from moderation import confirmations, forms, holders, proof_of_work
from moderation.actions import external
from moderation.batches import Batches, Overdue
from moderation.buckets import LETTER, buckets, cost, is_regular, letter_buckets, letters_allowed
from moderation.edges import (
    authors,
    bans,
    comments,
    external_checks,
    idempotency,
    journal,
    likeness,
    mails,
    queries,
    search,
    telemetry,
)
from moderation.edges.comments import NewComment
from moderation.edges.idempotency import Claim
from moderation.edges.limits import too_fast
from moderation.edges.queries import Parent
from moderation.edges.schema import Tx, together
from moderation.edges.vault import mask
from moderation.errors import (
    Closed,
    Duplicate,
    KeyReused,
    ModerationError,
    NotFound,
    ParentNotPublic,
    StoreError,
    Unavailable,
)
from moderation.judge.cases import remember
from moderation.judge.pipeline import judge_reading, language_told
from moderation.judge.reading import Reading
from moderation.judge.ruleset import Ruleset, SiteRules, is_disposable
from moderation.rates import Answer, BucketAnswer, Question, coarse, household, ratelimit_headers
from moderation.runtime import Runtime
from moderation.text.markup import render
from moderation.text.signals import seen_keys
from moderation.values import (
    Article,
    AuthorRecord,
    Ban,
    Case,
    Effect,
    Limited,
    Receipt,
    Status,
    Submission,
    UnderArticle,
    Verdict,
)

WAIT = 2.5
"""Seconds a submission may wait for its turn before it is told to come back."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Work:
    """One submission on its way through a batch."""

    id: str
    submission: Submission
    site: SiteRules
    now: datetime
    indexes: Sequence[bytes]  # the author's, under every live key; new rows get the first
    sealed: str | None
    address_hash: bytes
    address_prefix: str
    text_key: bytes
    question: Question
    claims: Sequence[Claim]  # the Idempotency-Key under every live key; the first is what is stored
    form: forms.Form
    proof: authors.Proof | None
    solution: proof_of_work.Solution
    author: bytes | None = None  # who that is
    author_known: bool = False
    form_used: bool = False
    answer: Answer | None = None
    article: Article | None = None
    parent: Parent | None = None
    record: AuthorRecord = field(default_factory=AuthorRecord)
    bans: tuple[Ban, ...] = ()
    case: Case | None = None
    verdict: Verdict | None = None
    language: str | None = None
    html: str = ""
    words: list[str] = field(default_factory=list)


_Answers = dict[str, Receipt | BaseException]
_Step = Callable[[Runtime, Sequence[_Work]], _Answers]


class Intake:
    """Where submissions come together. One for each process, made after fork."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._batches: Batches[_Work, Receipt] = Batches(lambda works: _work(rt, works), around=self._undisturbed)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        with self._rt.turns.turn(), telemetry.together():
            yield

    def submit(self, submission: Submission) -> Receipt:
        """Raises NotFound (site), Closed, ParentNotPublic, Duplicate, KeyReused, TooFast, Unavailable."""
        try:
            return self._batches.ask(_prepare(self._rt, self._rt.rules, submission), WAIT)
        except Overdue:
            raise _busy() from None

    def leave(self, submission: Submission, hear: Callable[[Receipt | BaseException], None]) -> None:
        """`hear` gets what `submit` returns or raises, in another thread, once `begin` was called. Raises NotFound
        (site), Closed."""

        def told(outcome: Receipt | BaseException) -> None:
            hear(_busy() if isinstance(outcome, Overdue) else outcome)

        self._batches.leave(_prepare(self._rt, self._rt.rules, submission), WAIT, told)

    def begin(self) -> None:
        """See `Batches.begin`."""
        self._batches.begin()


def _busy() -> Unavailable:
    return Unavailable(2, "busy")


def _prepare(rt: Runtime, rules: Ruleset, submission: Submission) -> _Work:
    """What needs nobody else: done in the request's own thread."""
    site = rules.sites.get(submission.site)
    if site is None:
        raise NotFound("site")
    if site.settings.closed:
        raise Closed("site")
    comment_id = rt.new_id()
    email = submission.email
    indexes = rt.vault.indexes(email.lower()) if email else []
    address_hash = rt.vault.address_hash(household(submission.address))
    now = rt.now()
    form = forms.read(rt, submission.form_token, submission.site, submission.article.key)
    proof = _proof(rt, submission, site)
    solution = proof_of_work.read(rt, submission.solution, submission.site, site.settings.form)
    return _Work(
        id=comment_id,
        submission=submission,
        site=site,
        now=now,
        indexes=indexes,
        sealed=rt.vault.seal(email, comment_id) if email else None,
        address_hash=address_hash,
        address_prefix=coarse(submission.address),
        text_key=_text_key(submission, proof.who if proof else None, address_hash),
        question=_question(rt, submission, site, proof, solution, now.date()),
        claims=_claims(rt, submission, form),
        form=form,
        proof=proof,
        solution=solution,
    )


def _proof(rt: Runtime, submission: Submission, site: SiteRules) -> authors.Proof | None:
    """How the author proves who they are, if at all. What a browser holds counts while the site asks for it."""
    if submission.subject is not None:
        return authors.by_login(rt.vault, submission.site, submission.subject)
    if submission.holder is None or site.settings.verify != "mail":
        return None
    held = holders.read(rt, submission.holder, submission.site, submission.email)
    return authors.Proof(submission.site, id=held) if held else None


def _claims(rt: Runtime, submission: Submission, form: forms.Form) -> list[Claim]:
    """What the Idempotency-Key, or a form's good token, stands for: this comment, to the letter."""
    if submission.idempotency_key is not None:
        named = ("idempotency-key", submission.site, submission.idempotency_key)
    elif form.found == "good" and submission.form_token:
        named = ("form-token", submission.site, submission.form_token)
    else:
        return []
    article = submission.article
    fields = (submission.parent, submission.author_name, submission.author_url, submission.email, submission.body)
    sent = [part or "" for part in (article.key, article.url, *fields)]
    payloads = rt.vault.fingerprints("payload", *sent)
    return [Claim(*both) for both in zip(rt.vault.fingerprints(*named), payloads, strict=True)]


def _work(rt: Runtime, works: Sequence[_Work]) -> list[Receipt | BaseException]:
    """Limit all, gather for all, judge each, record all. Answers in the order of `works`."""
    answers = _together_or_alone(rt, [work for work in works if work.claims], _recall)
    left = [work for work in works if work.id not in answers]
    _ask_anew(rt, [work for work in left if work.proof and (work.proof.id or _has_regulars(work))])
    for work, answer in zip(left, rt.limits.check([work.question for work in left]), strict=True):
        work.answer = answer
        if not answer.allowed:
            answers[work.id] = too_fast(answer)
    left = [work for work in left if work.id not in answers]
    answers.update(_together_or_alone(rt, left, _gather))
    left = [work for work in left if work.id not in answers]
    for work in left:
        work.case = _case(work)
        reading = Reading(work.case)
        work.case, work.verdict = external.waiting(work.case, judge_reading(reading, work.site), work.site)
        work.language = language_told(reading, work.site)
        work.html = render(work.submission.body, work.verdict.masks)
        title = work.article.title if work.article else work.submission.article.title
        work.words = search.words_of(work.submission.author_name, title, work.submission.body)
    answers.update(_together_or_alone(rt, left, _record))
    return [answers[work.id] for work in works]


def _has_regulars(work: _Work) -> bool:
    return work.site.settings.limits.regular_factor > 1


def _ask_anew(rt: Runtime, proved: Sequence[_Work]) -> None:
    """Give regulars their wider limits, and those who are forgotten a stranger's. Only for authors who proved who they
    are the store is asked twice; while it is away, nobody is a regular."""
    if not proved:
        return
    try:
        with rt.store.reading() as tx:
            for site in {work.submission.site for work in proved}:
                _know_authors(tx, site, [work for work in proved if work.submission.site == site])
    except StoreError as error:
        log.warning("regulars-unknown", error=error.kind)
    for work in proved:
        regular = is_regular(work.site, verified=work.author_known, record=work.record)
        if regular or work.proof is None:
            today = work.now.date()
            work.question = _question(rt, work.submission, work.site, work.proof, work.solution, today, regular)


def _together_or_alone(rt: Runtime, works: Sequence[_Work], step: _Step) -> _Answers:
    """`step` for all at once; if that fails, for each alone, so that one bad row never takes the others down."""
    if not works:
        return {}
    try:
        return step(rt, works)
    except StoreError as error:
        if len(works) == 1 or error.is_outage:
            log.error("store-failed", error=error.kind, submissions=len(works))
            return dict.fromkeys((work.id for work in works), Unavailable(2, "store"))
    except Exception as error:  # noqa: BLE001 - whatever is odd about one must not take the others down
        if len(works) == 1:
            return {works[0].id: error}
    answers: _Answers = {}
    for work in works:
        answers.update(_together_or_alone(rt, [work], step))
    return answers


def _question(
    rt: Runtime,
    submission: Submission,
    site: SiteRules,
    proof: authors.Proof | None,
    solution: proof_of_work.Solution,
    today: date,
    is_regular: bool = False,
) -> Question:
    """Every limit of one submission, and what tells its text again."""
    asked = buckets(
        rt.vault,
        site,
        today,
        address=submission.address,
        email=submission.email,
        proved=submission.subject or (proof.id.hex() if proof and proof.id else None),
        article=submission.article.key,
        whole_site=True,
        cost=cost(site, submission.body),
        is_regular=is_regular,
    )
    if submission.email and proof is None and site.settings.verify == "mail" and rt.mail_server:
        asked += letter_buckets(rt.vault, site, today, submission.email)
    if solution.challenge:
        asked += (proof_of_work.bucket(solution, site.settings.form),)
    return Question(submission.site, asked, seen_keys(submission.body))


def _gather(rt: Runtime, works: Sequence[_Work]) -> _Answers:
    """The article, the parent, the author's record and bans of each; answers those that are refused."""
    refused: _Answers = {}
    with rt.store.reading() as connection:
        public = queries.parents(connection, {work.submission.parent for work in works if work.submission.parent})
        for site in {work.submission.site for work in works}:
            here = [work for work in works if work.submission.site == site]
            keys = {work.submission.article.key for work in here}
            known, has_bans = comments.find_articles_to_fill(connection, site, keys)
            _know_authors(connection, site, here)
            if has_bans:
                _find_bans(rt, connection, here)
            for work in here:
                work.article = known.get(work.submission.article.key)
                work.parent = public.get(work.submission.parent) if work.submission.parent else None
                error = _refusal(work)
                if error:
                    refused[work.id] = error
    return refused


def _know_authors(tx: Tx, site: str, works: Sequence[_Work]) -> None:
    _recognise(tx, works)
    records = queries.records(tx, site, {key for work in works for key in _counts_for(work)})
    for work in works:
        work.record = AuthorRecord.of(records[key] for key in _counts_for(work) if key in records)


def _recognise(tx: Tx, works: Sequence[_Work]) -> None:
    """Who has been here before under this proof. What was handed out to one who is forgotten proves nothing."""
    proofs = [work.proof for work in works if work.proof]
    known = authors.find(tx, proofs) if proofs else {}
    for work in works:
        if work.proof:
            work.author = known.get(work.proof)
            work.author_known = work.author is not None
            if work.proof.id and work.author is None:
                work.proof = None


def _counts_for(work: _Work) -> Sequence[bytes]:
    """Whose record is the author's: their own, where they proved who they are, and never that of a typed address."""
    if work.proof:
        return [work.author] if work.author else []
    return work.indexes


def _find_bans(rt: Runtime, tx: Tx, works: Sequence[_Work]) -> None:
    """The bans in force on each sender, for works of one site."""
    keys = {
        work.id: bans.keys_of(rt.vault, work.submission.address, email=work.submission.email, author=work.author)
        for work in works
    }
    _add_confirmed(rt, tx, works, keys)
    found = bans.in_force(tx, set().union(*keys.values()), works[0].now)
    for work in works:
        sent, proved = work.submission, work.proof is not None
        work.bans = bans.on(found, sent.site, keys[work.id], sent.address, proved=proved, author=work.author)


def _add_confirmed(rt: Runtime, tx: Tx, works: Sequence[_Work], keys: dict[str, list[bytes]]) -> None:
    """To the keys of each: as whom the owner of the typed address is known, who may have been banned as that."""
    typed = {
        work.id: {*work.indexes, *bans.author_keys(rt.vault, work.submission.email)}
        for work in works
        if work.submission.email
    }
    known = authors.by_mail(tx, works[0].submission.site, set().union(*typed.values())) if typed else {}
    for work_id, indexes in typed.items():
        keys[work_id] += [known[index] for index in indexes if index in known]


def _refusal(work: _Work) -> ModerationError | None:
    article, settings = work.article, work.site.settings
    if article is None:
        if settings.articles == "listed":
            return NotFound("article")
        return ParentNotPublic() if work.submission.parent else None
    if why := article.closed_why(settings.close_after_days, work.now):
        return Closed(why)
    if work.submission.parent and (work.parent is None or work.parent.article_id != article.id):
        return ParentNotPublic()
    return None


def _case(work: _Work) -> Case:
    submission, answer = work.submission, work.answer
    assert answer is not None
    return Case(
        site=submission.site,
        body=submission.body,
        author_name=submission.author_name,
        author_url=submission.author_url,
        has_email=submission.email is not None,
        disposable_email=submission.email is not None and is_disposable(submission.email.rpartition("@")[2]),
        verified=work.proof is not None,
        is_reply=submission.parent is not None,
        article_closed=None,
        record=work.record,
        limited=_limited(answer),
        at=work.now,
        article=_under(work),
        seconds_to_submit=_seconds(work.form.given_at, work.now),
        form="used" if work.form_used else work.form.found,
        trapped=submission.trapped,
        solution=_solution(work.solution, answer),
        bans=work.bans,
    )


def _solution(solution: proof_of_work.Solution, answer: Answer) -> str:
    """How it was found, now that Redis has told whether it was used before."""
    is_used = any(bucket.bucket.scope == "solution" and not bucket.allowed for bucket in answer.buckets)
    return "used" if is_used else solution.found


def _seconds(given: datetime | None, now: datetime) -> int | None:
    """Whole seconds, rounded up, at least 1: clocks of several machines differ a little."""
    return max(1, math.ceil((now - given).total_seconds())) if given else None


def _limited(answer: Answer) -> Limited:
    """What the limits tell the judge. The first fingerprint is the whole text's, the others are its sketch."""
    exceeded = {bucket.bucket.scope for bucket in answer.buckets if not bucket.allowed}
    of_address = [bucket for bucket in answer.buckets if bucket.bucket.scope == "address"]
    of_article = [bucket for bucket in answer.buckets if bucket.bucket.scope == "article"]
    longest = max(of_address, key=_period, default=None)
    shortest = min(of_article, key=_period, default=None)
    return Limited(
        available=answer.source == "redis",
        email_exceeded="email" in exceeded,
        seen=max(answer.seen[:1], default=0),
        near=max(answer.seen[1:], default=0),
        address_recent=_used(longest),
        article_recent=_used(shortest),
        article_most=shortest.bucket.window.burst if shortest else 0,
        fuse_blown="fuse" in exceeded,
    )


def _period(answered: BucketAnswer) -> float:
    return answered.bucket.window.period


def _used(answered: BucketAnswer | None) -> int:
    """Earlier comments that a limit still counts; 0 where there is none."""
    return max(0, answered.bucket.window.burst - answered.remaining - answered.bucket.weight) if answered else 0


def _under(work: _Work) -> UnderArticle:
    known = work.article
    if known is None:
        return UnderArticle(work.submission.article.key)
    return UnderArticle(known.key, known.approved, known.created_at, known.tags)


def _recall(rt: Runtime, works: Sequence[_Work]) -> _Answers:
    """What these keys have come to already. Asked before the limits: an answer that got lost costs nothing to
    repeat."""
    answers: _Answers = {}
    with rt.store.reading() as connection:
        keys = {claim.key for work in works for claim in work.claims}
        found = idempotency.find(connection, keys, works[0].now)
    for work in works:
        claim = next((claim for claim in work.claims if claim.key in found), None)
        if claim is None:
            continue
        try:
            answers[work.id] = _again(found[claim.key], claim)
        except KeyReused as error:
            if work.submission.idempotency_key:
                answers[work.id] = error
            else:  # back to the page, and another comment: no reason to refuse it
                work.form_used, work.claims = True, []
    return answers


def _again(known: idempotency.Outcome, claim: Claim) -> Receipt:
    """The receipt of the first time. Raises KeyReused."""
    if known.payload != claim.payload:
        raise KeyReused
    return Receipt(known.comment_id, known.article_key, known.article_url, known.published, {})


def _claim_keys(rt: Runtime, tx: Tx, works: Sequence[_Work]) -> _Answers:
    """Answers those whose key somebody else has had in the meantime."""
    claims = {work.id: work.claims[0] for work in works if work.claims}
    held = idempotency.claim(tx, [_outcome(rt, work, work.claims[0]) for work in works if work.claims], works[0].now)
    answers: _Answers = {}
    for work_id, claim in claims.items():
        if held[claim.key].comment_id != work_id:
            try:
                answers[work_id] = _again(held[claim.key], claim)
            except KeyReused as error:
                answers[work_id] = error
    return answers


def _outcome(rt: Runtime, work: _Work, claim: Claim) -> idempotency.Outcome:
    receipt = _receipt(work)
    return idempotency.Outcome(
        claim.key, claim.payload, work.id, receipt.article_key, receipt.article_url, receipt.published,
        work.now + timedelta(hours=rt.rules.retention.idempotency_hours),
    )  # fmt: skip


def _record(rt: Runtime, works: Sequence[_Work]) -> _Answers:
    """One transaction for all: articles, comments, counts, journal, outbox. Answers a receipt or an error for each."""
    now = works[0].now
    with rt.store.writing() as tx:
        _open_articles(tx, works)
        answers = _claim_keys(rt, tx, works)
        works = [work for work in works if work.id not in answers]
        late = comments.said_before(
            tx,
            {work.id: work.text_key for work in works},
            now,
            {work.id: work.now + timedelta(minutes=work.site.settings.duplicates.window_minutes) for work in works},
        )
        idempotency.release(tx, [work.id for work in works if work.claims and work.id in late])
        fresh = [work for work in works if work.id not in late]
        _admit(rt, tx, fresh)
        with together(tx):
            comments.store(tx, [_new(work) for work in fresh], rt.store.shard)
            likeness.add(tx, [(work.id, _likeness(work)) for work in fresh])
            journal.post(tx, [_letter(work) for work in fresh])
        journal.write(tx, [_entry(work) for work in fresh])
        external_checks.ask(tx, [_check(rt, work) for work in fresh if work.case and work.case.opinion])
        _ask_to_confirm(rt, tx, fresh)
    return answers | {work.id: Duplicate() if work.id in late else _receipt(work) for work in works}


def _ask_to_confirm(rt: Runtime, tx: Tx, works: Sequence[_Work]) -> None:
    """A letter to each whose address nobody has confirmed in this browser."""
    for work in works:
        if (email := work.submission.email) and _gets_letter(work):
            settings = work.site.settings
            subject, text = confirmations.letter(rt, work.id, settings.name or work.site.id, settings.language)
            mails.post(tx, rt.vault, rt.new_id(), "confirm-address", email, subject, text, work.now)


def _gets_letter(work: _Work) -> bool:
    """Not where too many went there, or nobody can tell; and nobody is bothered for the sake of spam."""
    answer, verdict = work.answer, work.verdict
    is_asked = answer is not None and any(each.bucket.scope in LETTER for each in answer.buckets)
    is_kept = verdict is not None and verdict.status in (Status.PENDING, Status.APPROVED)
    return answer is not None and is_asked and letters_allowed(answer) and is_kept


def _likeness(work: _Work) -> list[int]:
    """What it has in common with near copies, where it has any or nobody knows."""
    limited = work.case.limited if work.case else Limited(available=False)
    if limited.available and not (limited.seen or limited.near):
        return []
    return likeness.keys(work.question.seen)


def _open_articles(tx: Tx, works: Sequence[_Work]) -> None:
    unknown = [work for work in works if work.article is None]
    for site in {work.submission.site for work in unknown}:
        here = [work for work in unknown if work.submission.site == site]
        made = comments.make_articles(tx, site, [work.submission.article for work in here], here[0].now)
        for work in here:
            work.article = made[work.submission.article.key]


def _admit(rt: Runtime, tx: Tx, works: Sequence[_Work]) -> None:
    """Know from now on who comes from the publisher's login for the first time."""
    new = [work for work in works if work.proof and not work.author_known]
    for work in sorted(new, key=lambda work: work.proof.keys if work.proof else ()):
        assert work.proof is not None
        author_id = authors.new_id(rt.random(16))
        work.author = authors.prove(
            tx, rt.vault, authors.LOGIN, work.submission.site, work.proof.name, author_id, work.now
        )


def _text_key(submission: Submission, proved: bytes | None, address_hash: bytes) -> bytes:
    """What the same words by the same author under the same article have in common. The author is whom they proved to
    be, else a name at a client address. Never a typed e-mail address: who guesses one would be told that it is right.
    """
    said = " ".join(submission.body.split()).casefold()
    name = "" if proved else submission.author_name.casefold()
    parts = (submission.site, submission.article.key, submission.parent or "", name, said)
    message = "\0".join(parts).encode("utf-8", "replace")
    return hashlib.blake2b(message, key=proved or address_hash, digest_size=16).digest()


def _new(work: _Work) -> NewComment:
    submission, parent = work.submission, work.parent
    assert work.article is not None
    assert work.case is not None
    assert work.verdict is not None
    return NewComment(
        id=work.id,
        site=submission.site,
        article_id=work.article.id,
        parent_id=parent.id if parent else None,
        root_id=parent.root_id if parent else work.id,
        depth=parent.depth + 1 if parent else 0,
        author_name=submission.author_name,
        author_url=submission.author_url,
        email_sealed=work.sealed,
        email_index=work.indexes[0] if work.indexes else None,
        email_masked=mask(submission.email) if submission.email else None,
        author_id=work.author,
        verified=work.author is not None,
        address_hash=work.address_hash,
        address_prefix=work.address_prefix,
        body=submission.body,
        html=work.html,
        words=work.words,
        verdict=work.verdict,
        language=work.language,
        facts=remember(work.case),
        created_at=work.now,
    )


def _entry(work: _Work) -> journal.Entry:
    assert work.verdict is not None
    effect = Effect(work.verdict.decision)
    decided = next((found.rule for found in work.verdict.findings if found.effect is effect), None)
    return journal.Entry(
        at=work.now,
        actor="rules",
        role="service",
        action="received",
        site=work.submission.site,
        target=work.id,
        after=work.verdict.status.value,
        reason=decided,
        request_id=work.submission.request_id,
    )


def _letter(work: _Work) -> journal.Letter:
    assert work.verdict is not None
    return journal.Letter(work.now, work.submission.site, "comment.received", work.id, work.verdict.status.value, 1)


def _check(rt: Runtime, work: _Work) -> external_checks.New:
    return external.new(rt, work.site, work.id, work.submission.address, work.now)


def _receipt(work: _Work) -> Receipt:
    assert work.verdict is not None
    assert work.article is not None
    assert work.answer is not None
    # Nobody learns by a typed address what its owner earned: only who is verified is told that a rule let them through.
    is_told = work.site.settings.mode == "post" or (work.case is not None and work.case.verified)
    published = work.verdict.status is Status.APPROVED and is_told
    return Receipt(work.id, work.article.key, work.article.url, published, ratelimit_headers(work.answer))
