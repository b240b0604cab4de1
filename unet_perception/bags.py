"""Recorded bags (rosbag2, mcap or sqlite3) as streams, without a ROS installation."""
from contextlib import contextmanager
from pathlib import Path
import sqlite3
import tempfile
from typing import NamedTuple

from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from unet_perception.bag_files import BagError, check_unpacking
from unet_perception.images import to_picture
from unet_perception.labels import colors_to_tags, tags_to_labels

IMAGE = 'sensor_msgs/msg/Image'
IMAGES = (IMAGE, 'sensor_msgs/msg/CompressedImage')


class Message(NamedTuple):
    """
    A recorded message as it went over the wire.

    type: such as 'sensor_msgs/msg/Image'. time: when it was recorded, ns. data: CDR bytes.
    """

    topic: str
    type: str  # noqa: A003
    time: int
    data: bytes


def typestore():
    """Return the message types of ROS 2 Jazzy; images are the same in Humble and later."""
    return get_typestore(Stores.ROS2_JAZZY)


def contents(path):
    """
    Return what a bag holds: {topic: type} of the topics with messages, and a typestore.

    The typestore knows the bag's own message definitions, and beyond them ROS 2 Jazzy's.
    Raise BagError if the bag cannot be opened.
    """
    with _reading(path) as reader:
        store = get_typestore(Stores.EMPTY)
        store.register(reader.typestore.fielddefs)
        store.register({name: definition for name, definition in typestore().fielddefs.items()
                        if name not in store.fielddefs})
        return {c.topic: c.msgtype for c in reader.connections if c.msgcount}, store


def read_messages(path, topics=None):
    """
    Stream the Messages of a bag in the order of their time, of all topics or some.

    Raise BagError if the bag cannot be opened, is damaged or lacks one of the topics.
    """
    with _reading(path) as reader:
        there = {c.topic for c in reader.connections}
        missing = set(topics or ()) - there
        if missing:
            raise BagError(f'{path} has no topic {", ".join(sorted(missing))}; '
                           f'it has {", ".join(sorted(there)) or "none"}')
        wanted = [c for c in reader.connections if topics is None or c.topic in topics]
        for connection, time, data in reader.messages(wanted):
            yield Message(connection.topic, connection.msgtype, time, bytes(data))


@contextmanager
def _reading(path):
    """Open a bag. Whatever goes wrong in reading it becomes a BagError."""
    refuse_ros1(path)
    try:
        check_unpacking(Path(path))
        with AnyReader([Path(path)], default_typestore=typestore()) as reader:
            yield reader
    except BagError:
        raise
    except OSError as error:
        raise BagError(f'{path} cannot be read as a bag: {error}') from error
    except Exception as error:  # rosbags trusts the bytes, so damage may raise anything
        why = ' '.join(str(error).split()) or repr(error)
        raise BagError(f'{path} cannot be read as a bag: {why}; if it is damaged or cut off, copy '
                       f'it again or try `ros2 bag reindex`') from error


def refuse_ros1(path):
    """Raise BagError if the path is a bag of ROS 1."""
    if Path(path).suffix == '.bag' and not Path(path).is_dir():
        raise BagError(f'{path} is a bag of ROS 1; convert it, then take the new one: '
                       f'rosbags-convert --src {path} --dst {Path(path).with_suffix("")}')


@contextmanager
def new_bag(path, storage='mcap', compressed=True):
    """
    Open a rosbags Writer for a new bag, which comes to be only once it is whole.

    It is written beside the path and takes its name at the end; after an error nothing is left.
    storage: 'mcap' or 'sqlite3'. compressed: with zstd, an mcap by chunks, which rviz2 and
    Foxglove read, an sqlite3 by messages. Raise BagError if the path exists, if the disk is full,
    or if a time is too late for sqlite3.
    """
    path = Path(path)
    if path.exists():
        raise BagError(f'{path} exists already; move it away or take another name')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f'.{path.name}.', dir=path.parent) as folder:
            writer = Writer(Path(folder, path.name), version=8,  # the last that Humble reads
                            storage_plugin=StoragePlugin[storage.upper()])
            if compressed:
                writer.set_compression(CompressionMode.STORAGE if storage == 'mcap'
                                       else CompressionMode.MESSAGE, CompressionFormat.ZSTD)
            with writer:
                yield writer
            writer.path.rename(path)
    except (OSError, sqlite3.Error) as error:
        raise BagError(f'{path} is not written: {error}') from error
    except OverflowError as error:
        raise BagError(f'{path} is not written: a message has a time of 2^63 ns or more, which '
                       f'{storage} does not hold; mcap does') from error


def write_messages(path, messages, store=None):
    """
    Write Messages as a new mcap bag, compressed by chunks.

    store: knows the types of the messages, see contents(); by default ROS 2 Jazzy's.
    Raise BagError if the path exists already.
    """
    store, connections = store or typestore(), {}
    with new_bag(path) as writer:
        for message in messages:
            if message.topic not in connections:
                connections[message.topic] = writer.add_connection(
                    message.topic, message.type, typestore=store)
            writer.write(connections[message.topic], message.time, message.data)


def stamp_ns(header):
    """Return a message header's stamp in ns."""
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def read_picture(message, store):
    """
    Return the header and the Picture of a Message of an image topic.

    Raise BagError if it is no such message, ImageError if its picture cannot be read.
    """
    try:
        image = store.deserialize_cdr(message.data, message.type)
    except Exception as error:  # as in _reading()
        raise BagError(f'{message.topic} holds a message at {message.time} ns that is no '
                       f'{message.type}: {error!r}; record it again') from error
    return image.header, to_picture(image)


def read_images(path, topic):
    """
    Stream (stamp in ns, uint8 RGB image) of an Image or CompressedImage topic.

    Raise BagError if there are none, if they are of another type or if two have the same stamp,
    ImageError if one cannot be read.
    """
    store, stamps = typestore(), set()
    for message in read_messages(path, [topic]):
        if message.type not in IMAGES:
            raise BagError(f'{topic} in {path} is of type {message.type}, not '
                           f'{" or ".join(IMAGES)}')
        header, picture = read_picture(message, store)
        stamp = stamp_ns(header)
        if stamp in stamps:
            raise BagError(f'{topic} in {path} holds two images of the stamp {stamp} ns; stamps '
                           f'must differ, for they tell which outputs belong to which frame')
        stamps.add(stamp)
        yield stamp, picture.to_rgb()
    if not stamps:
        raise BagError(f'{topic} in {path} holds no images; record it while the camera runs')


def read_palette_labels(path, topic, scheme):
    """
    Stream (stamp in ns, uint8 labels) of a semantic camera as CARLA's ROS bridge publishes it.

    The bridge paints tags with the palette of the CARLA version's scheme. Raise ValueError on a
    colour outside that palette.
    """
    for stamp, rgb in read_images(path, topic):
        yield stamp, tags_to_labels(colors_to_tags(rgb, scheme), scheme)


def read_labels(path, topic):
    """Stream (stamp in ns, uint8 labels) of masks as the node publishes them: mono8 class ids."""
    for stamp, rgb in read_images(path, topic):
        yield stamp, rgb[..., 0]
