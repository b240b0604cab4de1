"""Simulation time: it goes in ticks, stands still, jumps back."""
import time

from graph import header, running_client
import pytest
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

from unet_perception.images import to_message

SIMULATED = ('-p', 'use_sim_time:=true')


@pytest.fixture(scope='module')
def picture(recorded):
    return recorded[40][1]


def tick(clock, client, picture, number):
    """Do what CARLA does in a tick: publish the time and an image of that time."""
    clock.publish(Clock(clock=header(number).stamp))
    message = to_message(picture, 'rgb8', header(number))
    client.camera.publish(message)
    return message


def start(client):
    clock = client.create_publisher(Clock, '/clock', 10)
    client.wait(clock.get_subscription_count, what='the node to listen to /clock')
    return clock


def test_synchronous_mode_gives_one_mask_a_tick(tmp_path, picture):
    """The next tick comes when the mask has come, as a controller in the loop does it."""
    with running_client(tmp_path / 'log', *SIMULATED, qos=QoSProfile(depth=10)) as (_, client):
        clock, masks = start(client), client.received['mask']
        for number in range(1, 101):
            message = tick(clock, client, picture, number)
            client.wait(lambda: len(masks) == number, what=f'the mask of tick {number}')
            assert masks[-1].header == message.header
        counts = client.counts()
        assert counts == {'received': 100, 'processed': 100, 'dropped': 0, 'failed': 0,
                          'unread': 0}
        # In simulation time a mask is as old as the clock was when it came: nothing, for the
        # clock waited for it; its /clock message may come up to one tick late or early.
        assert abs(float(client.diagnostics['age p50 [ms]'])) <= 50


def test_ticks_faster_than_the_node_give_a_mask_or_a_counted_drop(tmp_path, picture):
    with running_client(tmp_path / 'log', *SIMULATED, qos=QoSProfile(depth=200)) as (_, client):
        clock, masks = start(client), client.received['mask']
        for number in range(1, 101):
            tick(clock, client, picture, number)
            time.sleep(0.002)
        counts = client.counts()
        assert counts['received'] == 100
        assert counts['dropped'] > 0
        assert counts['processed'] + counts['dropped'] == 100
        client.wait(lambda: len(masks) == counts['processed'])
        assert masks[-1].header == header(100)


def test_the_clock_may_jump_back_and_stand_still(tmp_path, picture):
    log = tmp_path / 'log'
    with running_client(log, *SIMULATED, qos=QoSProfile(depth=10)) as (_, client):
        clock, masks = start(client), client.received['mask']
        numbers = [*range(1000, 1010), *range(5, 15), *[15] * 5]  # a bag that loops; a stopped one
        for count, number in enumerate(numbers, 1):
            tick(clock, client, picture, number)
            client.wait(lambda: len(masks) == count, what=f'mask {count}')
        assert [m.header for m in masks] == [header(number) for number in numbers]
        assert 'time jumped back by 50.200 s' in log.read_text()
        client.counts()  # /diagnostics go on
        # Nothing is left of the time before the jump, when outputs would be -50 s old.
        assert abs(float(client.diagnostics['age p99 [ms]'])) <= 1000


def test_stamps_of_another_clock_are_told_from_old_ones(tmp_path, picture):
    with running_client(tmp_path / 'log') as (_, client):  # use_sim_time is false
        for number in range(30):
            client.segment(to_message(picture, 'rgb8', header(number)))
            time.sleep(0.1)
        assert client.levels['/camera'][0] == b'\x01'
        assert 'should use_sim_time be true?' in client.levels['/camera'][1]
