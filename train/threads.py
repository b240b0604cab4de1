"""Work on many things in a few threads, in order and in bounded memory."""
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from os import cpu_count


@contextmanager
def in_threads(work, items, chunk=1):
    """
    Give an iterator over work(item) of all items, in their order.

    Only a few chunks of so many items are taken ahead. At the end of the `with` block no thread
    works any more, whatever ended it: one that is at work while Python ends would abort it.
    """
    pool = ThreadPoolExecutor(cpu_count())
    try:
        yield _results(pool, work, iter(items), chunk)
    finally:
        pool.shutdown(cancel_futures=True)


def _results(pool, work, items, chunk):
    futures, most = deque(), 2 * cpu_count()
    while True:
        while len(futures) < most and (some := list(islice(items, chunk))):
            futures.append(pool.submit(lambda some: [work(item) for item in some], some))
        if not futures:
            return
        yield from futures.popleft().result()
