"""Recorded bags (rosbag2, mcap or sqlite3) as streams, without a ROS installation."""
from pathlib import Path
from typing import NamedTuple

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from unet_perception.images import to_picture
from unet_perception.labels import colors_to_tags, tags_to_labels


class BagError(ValueError):
    """A bag that cannot be read as asked; the message names the bag and what is wrong."""


class Message(NamedTuple):
    """A recorded message as it went over the wire.

    type: such as 'sensor_msgs/msg/Image'. time: when it was recorded, ns. data: CDR bytes.
    """

    topic: str
    type: str
    time: int
    data: bytes


def typestore():
    """Return the message types of ROS 2 Jazzy; images are the same in Humble and later."""
    return get_typestore(Stores.ROS2_JAZZY)


def read_messages(path, topics=None):
    """Stream the Messages of a bag in the order of their time, of all topics or some.

    Raise BagError if the bag cannot be opened or lacks one of the topics.
    """
    try:
        with AnyReader([Path(path)], default_typestore=typestore()) as reader:
            there = {c.topic for c in reader.connections}
            missing = set(topics or ()) - there
            if missing:
                raise BagError(f'{path} has no topic {", ".join(sorted(missing))}; '
                               f'it has {", ".join(sorted(there))}')
            wanted = [c for c in reader.connections if topics is None or c.topic in topics]
            for connection, time, data in reader.messages(wanted):
                yield Message(connection.topic, connection.msgtype, time, bytes(data))
    except (AnyReaderError, OSError) as error:
        raise BagError(f'{path} cannot be read as a bag: {error}') from error


def write_messages(path, messages):
    """Write Messages as a new mcap bag, compressed by chunks, which rviz2 and Foxglove read.

    Raise BagError if the path exists already.
    """
    if Path(path).exists():
        raise BagError(f'{path} exists already; move it away or take another name')
    writer = Writer(path, version=8, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    store, connections = typestore(), {}
    with writer:
        for message in messages:
            if message.topic not in connections:
                connections[message.topic] = writer.add_connection(
                    message.topic, message.type, typestore=store)
            writer.write(connections[message.topic], message.time, message.data)


def stamp_ns(header):
    """Return a message header's stamp in ns."""
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def read_images(path, topic):
    """Stream (stamp in ns, uint8 RGB image) of an Image topic."""
    store = typestore()
    for message in read_messages(path, [topic]):
        if message.type != 'sensor_msgs/msg/Image':
            raise BagError(f'{topic} in {path} is of type {message.type}, not sensor_msgs/msg/Image')
        image = store.deserialize_cdr(message.data, message.type)
        yield stamp_ns(image.header), to_picture(image).to_rgb()


def read_palette_labels(path, topic, scheme):
    """Stream (stamp in ns, uint8 labels) of a semantic camera as CARLA's ROS bridge publishes it.

    The bridge paints tags with the palette of the CARLA version's scheme. Raise ValueError on a
    colour outside that palette.
    """
    for stamp, rgb in read_images(path, topic):
        yield stamp, tags_to_labels(colors_to_tags(rgb, scheme), scheme)


def read_labels(path, topic):
    """Stream (stamp in ns, uint8 labels) of masks as the node publishes them: mono8 class ids."""
    for stamp, rgb in read_images(path, topic):
        yield stamp, rgb[..., 0]
