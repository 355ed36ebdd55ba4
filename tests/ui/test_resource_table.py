"""The table on its own: what it asks for, what it repaints, where the cursor goes."""

from collections.abc import Sequence
from typing import Self

from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region

from console.present.columns import Column
from console.ui.theme import THEMES
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import Cells, ListSource

COLUMNS = (Column("id", "ID", 10, flex=1), Column("value", "VALUE", 8, "right"))


class Million:
    """A million rows that exist only when they are asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return 1_000_000

    def window(self, start: int, stop: int) -> Sequence[Cells]:
        self.asked.append((start, stop))
        return [((f"row-{index:06d}", ""), (str(index), "dim")) for index in range(start, min(stop, len(self)))]

    def position(self, key: str) -> int | None:
        return int(key)

    def key_at(self, index: int) -> str:
        return str(index)


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "dark"
        self.opened: list[str] = []

    def compose(self) -> ComposeResult:
        yield ResourceTable(COLUMNS)

    def on_resource_table_opened(self, message: ResourceTable.Opened) -> None:
        self.opened.append(message.key)

    @property
    def table(self) -> ResourceTable:
        return self.query_one(ResourceTable)

    def seen(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def source(*keys: str) -> ListSource[str]:
    return ListSource(list(keys), lambda key: key, lambda key: ((key, ""), (str(len(key)), "")))


async def test_only_visible_rows_of_a_million_are_asked_for() -> None:
    app, million = Host(), Million()
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.show(million)
        await pilot.pause()
        await pilot.press("pagedown", "pagedown", "G", "g", "down")
        await pilot.pause()
    assert max(stop - start for start, stop in million.asked) <= 19
    assert len(million.asked) < 20


async def test_moving_the_cursor_repaints_two_lines() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.show(Million())
        await pilot.pause()
        painted: list[Region] = []
        refresh = app.table.refresh

        def spy(*regions: Region, **options: bool) -> object:
            painted.extend(regions)
            return refresh(*regions, **options)

        app.table.refresh = spy  # type: ignore[method-assign, assignment]
        await pilot.press("down")
        await pilot.pause()
        assert sorted(region.y for region in painted) == [1, 2]


async def test_a_refresh_without_changes_repaints_nothing_and_one_change_one_line() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.show(source("a", "b", "c"))
        await pilot.pause()
        painted: list[Region] = []
        refresh = app.table.refresh

        def spy(*regions: Region, **options: bool) -> object:
            painted.extend(regions or (Region(0, -1, 1, 1),))
            return refresh(*regions, **options)

        app.table.refresh = spy  # type: ignore[method-assign, assignment]
        app.table.show(source("a", "b", "c"))
        assert painted == []
        app.table.show(source("a", "bb", "c"))
        assert [region.y for region in painted] == [2]


class Detached(ResourceTable):
    """A table without a terminal: the cursor's rules alone."""

    def _scroll_rows(self, top: int) -> bool:
        return False

    def _resize_content(self) -> None:
        pass

    def refresh(self, *regions: Region, **options: bool) -> Self:  # type: ignore[override]
        return self


KEYS = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=60, unique=True)


@given(KEYS, KEYS, st.integers(0, 59))
@settings(max_examples=60)
def test_the_cursor_follows_its_key(before: list[str], after: list[str], index: int) -> None:
    table = Detached(COLUMNS)
    table.source = source(*before)
    table.cursor = min(index, len(before) - 1)
    table.cursor_key = before[table.cursor]
    key = table.cursor_key
    table.show(source(*after))
    assert 0 <= table.cursor < len(after)
    assert table.cursor_key == after[table.cursor]
    if key in after:
        assert table.cursor_key == key
    else:
        assert table.cursor == min(before.index(key), len(after) - 1)


async def test_the_row_keeps_its_line_of_the_screen_when_rows_come_above_it() -> None:
    app = Host()
    async with app.run_test(size=(60, 10)) as pilot:
        app.table.show(source(*(f"k{index:02d}" for index in range(50))))
        await pilot.pause()
        await pilot.press("pagedown", "pagedown", "up", "up")
        await pilot.pause()
        line = next(y for y, text in enumerate(app.seen()) if text.startswith("▸"))
        key = app.table.selected
        app.table.show(source(*(f"j{index:02d}" for index in range(30)), *(f"k{index:02d}" for index in range(50))))
        await pilot.pause()
        assert app.table.selected == key
        assert app.seen()[line].startswith(f"▸ {key}")


async def test_a_shrinking_list_never_leaves_the_view_empty() -> None:
    app = Host()
    async with app.run_test(size=(60, 10)) as pilot:
        app.table.show(source(*(f"k{index:02d}" for index in range(50))))
        await pilot.pause()
        await pilot.press("G")
        app.table.show(source("k00", "k01"))
        await pilot.pause()
        assert [line[2:5] for line in app.seen()[1:3]] == ["k00", "k01"]
        app.table.show(source(), empty=[(("   nothing here", "dim"),)])
        await pilot.pause()
        assert "nothing here" in "\n".join(app.seen())
        await pilot.press("down", "pagedown", "G", "enter", "space")
        assert app.opened == []


async def test_enter_and_a_second_click_open() -> None:
    app = Host()
    async with app.run_test(size=(60, 10)) as pilot:
        app.table.show(source("a", "b", "c"))
        await pilot.pause()
        await pilot.press("enter")
        await pilot.click(ResourceTable, offset=(4, 3))
        assert app.table.selected == "c" and app.opened == ["a"]
        await pilot.click(ResourceTable, offset=(4, 3))
        await pilot.pause()
        assert app.opened == ["a", "c"]


async def test_markup_in_a_cell_is_text() -> None:
    app = Host()
    async with app.run_test(size=(60, 10)) as pilot:
        app.table.show(source("[/", "[@click=app.quit]x[/]", "[red]y"))
        await pilot.pause()
        assert [line[2:].split("  ")[0] for line in app.seen()[1:4]] == ["[/", "[@click=app.quit]x[/]", "[red]y"]


async def test_after_a_change_of_order_no_row_hides_above_a_view_that_stood_at_its_top() -> None:
    def rows(names: str) -> ListSource[str]:
        return ListSource(list(names), str, lambda name: ((name, ""), ("", "")))

    app = Host()
    async with app.run_test(size=(40, 6)) as pilot:
        await pilot.pause()
        table = app.table
        table.show(rows("abcdefghij"))
        table.move_to(1)
        table.show(rows("cdabefghij"))
        await pilot.pause()
        assert (table.selected, table.cursor, table.scroll_offset.y) == ("b", 3, 0)
        table.move_to(9)
        table.show(rows("jcdabefghi"))
        await pilot.pause()
        assert (table.selected, table.cursor) == ("j", 0)
