"""The first step: what needs nobody else, and is done before a submission waits for its batch."""

from __future__ import annotations

import hashlib
from datetime import date

from moderation import forms, holders, proof_of_work
from moderation.actions.intake.work import Work
from moderation.buckets import buckets, cost, letter_buckets
from moderation.edges import authors
from moderation.edges.idempotency import Claim
from moderation.errors import Closed, NotFound
from moderation.judge.ruleset import Ruleset, SiteRules
from moderation.rates import Question, coarse, household
from moderation.runtime import Runtime
from moderation.text.signals import seen_keys
from moderation.values import Submission


def prepare(rt: Runtime, rules: Ruleset, submission: Submission) -> Work:
    """Raises NotFound (site), Closed."""
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
    return Work(
        id=comment_id,
        submission=submission,
        site=site,
        now=now,
        indexes=indexes,
        sealed=rt.vault.seal(email, comment_id) if email else None,
        address_hash=address_hash,
        address_prefix=coarse(submission.address),
        text_key=_text_key(submission, proof.who if proof else None, address_hash),
        question=question(rt, submission, site, proof, solution, now.date()),
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


def question(
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


def _text_key(submission: Submission, proved: bytes | None, address_hash: bytes) -> bytes:
    """What the same words by the same author under the same article have in common. The author is whom they proved to
    be, else a name at a client address. Never a typed e-mail address: who guesses one would be told that it is right.
    """
    said = " ".join(submission.body.split()).casefold()
    name = "" if proved else submission.author_name.casefold()
    parts = (submission.site, submission.article.key, submission.parent or "", name, said)
    message = "\0".join(parts).encode("utf-8", "replace")
    return hashlib.blake2b(message, key=proved or address_hash, digest_size=16).digest()
