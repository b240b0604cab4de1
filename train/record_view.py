"""What train.record shows while it records: how far it is, and which classes are still rare."""
from rich.box import SIMPLE
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from train.record_messages import Kept
from unet_perception.carla_guard import Note
from unet_perception.labels import NAMES

COLUMNS = 3
RARE = 0.001  # share of pixels


class View:
    """A live display of one drive, from the start to the end of a `with` block."""

    def __init__(self, title, frames, total, console):
        self._bar = Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
                             TextColumn('frames {task.fields[about]}'), TimeRemainingColumn(),
                             console=console)
        self._task = self._bar.add_task(title, total=total, completed=frames, about='')
        self._live = Live(self._bar, console=console, refresh_per_second=4)
        self._console, self._begun = console, False

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *_):
        self._live.stop()
        if not self._console.is_terminal:  # there it has not begun a new line
            self._console.print()

    def show(self, message):
        """Show what was Kept, Steps until there is something, and Notes above the display."""
        if isinstance(message, Note):
            self._console.print(f'note: {message.text}', markup=False, highlight=False)
        elif isinstance(message, Kept):
            self._frame(message)
        elif not self._begun:
            self._bar.update(self._task, about=message.text)

    def _frame(self, message):
        self._begun = True
        self._bar.update(self._task, completed=message.frames, about=f'{message.speed:.0f} km/h')
        self._live.update(Group(self._bar, classes(message.pixels, message.seen,
                                                   message.frames)))


def classes(pixels, seen, frames):
    """
    Return a table of the 23 classes: their share of the pixels, the frames that have seen them.

    pixels, seen: int (23,), pixels and frames with the class. Rare ones stand out.
    """
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for _ in range(COLUMNS):
        table.add_column('class', no_wrap=True)
        table.add_column('share', justify='right', no_wrap=True)
        table.add_column('seen', justify='right', no_wrap=True)
    rows = -(-len(NAMES) // COLUMNS)
    cells = []
    for name, count, some in zip(NAMES, pixels, seen):
        share = count / max(1, pixels.sum())
        style = 'red' if not count else 'yellow' if share < RARE else ''
        cells.append([f'[{style}]{text}[/]' if style else text for text in (
            name, 'none' if not count else f'{share:.1%}' if share >= RARE else '<0.1%',
            f'{some / max(1, frames):.0%}')])
    cells += [['', '', '']] * (rows * COLUMNS - len(cells))
    for row in range(rows):
        table.add_row(*(text for column in range(COLUMNS) for text in cells[row + column * rows]))
    return table
