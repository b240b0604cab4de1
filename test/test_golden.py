"""The recorded drive through the node over DDS, held against golden masks."""
from golden import CAMERA, camera_messages, check

from unet_perception.replay import private_domain, Replay, running_node


def test_the_drive_comes_back_as_golden_masks(tmp_path):
    log = tmp_path / 'log'
    with private_domain(), running_node(['-r', f'__ns:={CAMERA}'], log) as process:
        replay = Replay(CAMERA)
        replay.play(camera_messages(), process, log)
        check(replay)
