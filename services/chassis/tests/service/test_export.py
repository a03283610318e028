"""Everything comes once, in order, however many pages it takes."""

import json
import uuid

import pytest
import sqlalchemy as sa

from chassis.errors import Invalid
from chassis.export import Section, export_page
from chassis.paging import PageTokens, page_key

ADA, GRACE = uuid.uuid4(), uuid.uuid4()
TOKENS = PageTokens(page_key("a key of at least thirty-two characters"))
METADATA = sa.MetaData()
NOTE = sa.Table(
    "note",
    METADATA,
    sa.Column("user_id", sa.Uuid),
    sa.Column("written_at", sa.DateTime(timezone=True)),
    sa.Column("number", sa.Integer),
    sa.Column("text", sa.Text),
    sa.Column("secret", sa.Text),
)
SECTIONS = (
    Section("none", NOTE, ("number",), owner="secret"),
    Section("notes", NOTE, ("written_at", "number"), left_out=("secret",)),
    Section("again", NOTE, ("number",), left_out=("secret", "text")),
)


@pytest.fixture
def database(database_for):
    database = database_for("chassis")
    with database.begin() as connection:
        METADATA.create_all(connection)
    return database


def write(database, user_id, count, text="x"):
    with database.begin() as connection:
        connection.execute(
            sa.insert(NOTE),
            [
                {
                    "user_id": user_id,
                    "written_at": f"2026-01-01 00:00:00.{number // 3:06}+00",
                    "number": number,
                    "text": text,
                    "secret": "s",
                }
                for number in range(count)
            ],
        )


def pages(database, user_id):
    token = ""
    while True:
        with database.read() as connection:
            document, token = export_page(connection, SECTIONS, user_id, TOKENS, token)
        yield json.loads(document)
        if not token:
            return


def test_every_row_of_the_person_comes_once(database):
    write(database, ADA, 700)
    write(database, GRACE, 5)
    found = list(pages(database, ADA))
    assert [list(page) for page in found] == [["none"], *[["notes"]] * 4, *[["again"]] * 4]
    notes = [record for page in found for record in page.get("notes", [])]
    assert [record["number"] for record in notes] == list(range(700))
    assert {record["user_id"] for record in notes} == {str(ADA)}
    assert set(notes[0]) == {"user_id", "written_at", "number", "text"}


def test_large_records_make_small_pages(database):
    write(database, ADA, 7, text="ü" * 400_000)
    sizes = [len(page["notes"]) for page in pages(database, ADA) if "notes" in page]
    assert sizes == [1] * 7


def test_somebody_without_anything_gets_empty_sections(database):
    assert list(pages(database, ADA)) == [{"none": []}, {"notes": []}, {"again": []}]


def test_anothers_page_token_is_refused(database):
    write(database, ADA, 300)
    with database.read() as connection:
        _document, token = export_page(connection, SECTIONS, ADA, TOKENS, "")
        with pytest.raises(Invalid):
            export_page(connection, SECTIONS, GRACE, TOKENS, token)
