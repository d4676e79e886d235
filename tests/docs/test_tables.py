"""Tables of the documentation that tell what the code has: they say the same."""

from pathlib import Path

from mockserver.faults import ENDPOINTS, WORDS
from mockserver.settings import READERS

PAGE = Path(__file__).parents[2].joinpath("docs", "testing.md").read_text("utf-8")


def row(word):
    option = f", `:{word.option}=...`" if word.option else ""
    calls = set(ENDPOINTS) - {"callback"}
    to = "any call" if set(word.endpoints) == calls else "anything" if set(word.endpoints) > calls else None
    return f"| `{word.written}`{option} | {word.does} | {to or ', '.join(word.endpoints)} |"


def test_faults_are_all_there():
    table = "\n".join(["| word | what happens | to |", "|---|---|---|", *map(row, WORDS.values())])
    assert table in PAGE, f"docs/testing.md should have this table:\n{table}"


def test_settings_of_the_marker_are_all_there():
    assert ", ".join(f"`{name}`" for name in READERS) in PAGE
