"""Bags as recorders leave them: whole, split, compressed, killed, cut off, damaged."""
from contextlib import closing
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap

from conftest import DRIVE
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from unet_perception import bags
from unet_perception.recording import open_recording


@pytest.fixture(scope='module')
def messages():
    """Return 200 messages of the drive: 50 of each of four topics."""
    return list(bags.read_messages(DRIVE))[:200]


def write(path, messages, plugin, compression=CompressionMode.NONE):
    """Write a bag by rosbags' own means."""
    store, connections = bags.typestore(), {}
    writer = Writer(path, version=8, storage_plugin=plugin)
    writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        for m in messages:
            if m.topic not in connections:
                connections[m.topic] = writer.add_connection(m.topic, m.type, typestore=store)
            writer.write(connections[m.topic], m.time, m.data)
    return path


def read(path):
    """Return what open_recording() gives: messages and breaks."""
    with open_recording(path) as recording:
        count = recording.message_count
        there = list(recording.messages())
        assert count == len(there) or 'is damaged' in recording.breaks[-1]
        return there, recording.breaks


@pytest.mark.parametrize('plugin, compression', [
    (StoragePlugin.MCAP, CompressionMode.NONE), (StoragePlugin.MCAP, CompressionMode.STORAGE),
    (StoragePlugin.MCAP, CompressionMode.FILE), (StoragePlugin.SQLITE3, CompressionMode.NONE),
    (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    (StoragePlugin.SQLITE3, CompressionMode.FILE)])
def test_a_whole_bag_of_any_kind(tmp_path, messages, plugin, compression):
    bag = write(tmp_path / 'bag', messages, plugin, compression)
    assert read(bag) == (messages, [])
    with open_recording(bag) as recording:
        assert recording.storage == plugin.name.lower()
        assert recording.compressed == (compression != CompressionMode.NONE)
        assert recording.seconds == (messages[-1].time - messages[0].time) / 1e9
    if compression != CompressionMode.FILE:
        single, = (file for file in bag.iterdir() if file.suffix in ('.mcap', '.db3'))
        assert read(single) == (messages, [])


def test_a_split_bag_without_metadata_is_read_in_the_order_of_time(tmp_path, messages):
    """Of 11 parts, rosbag2 names the last bag_10, which sorts before bag_2."""
    (tmp_path / 'bag').mkdir()
    for part in range(11):
        write(tmp_path / f'bag_{part}', messages[18 * part:18 * (part + 1)], StoragePlugin.MCAP)
        shutil.move(tmp_path / f'bag_{part}' / f'bag_{part}.mcap', tmp_path / 'bag')
    whole, breaks = read(tmp_path / 'bag')
    assert whole == messages[:198]
    assert len(breaks) == 1 and 'has no metadata.yaml' in breaks[0]
    assert f'read up to the break at {whole[-1].time / 1e9:.3f} s, 198 messages' in breaks[0]


def test_a_split_bag_whose_last_part_breaks_off(tmp_path, messages):
    """The recorder was killed: the parts before are whole, metadata.yaml is missing."""
    (tmp_path / 'bag').mkdir()
    for part, plugin in enumerate([StoragePlugin.MCAP] * 2):
        write(tmp_path / f'bag_{part}', messages[100 * part:100 * (part + 1)], plugin)
        shutil.move(tmp_path / f'bag_{part}' / f'bag_{part}.mcap', tmp_path / 'bag')
    cut(tmp_path / 'bag' / 'bag_1.mcap', 0.5)
    there, breaks = read(tmp_path / 'bag')
    assert 100 < len(there) < 200 and there == messages[:len(there)]
    assert len(breaks) == 1 and 'bag_1.mcap breaks off: the file ends too early' in breaks[0]


def cut(file, share):
    """Cut off a file behind a share of its bytes."""
    os.truncate(file, int(file.stat().st_size * share))


@pytest.mark.parametrize('compression', list(CompressionType))
def test_a_cut_mcap_is_read_up_to_the_break(tmp_path, messages, compression):
    """Also inside its last chunk, as far as that can be unpacked."""
    whole = tmp_path / 'whole.mcap'
    with open(whole, 'wb') as file:
        writer = McapWriter(file, chunk_size=4_000_000, compression=compression)
        writer.start('ros2')
        channels = {}
        for m in messages:
            if m.topic not in channels:
                text = bags.typestore().generate_msgdef(m.type, ros_version=2)[0]
                schema = writer.register_schema(m.type, 'ros2msg', text.encode())
                channels[m.topic] = writer.register_channel(m.topic, 'cdr', schema)
            writer.add_message(channels[m.topic], m.time, m.data, m.time)
        writer.finish()
    assert read(whole) == (messages, [])
    counts = []
    for share in (0.001, 0.1, 0.3, 0.5, 0.9, 0.99, 0.999):
        part = tmp_path / 'part.mcap'
        shutil.copy(whole, part)
        cut(part, share)
        if share == 0.001:
            with pytest.raises(bags.BagError, match='holds no messages; .* nothing could be read'):
                read(part)
            continue
        there, breaks = read(part)
        assert there == messages[:len(there)]
        assert f'{part} breaks off: the file ends too early; read up to the break' in breaks[0]
        counts.append(len(there))
    assert counts == sorted(counts) and counts[0] > 0 and counts[-1] > 195
    assert len(set(counts)) >= 4  # there are two chunks only


@pytest.mark.parametrize('share', [0.05, 0.3, 0.5, 0.9, 0.999])
def test_a_cut_sqlite3_is_read_up_to_the_break(tmp_path, messages, share):
    bag = write(tmp_path / 'bag', messages, StoragePlugin.SQLITE3)
    cut(bag / 'bag.db3', share)
    there, breaks = read(bag)
    assert there == messages[:len(there)]
    assert share - 0.05 <= len(there) / 200 < 1
    assert 'bag.db3 breaks off: the file ends too early; read up to' in breaks[0]
    assert sorted(file.name for file in bag.iterdir()) == ['bag.db3', 'metadata.yaml']


@pytest.mark.parametrize('size', [20, 3000, 4060, 9000])
def test_a_cut_sqlite3_of_many_messages(tmp_path, size):
    """None of these does SQLite itself read: the upper pages of its tree are missing."""
    messages = [bags.Message('/text', 'std_msgs/msg/String', i + 2**(i % 50), os.urandom(size + i))
                for i in range(1500)]
    bag = write(tmp_path / 'bag', messages, StoragePlugin.SQLITE3)
    cut(bag / 'bag.db3', 0.3)
    there, breaks = read(bag)
    assert there == messages[:len(there)]
    assert len(there) > 200 and 'the file ends too early' in breaks[0]


@pytest.mark.parametrize('leaf', [True, False])
def test_a_sqlite3_with_damage_inside_is_read_up_to_it(tmp_path, messages, leaf):
    """A page that was never written: one of the tree's leaves, or one with a message's data."""
    bag = write(tmp_path / 'bag', messages, StoragePlugin.SQLITE3)
    with open(bag / 'bag.db3', 'r+b') as file:
        content = file.read()
        page = len(content) // 2 // 4096 * 4096
        while (content[page] == 13) != leaf:
            page += 4096
        file.seek(page)
        file.write(bytes(4096))
    there, breaks = read(bag)
    assert 80 < len(there) < 120 and there == messages[:len(there)]
    assert ('is missing' if leaf else 'is damaged: ') in breaks[0]


def test_a_recorder_that_was_killed_with_a_write_ahead_log(tmp_path, messages):
    """rosbag2's resilient preset for sqlite3. rosbags would see no message of it."""
    bag = write(tmp_path / 'bag', messages[:4], StoragePlugin.SQLITE3)
    (bag / 'metadata.yaml').unlink()
    subprocess.run([sys.executable, '-c', textwrap.dedent(f"""
        import os, sqlite3
        database = sqlite3.connect({str(bag / 'bag.db3')!r})
        database.execute('PRAGMA journal_mode = WAL')
        database.execute('INSERT INTO messages SELECT id + 4, topic_id, timestamp + 9, data '
                         'FROM messages')
        database.commit()
        os._exit(1)""")])
    there, breaks = read(bag)
    assert there == messages[:4] + [m._replace(time=m.time + 9) for m in messages[:4]]
    assert 'has no metadata.yaml' in breaks[0]


def test_messages_that_were_compressed_one_by_one_by_a_recorder_that_was_killed(
        tmp_path, messages):
    bag = write(tmp_path / 'bag', messages, StoragePlugin.SQLITE3, CompressionMode.MESSAGE)
    (bag / 'metadata.yaml').unlink()
    assert read(bag)[0] == messages


def test_a_bag_with_damage_inside_is_read_up_to_it(tmp_path, messages):
    bag = write(tmp_path / 'bag', messages, StoragePlugin.MCAP, CompressionMode.STORAGE)
    with open(bag / 'bag.mcap', 'r+b') as file:
        file.seek((bag / 'bag.mcap').stat().st_size // 2)
        file.write(bytes(1000))
    there, breaks = read(bag)
    assert 20 < len(there) < 180 and there == messages[:len(there)]
    assert 'is damaged: ' in breaks[0] and f', {len(there)} messages' in breaks[0]


def test_messages_that_the_metadata_promises_are_missed(tmp_path, messages):
    bag = write(tmp_path / 'bag', messages, StoragePlugin.SQLITE3)
    with closing(sqlite3.connect(bag / 'bag.db3')) as database:
        database.execute('DELETE FROM messages WHERE id > 100')
        database.commit()
    with open_recording(bag) as recording:
        assert list(recording.messages()) == messages[:100]
        assert recording.breaks == [f'{bag} should hold 200 messages, but has 100']


def test_what_is_no_bag_is_named(tmp_path, messages):
    packed = write(tmp_path / 'packed', messages[:4], StoragePlugin.MCAP, CompressionMode.FILE)
    (packed / 'metadata.yaml').unlink()
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'old.bag').write_bytes(b'#ROSBAG V2.0\n')
    (tmp_path / 'text.mcap').write_text('no bag')
    for name, words in (('nothing', 'No such file'), ('empty', 'no .mcap or .db3 file'),
                        ('old.bag', 'rosbags-convert'), ('text.mcap', 'holds no messages'),
                        ('packed', 'zstd -d .*packed.mcap.zstd')):
        with pytest.raises(bags.BagError, match=words):
            read(tmp_path / name)
