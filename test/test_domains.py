"""Nodes of tests and commands that run beside each other do not hear each other."""
import os
import random

from conftest import domain

from unet_perception.replay import private_domain


def test_workers_of_a_run_have_ros_domains_of_their_own():
    first = set()
    for run in map(str, range(300)):
        domains = [domain(run, f'gw{number}') for number in range(16)]
        assert len(set(domains)) == 16 and min(domains) >= 1 and max(domains) <= 50
        first.add(domains[0])
    assert len(first) > 40  # other runs on the same machine mostly have another, too


def test_a_private_domain_is_no_seeds_and_the_environment_is_put_back():
    """A training seeds Python's generator: after it two processes took the same domain."""
    before, drawn = dict(os.environ), set()
    for _ in range(6):
        random.seed(1)
        with private_domain():
            drawn.add(os.environ['ROS_DOMAIN_ID'])
            assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
        assert dict(os.environ) == before
    assert len(drawn) > 1 and all(51 <= int(number) <= 101 for number in drawn)
