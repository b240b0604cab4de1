"""The recorded drive: through the node over DDS to golden masks; twice, to the same bytes."""
from golden import CAMERA, camera_messages, check, DRIVE
import pytest

from unet_perception import segment_bag
from unet_perception.bags import read_messages
from unet_perception.replay import private_domain, Replay, running_node


def test_the_drive_comes_back_as_golden_masks(tmp_path):
    log = tmp_path / 'log'
    with private_domain(), running_node(['-r', f'__ns:={CAMERA}'], log) as process:
        replay = Replay(CAMERA)
        replay.play(camera_messages(), process, log)
        check(replay)


@pytest.mark.parametrize('precision', ['f32', 'auto'])
def test_the_same_bag_gives_the_same_bytes(tmp_path, precision):
    """Every message of two runs, the masks among them, bit for bit."""
    def run(name):
        assert segment_bag.main([str(DRIVE), '--out', str(tmp_path / name), '--precision',
                                 precision, '--outputs', 'mask,confidence']) == 0
        return list(read_messages(tmp_path / name))
    first, second = run('first'), run('second')
    assert first == second
    assert sum(m.topic.endswith('segmentation/mask') for m in first) == 121
