"""Views of the queue that a moderator has saved under a name: an address's query, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select

from moderation.edges.schema import Tx, upsert, views


@dataclass(frozen=True, slots=True)
class SavedView:
    """`query` is that of an address of the queue."""

    id: int
    name: str
    query: str


def of_person(tx: Tx, person_id: int) -> list[SavedView]:
    """In the order of their names."""
    rows = tx.execute(select(views.c.id, views.c.name, views.c.query).where(views.c.person_id == person_id))
    return sorted((SavedView(*row) for row in rows), key=lambda view: view.name.casefold())


def save(tx: Tx, person_id: int, name: str, query: str) -> None:
    """Under a name that is there already, the new view takes its place."""
    statement = upsert(tx.dialect.name, views).values(person_id=person_id, name=name, query=query)
    tx.execute(statement.on_conflict_do_update(index_elements=["person_id", "name"], set_={"query": query}))


def drop(tx: Tx, person_id: int, view_id: int) -> bool:
    """False where this person has no such view."""
    return tx.execute(delete(views).where(views.c.id == view_id, views.c.person_id == person_id)).rowcount == 1
