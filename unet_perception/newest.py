"""Hand over the newest item of each source from callbacks to a worker; older ones give way."""
import threading


class Newest:
    """A mailbox with room for one item a source. A late reader gets fresh data, never a queue."""

    def __init__(self):
        self._condition = threading.Condition()
        self._items = {}
        self._closed = False

    def put(self, source, item):
        """Leave an item; return True if it replaced one of that source that nobody had taken."""
        with self._condition:
            replaced = source in self._items
            self._items[source] = item
            self._condition.notify()
            return replaced

    def take(self):
        """Wait for an item; return all that wait, by source. None once the mailbox is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._items)
            items, self._items = self._items, {}
            return None if self._closed else items

    def close(self):
        """Let every take(), now and later, return None."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
