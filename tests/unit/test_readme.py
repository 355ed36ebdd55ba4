"""What the README says of keys is what the registry of commands says."""

from pathlib import Path

from console.ui.commands import key_table

README = Path(__file__).parents[2] / "README.md"


def test_the_key_table_is_current():
    text = README.read_text(encoding="utf-8")
    begin, end = text.index("<!-- keys:begin -->"), text.index("<!-- keys:end -->")
    shown = text[begin:end].partition("\n")[2].strip()
    assert shown == key_table().strip(), "run: make docs"


def test_every_picture_exists():
    text = README.read_text(encoding="utf-8")
    for part in text.split("](")[1:]:
        target = part.partition(")")[0]
        if target.startswith("screenshots/"):
            assert (README.parent / target).is_file(), target
