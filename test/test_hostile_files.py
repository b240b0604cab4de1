"""Bags and pictures from anybody: what lies about its size is refused before memory is taken."""
from contextlib import closing
import os
import resource
import shutil
import sqlite3
import struct
import zlib

from conftest import DRIVE, frames_of, write_drive
import cv2
import lz4.frame
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from train.check import check_frames
from train.png import read_whole
from train.survey import survey
from unet_perception import bags
from unet_perception.bag_files import BagError, check_unpacking
from unet_perception.images import ImageError, MOST_PIXELS, to_picture
from unet_perception.recording import open_recording
from unet_perception.segment_bag import main as segment_bag
from unet_perception.sqlite_leaves import read_leaves
from zstandard import ZstdCompressor

GIB = 2**30


@pytest.fixture
def frugal():
    """Fail if a test takes more than 300 MB for itself."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def zeros(size):
    """Pack so many zero bytes with zstd, piece by piece; about 30,000 of them are one byte."""
    packer, piece = ZstdCompressor().compressobj(), bytes(2**24)
    return b''.join(packer.compress(piece) for _ in range(size // len(piece))) + packer.flush()


def mcap(path, packed, compression=b'zstd', told=1000):
    """Write an .mcap with one chunk that says it has `told` bytes unpacked."""
    head = struct.pack('<QQQII', 0, 0, told, 0, len(compression))
    chunk = head + compression + struct.pack('<Q', len(packed)) + packed
    magic = b'\x89MCAP0\r\n'
    header = struct.pack('<I', 4) + b'ros2' + struct.pack('<I', 0)
    path.write_bytes(magic + struct.pack('<BQ', 1, len(header)) + header
                     + struct.pack('<BQ', 6, len(chunk)) + chunk + magic)
    return path


def refused(path, message):
    """Let every way to read a bag refuse it."""
    for read in (check_unpacking, bags.contents, lambda p: list(bags.read_messages(p)),
                 lambda p: open_recording(p).__enter__()):
        with pytest.raises(BagError, match=message):
            read(path)


def test_a_chunk_that_unpacks_to_gigabytes(tmp_path, frugal):
    refused(mcap(tmp_path / 'bag.mcap', zeros(GIB + 2**24)), 'more than 1073741824 bytes')


def test_a_chunk_of_many_small_frames(tmp_path, frugal):
    """Each of them honest; zstd unpacks one behind the other."""
    refused(mcap(tmp_path / 'bag.mcap', zeros(2**28) * 5), 'more than 1073741824 bytes')


def test_a_chunk_of_lz4(tmp_path, frugal):
    packed = lz4.frame.compress(bytes(2**26)) * 17
    refused(mcap(tmp_path / 'bag.mcap', packed, b'lz4'), 'more than 1073741824 bytes')


def test_a_chunk_that_says_it_is_huge(tmp_path, frugal):
    refused(mcap(tmp_path / 'bag.mcap', zeros(2**24), told=2**60), f'says it has {2**60} bytes')


def test_a_chunk_that_wants_a_huge_window(tmp_path, frugal):
    frame = struct.pack('<I', 0xFD2FB528) + bytes([0b00000000, 21 << 3]) + bytes(20)  # 2 GiB
    refused(mcap(tmp_path / 'bag.mcap', frame), 'cannot be unpacked: .*memory')


def test_a_record_longer_than_its_file(tmp_path, frugal):
    path = mcap(tmp_path / 'bag.mcap', b'')
    data = bytearray(path.read_bytes())
    at = data.index(b'\x06', 8 + 9)
    data[at + 1:at + 9] = struct.pack('<Q', 2**62)
    path.write_bytes(data)
    with pytest.raises(BagError, match='cannot be read as a bag|holds no messages'):
        list(bags.read_messages(path))
    with pytest.raises(BagError, match='cannot be read as a bag|holds no messages'):
        open_recording(path).__enter__()


def sqlite3_bag(path, data):
    """Write a .db3 with one message of one topic."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute('CREATE TABLE topics(id INTEGER PRIMARY KEY, name, type, '
                         'serialization_format, offered_qos_profiles)')
        database.execute('CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, '
                         'timestamp INTEGER, data BLOB)')
        database.execute("INSERT INTO topics VALUES(1, '/image', 'sensor_msgs/msg/Image', 'cdr',"
                         " '')")
        database.execute('INSERT INTO messages VALUES(1, 1, 1, ?)', (data,))
    return path


def test_a_compressed_message_of_gigabytes(tmp_path, frugal):
    path = sqlite3_bag(tmp_path / 'bag.db3', zeros(GIB + 2**24))
    with pytest.raises(BagError, match='more than 1073741824 bytes'):
        open_recording(path).__enter__()


def test_an_sqlite_message_longer_than_its_file(tmp_path, frugal):
    """For its pages may follow one another in a circle, for as long as it says it is."""
    path = sqlite3_bag(tmp_path / 'bag.db3', bytes(20_000))
    data, size = bytearray(path.read_bytes()), 4096
    leaf = next(at for at in range(2 * size, len(data), size) if data[at] == 13)
    cell = leaf + int.from_bytes(data[leaf + 8:leaf + 10], 'big')
    assert 128 <= data[cell] and 128 <= data[cell + 1] and data[cell + 2] < 128  # 3 bytes long
    data[cell:cell + 3] = b'\xff\xff\x7f'  # 2,097,151
    path.write_bytes(data)
    with pytest.raises(EOFError, match='a message is longer than the file'):
        list(read_leaves(path))


def test_honest_bags_pass():
    check_unpacking(DRIVE)


def test_segment_bag_says_so_in_a_line(tmp_path, capsys):
    mcap(tmp_path / 'bag.mcap', zeros(GIB + 2**24))
    assert segment_bag([str(tmp_path / 'bag.mcap'), '--out', str(tmp_path / 'out')]) == 1
    assert 'unpacks to more than' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def png(width, height, rows=b'', color=2, packed=None):
    """Return a PNG whose head says this size, with as many rows as are given, or so packed."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack(
            '>I', zlib.crc32(kind + data))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, color,
                                                              0, 0, 0))
            + chunk(b'IDAT', zlib.compress(rows) if packed is None else packed)
            + chunk(b'IEND', b''))


@pytest.mark.parametrize('width, height', [(60_000, 60_000), (2**31 - 1, 2**31 - 1),
                                           (1, MOST_PIXELS + 1), (0, 100)])
def test_a_compressed_image_that_lies(width, height, frugal):
    with pytest.raises(ImageError, match=f'say that they are {width}x{height}|no image'):
        to_picture(CompressedImage(format='png', data=png(width, height)))


def test_a_jpeg_that_lies(frugal):
    data = bytearray(cv2.imencode('.jpg', np.zeros((80, 160, 3), np.uint8))[1])
    at = data.index(b'\xff\xc0')
    data[at + 5:at + 9] = struct.pack('>HH', 65_500, 65_500)
    with pytest.raises(ImageError, match='say that they are 65500x65500 pixels'):
        to_picture(CompressedImage(format='jpeg', data=bytes(data)))


def test_other_formats_than_jpeg_and_png(frugal):
    """For OpenCV has readers of a dozen formats; a camera needs two."""
    for extension in ('.bmp', '.tiff', '.webp', '.hdr', '.pbm'):
        pixels = np.zeros((8, 8, 3), np.float32 if extension == '.hdr' else np.uint8)
        data = bytes(cv2.imencode(extension, pixels)[1])
        with pytest.raises(ImageError, match='are no image that can be read; send JPEG or PNG'):
            to_picture(CompressedImage(format='jpeg', data=data))


def test_a_frame_of_a_drive_that_lies(tmp_path, frugal):
    (tmp_path / 'a.png').write_bytes(png(60_000, 60_000))
    with pytest.raises(ValueError, match='a.png says that it is 60000x60000 pixels'):
        read_whole(tmp_path / 'a.png', 'save it anew')


@pytest.mark.parametrize('name', ['CameraRGB/00000.png', 'CameraMask/00000.png', 'drive.json'])
def test_a_file_of_a_drive_that_has_no_end_or_is_huge(tmp_path, frugal, name):
    write_drive(tmp_path, [(np.zeros((8, 12, 3), np.uint8), np.ones((8, 12), np.uint8))])
    path = tmp_path / name
    path.touch()
    os.truncate(path, 2**36)  # takes no space
    with pytest.raises(ValueError, match=f'{path.name} has {2**36} bytes, but at most'):
        check_frames(frames_of(tmp_path))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f'{path.name} is not a file'):
        check_frames(frames_of(tmp_path))


NO_PIXELS = 'is a PNG file whose pixels cannot be decoded'


@pytest.mark.parametrize('folder', ['CameraRGB', 'CameraMask'])
@pytest.mark.parametrize('data, message', [
    (png(12, 8, packed=b''), NO_PIXELS),
    (png(12, 8, packed=b'garbage'), NO_PIXELS),
    (png(12, 8, bytes(7 * 37)), NO_PIXELS),  # one row is missing
    (png(12, 8, b'\x09' * 8 * 37), NO_PIXELS),  # rows of no known filter
    (png(12, 8, bytes(8 * 37), color=5), 'is a PNG of 8-bit 5'),
    (png(2**21, 1), 'says that it is 2097152x1 pixels; .* up to 1000000 on a side')])
def test_a_png_of_right_checksums_that_is_no_picture(tmp_path, folder, data, message):
    """Before a training, an evaluation or a report meets it."""
    write_drive(tmp_path, [(np.zeros((8, 12, 3), np.uint8), np.ones((8, 12), np.uint8))] * 2)
    (tmp_path / folder / '00001.png').write_bytes(data)
    frames = frames_of(tmp_path)
    with pytest.raises(ValueError, match=f'{folder}/00001.png {message}'):
        check_frames(frames)
    assert '00001.png' in survey(frames[0].drive, frames).bad[0]


def test_a_bag_that_is_whole_is_read_as_before(tmp_path):
    copied = shutil.copytree(DRIVE, tmp_path / 'bag')
    assert len(list(bags.read_messages(copied))) == 4 * 121
