"""Hand over the newest item from one thread to another; older ones give way."""
import threading


class Newest:
    """A mailbox for one item. A late reader gets fresh data, never a queue of old data."""

    def __init__(self):
        self._condition = threading.Condition()
        self._item = None
        self._closed = False

    def put(self, item):
        """Leave an item; return True if it replaced one that nobody had taken."""
        with self._condition:
            replaced, self._item = self._item is not None, item
            self._condition.notify()
            return replaced

    def take(self):
        """Wait for an item and return it; return None once the mailbox is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._item is not None)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self):
        """Let every take(), now and later, return None."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
