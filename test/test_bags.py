"""Bags: the shipped drive, writing and reading back, and the frames-to-bag command."""
import shutil

from conftest import CAMERA, DRIVE, SEMANTIC, write_drive
import cv2
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg
from std_msgs.msg import Header

from train import to_bag
from unet_perception import bags
from unet_perception.images import ImageError, to_message
from unet_perception.labels import tags_to_labels


def test_the_shipped_drive_is_what_the_bridge_publishes(recorded):
    messages = list(bags.read_messages(DRIVE))
    topics = {(m.topic, m.type) for m in messages}
    assert topics == {(f'{sensor}/{name}', f'sensor_msgs/msg/{kind}')
                      for sensor in (CAMERA, SEMANTIC)
                      for name, kind in (('image', 'Image'), ('camera_info', 'CameraInfo'))}
    assert len(recorded) == 121 and len(messages) == 4 * 121
    store = bags.typestore()
    image = store.deserialize_cdr(messages[0].data, messages[0].type)
    info = store.deserialize_cdr(messages[1].data, messages[1].type)
    assert (image.encoding, image.width, image.height) == ('bgra8', 160, 80)
    assert image.header == info.header
    assert image.header.frame_id == 'ego_vehicle/rgb_front'
    np.testing.assert_allclose(info.k, [80, 0, 80, 0, 80, 40, 0, 0, 1])  # 90 degrees
    assert set(np.diff([stamp for stamp, *_ in recorded])) == {50_000_000}  # 20 Hz


def test_the_licence_stands_beside_the_drive():
    text = (DRIVE / 'LICENSE').read_text()
    assert 'MIT License' in text and 'Copyright (c) 2019 Marcus Loo Vergara' in text


def test_frames_to_bag_and_back(recorded, tmp_path):
    pytest.importorskip('tensorflow', reason='train/ needs TensorFlow')
    write_drive(tmp_path / 'drive', [frame[1:] for frame in recorded[:5]])
    (tmp_path / 'names').write_text('00001\n00003\n')
    command = ['--data', str(tmp_path / 'drive'), '--scheme', 'A', '--rate', '10',
               '--only', str(tmp_path / 'names'), '--out', str(tmp_path / 'bag')]
    assert to_bag.main(command) == 0
    images = list(bags.read_images(tmp_path / 'bag', f'{CAMERA}/image'))
    labels = list(bags.read_palette_labels(tmp_path / 'bag', f'{SEMANTIC}/image', 'A'))
    assert [s for s, _ in images] == [1_000_000_000, 1_100_000_000] == [s for s, _ in labels]
    for (_, image), (_, truth), frame in zip(images, labels, (recorded[1], recorded[3])):
        np.testing.assert_array_equal(image, frame[1])
        np.testing.assert_array_equal(truth, tags_to_labels(frame[2], 'A'))
    assert to_bag.main(command) == 1  # never overwrites
    with pytest.raises(ValueError, match='scheme B'):
        list(bags.read_palette_labels(tmp_path / 'bag', f'{SEMANTIC}/image', 'B'))


def test_pixels_without_a_label_go_through_a_bag(recorded, tmp_path):
    pytest.importorskip('tensorflow', reason='train/ needs TensorFlow')
    _, image, tags = recorded[0]
    tags = tags.copy()
    tags[0] = 255
    write_drive(tmp_path / 'drive', [(image, tags)])
    assert to_bag.main(['--data', str(tmp_path / 'drive'), '--scheme', 'A',
                        '--out', str(tmp_path / 'bag')]) == 0
    (_, truth), = bags.read_palette_labels(tmp_path / 'bag', f'{SEMANTIC}/image', 'A')
    np.testing.assert_array_equal(truth, tags_to_labels(tags, 'A'))
    assert (truth[0] == 255).all() and (truth < 255).any()


def test_frames_that_make_no_bag_are_refused(recorded, tmp_path, capsys):
    pytest.importorskip('tensorflow', reason='train/ needs TensorFlow')
    _, image, tags = recorded[0]
    tags = tags.copy()
    tags[0] = 99
    write_drive(tmp_path / 'drive', [(image, tags)])
    command = ['--data', str(tmp_path / 'drive'), '--scheme', 'A', '--out', str(tmp_path / 'bag')]
    assert to_bag.main(command) == 1
    assert '00000.png: tag 99 is outside scheme A' in capsys.readouterr().err
    assert not (tmp_path / 'bag').exists()
    assert to_bag.main([*command, '--only', '/nope']) == 1
    for flag, value in (('--rate', '0'), ('--rate', 'nan'), ('--fov', '180'), ('--fov', '-1')):
        with pytest.raises(SystemExit):
            to_bag.main([*command, flag, value])
        assert f'argument {flag}: {float(value)} is not' in capsys.readouterr().err


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(bags.BagError, match='nothing'):
        list(bags.read_messages(tmp_path / 'nothing'))
    with pytest.raises(bags.BagError, match='has no topic /lidar; it has /carla'):
        list(bags.read_images(DRIVE, '/lidar'))
    with pytest.raises(bags.BagError, match='of type sensor_msgs/msg/CameraInfo'):
        list(bags.read_images(DRIVE, f'{CAMERA}/camera_info'))
    (tmp_path / 'empty').mkdir()
    with pytest.raises(bags.BagError, match='empty'):
        list(bags.read_messages(tmp_path / 'empty'))


def test_images_are_told_apart_by_their_stamps(tmp_path):
    first = next(bags.read_messages(DRIVE, [f'{CAMERA}/image']))
    bags.write_messages(tmp_path / 'bag', [first, first._replace(time=first.time + 1)])
    with pytest.raises(bags.BagError, match='two images of the stamp .* stamps must differ'):
        list(bags.read_images(tmp_path / 'bag', first.topic))


def test_compressed_images_are_read_as_raw_ones(recorded, tmp_path):
    store, kind = bags.typestore(), 'sensor_msgs/msg/CompressedImage'
    first = next(bags.read_messages(DRIVE, [f'{CAMERA}/image']))
    header, picture = bags.read_picture(first, store)
    data = cv2.imencode('.png', picture.pixels)[1]
    image = store.types[kind](header=header, format='bgra8; png compressed bgra8', data=data)
    bags.write_messages(tmp_path / 'bag', [
        bags.Message('/image', kind, 1, bytes(store.serialize_cdr(image, kind)))])
    (stamp, rgb), = bags.read_images(tmp_path / 'bag', '/image')
    assert stamp == recorded[0][0]
    np.testing.assert_array_equal(rgb, recorded[0][1])


def test_a_topic_without_images_is_named(tmp_path):
    store = bags.typestore()
    with Writer(tmp_path / 'bag', version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        writer.add_connection('/empty', bags.IMAGE, typestore=store)
        text = writer.add_connection('/text', 'std_msgs/msg/String', typestore=store)
        writer.write(text, 1, bytes(8))
    with pytest.raises(bags.BagError, match='/empty in .*bag holds no images'):
        list(bags.read_images(tmp_path / 'bag', '/empty'))
    with pytest.raises(bags.BagError, match='of type std_msgs/msg/String, not .*CompressedImage'):
        list(bags.read_images(tmp_path / 'bag', '/text'))
    assert list(bags.contents(tmp_path / 'bag')[0]) == ['/text']


def test_a_bag_of_ros_1_is_told_apart(tmp_path):
    (tmp_path / 'old.bag').write_bytes(b'#ROSBAG V2.0\n')
    with pytest.raises(bags.BagError, match='a bag of ROS 1; .* rosbags-convert --src .*old.bag'):
        list(bags.read_messages(tmp_path / 'old.bag'))


def test_a_bag_comes_to_be_only_when_it_is_whole(tmp_path):
    first = next(bags.read_messages(DRIVE))

    def breaking():
        yield first
        assert not (tmp_path / 'bag').exists()
        raise RuntimeError('no more')

    with pytest.raises(RuntimeError, match='no more'):
        bags.write_messages(tmp_path / 'bag', breaking())
    assert list(tmp_path.iterdir()) == []
    bags.write_messages(tmp_path / 'bag', [first])
    assert {path.name for path in tmp_path.rglob('*')} == {'bag', 'bag.mcap', 'metadata.yaml'}
    with pytest.raises(bags.BagError, match='exists already'):
        bags.write_messages(tmp_path / 'bag', [first])


def test_a_bags_own_message_types_are_carried_over(tmp_path):
    kind, store = 'carla_msgs/msg/CarlaStatus', bags.typestore()
    store.register(get_types_from_msg('uint64 frame', kind))
    status = bags.Message('/carla/status', kind, 1, bytes(12))
    bags.write_messages(tmp_path / 'bag', [status], store)
    types, known = bags.contents(tmp_path / 'bag')
    assert types == {'/carla/status': kind}
    bags.write_messages(tmp_path / 'copy', bags.read_messages(tmp_path / 'bag'), known)
    assert list(bags.read_messages(tmp_path / 'copy')) == [status]
    assert bags.contents(tmp_path / 'copy')[1].fielddefs[kind] == store.fielddefs[kind]


def flipped(raw):
    return raw[:len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 255]) + raw[len(raw) // 2 + 1:]


@pytest.mark.parametrize('name, damage', [
    ('town07_drive.mcap', flipped), ('town07_drive.mcap', lambda raw: raw[:len(raw) // 2]),
    ('metadata.yaml', lambda raw: b'{:' + raw), ('metadata.yaml', lambda raw: b''),
    ('metadata.yaml', lambda raw: b'[1]')])
def test_a_damaged_bag_is_named(tmp_path, name, damage):
    bag = tmp_path / 'bag'
    shutil.copytree(DRIVE, bag)
    (bag / name).write_bytes(damage((bag / name).read_bytes()))
    with pytest.raises(bags.BagError, match=f'{bag} cannot be read as a bag: [^\n]+$'):
        list(bags.read_messages(bag))


def test_a_damaged_image_in_a_bag_is_an_error_not_rubbish(recorded, tmp_path):
    store = bags.typestore()
    message = next(bags.read_messages(DRIVE))
    image = store.deserialize_cdr(message.data, message.type)
    image.height = 81
    bags.write_messages(tmp_path / 'bag', [message._replace(
        data=bytes(store.serialize_cdr(image, message.type)))])
    with pytest.raises(ImageError, match='does not fit together'):
        list(bags.read_images(tmp_path / 'bag', message.topic))
    bags.write_messages(tmp_path / 'cut', [message._replace(data=message.data[:99])])
    with pytest.raises(bags.BagError, match='image holds a message at .* ns that is no'):
        list(bags.read_images(tmp_path / 'cut', message.topic))


def test_labels_of_the_node_are_ids(recorded, tmp_path):
    """A mono8 mask must come back as its ids, not as a grey picture's RGB."""
    mask = recorded[0][2]
    data = serialize_message(to_message(mask, 'mono8', Header()))
    message = bags.Message('/mask', 'sensor_msgs/msg/Image', 1, data)
    bags.write_messages(tmp_path / 'bag', [message])
    (_, back), = bags.read_labels(tmp_path / 'bag', '/mask')
    np.testing.assert_array_equal(back, mask)
