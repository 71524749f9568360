"""The inventory of personal data says something about every column there is."""

from __future__ import annotations

import re
from collections import Counter

from click.testing import CliRunner

from moderation import inventory
from moderation.cli import main
from moderation.edges import reencryption
from moderation.edges.schema import metadata
from moderation.settings import Retention


def test_every_column_is_personal_or_said_to_be_not_and_none_is_both() -> None:
    there = Counter((table.name, column.name) for table in metadata.tables.values() for column in table.columns)
    assert Counter(inventory.named()) == there


def test_the_times_that_it_names_are_settings() -> None:
    named = {name for each in inventory.PERSONAL for name in re.findall(r"\w+_days|idempotency_\w+", each.until)}
    assert named == set(Retention.model_fields)


def test_what_it_calls_encrypted_is_written_anew_when_its_key_is_rotated() -> None:
    encrypted = {each.table: each.columns.split() for each in inventory.PERSONAL if "encrypted" in each.what}
    anew = {column.table.name: column.name for columns in reencryption.SEALED.values() for column in columns}
    assert encrypted.keys() == anew.keys()
    assert all(column in encrypted[table] for table, column in anew.items())


def test_the_command_prints_it() -> None:
    done = CliRunner().invoke(main, ["privacy", "inventory"])
    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) == len(inventory.PERSONAL) + 2
    assert "| comments: email_sealed | e-mail address, encrypted |" in done.output
