"""The mailbox between the camera callback and the worker."""
import threading
import time

from unet_perception.newest import Newest


def test_the_newest_item_of_each_source_replaces_the_one_waiting():
    box = Newest()
    assert not box.put('left', 'a')
    assert not box.put('right', 'b')
    assert box.put('left', 'c')
    assert box.take() == {'left': 'c', 'right': 'b'}
    assert not box.put('left', 'd')


def test_take_waits_for_an_item():
    box = Newest()
    threading.Timer(0.1, box.put, ['left', 'late']).start()
    begin = time.perf_counter()
    assert box.take() == {'left': 'late'}
    assert time.perf_counter() - begin > 0.05


def test_close_ends_a_waiting_take_and_every_later_one():
    box = Newest()
    threading.Timer(0.1, box.close).start()
    assert box.take() is None
    assert box.put('left', 'x')
    assert box.take() is None


def test_what_nobody_has_taken_is_left_at_the_end():
    box = Newest()
    box.put('left', 'a')
    assert box.close() == [('left', 'a')]


def test_with_room_items_wait_and_come_in_order_until_none_is_left():
    box = Newest()
    box.make_room(3)
    assert [box.put('left', i) for i in range(4)] == [False, False, False, True]
    box.make_room(1)  # holds once the three are taken
    assert box.take() == {'left': 0}
    assert not box.put('left', 4)
    assert [box.take() for _ in range(3)] == [{'left': 1}, {'left': 3}, {'left': 4}]
    assert [box.put('left', i) for i in range(2)] == [False, True]


def test_a_backlog_goes_even_if_the_reader_is_always_late():
    box = Newest()
    box.make_room(20)
    for i in range(20):
        box.put('left', i)
    box.make_room(1)
    for i in range(20, 400, 2):  # two come while one is read
        box.put('left', i)
        box.put('left', i + 1)
        taken = box.take()['left']
    assert taken >= 398


def test_every_item_is_taken_or_counted_as_replaced():
    box, taken = Newest(), []
    reader = threading.Thread(
        target=lambda: taken.extend(t['left'] for t in iter(box.take, None)))
    reader.start()
    replaced = sum(box.put('left', i) for i in range(20_000))
    while taken[-1:] != [19_999]:
        time.sleep(0.001)
    box.close()
    reader.join()
    assert len(taken) + replaced == 20_000
    assert taken == sorted(taken)
