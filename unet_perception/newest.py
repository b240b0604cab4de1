"""Hand over the newest item of each source from callbacks to a worker; older ones give way."""
from collections import deque
import threading


class Newest:
    """A mailbox with room for one item a source. A late reader gets fresh data, never a queue."""

    def __init__(self):
        self._condition = threading.Condition()
        self._items = {}
        self._room = self._next_room = 1
        self._closed = False

    def make_room(self, room):
        """Let so many items of each source wait; to less than now it goes step by step."""
        with self._condition:
            self._next_room = room
            self._room = max(room, self._room) if self._items else room

    def put(self, source, item):
        """
        Leave an item; return True if one goes untaken for it.

        That is the newest of the same source that waits, if there is no room beside it, or this
        item, if the mailbox is closed.
        """
        with self._condition:
            if self._closed:
                return True
            waiting = self._items.setdefault(source, deque())
            replaced = len(waiting) >= self._room
            if replaced:
                waiting.pop()
            waiting.append(item)
            self._condition.notify()
            return replaced

    def take(self):
        """Wait for an item; return the first of each source. None once the mailbox is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._items)
            if self._closed:
                return None
            taken = {source: waiting.popleft() for source, waiting in self._items.items()}
            self._items = {source: waiting for source, waiting in self._items.items() if waiting}
            # Step by step, so that a backlog goes even if the reader is always late.
            self._room = max(self._next_room, self._room - 0.25 if self._items else 0)
            return taken

    def close(self):
        """Let every take(), now and later, return None; return (source, item) of all that wait."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
            left = [(source, item) for source, waiting in self._items.items() for item in waiting]
            self._items = {}
            return left
