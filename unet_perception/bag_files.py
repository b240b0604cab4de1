"""Look at the files of a bag, which may be from anybody, before what they hold is unpacked."""
from contextlib import closing
import io
import os
import shutil
import sqlite3
import struct
import tempfile

import lz4.frame
from zstandard import ZstdDecompressor, ZstdError

ZSTD = b'\x28\xb5\x2f\xfd'  # what zstd has compressed starts so; CDR starts with 0
MOST_UNPACKED = 2**30  # bytes of a chunk or of a message
_MOST_WINDOW = 2**27  # bytes that zstd may ask for to unpack; rosbag2's files need 8 MiB
_CHUNK, _CHUNK_HEAD = 6, '<QQQII'  # https://mcap.dev/spec: opcode; up to the compression's name


class BagError(ValueError):
    """A bag that cannot be read as asked; the message names the bag and what is wrong."""


def check_unpacking(path):
    """
    Raise BagError if a part of a bag would unpack to more than is sane.

    path: the bag's folder or one of its files. A chunk or message may have MOST_UNPACKED bytes; a
    file that is compressed as a whole, as many as the disk has left. What is damaged in another
    way is left to whoever reads the bag. Raise OSError if there is none.
    """
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.name.endswith(('.mcap.zstd', '.db3.zstd')):
            with open(file, 'rb') as packed:
                _count(_zstd(packed), shutil.disk_usage(tempfile.gettempdir()).free, file)
        elif file.suffix == '.mcap':
            for size, kind, packed in _chunks(file):
                if size > MOST_UNPACKED:
                    raise BagError(f'{file} has a chunk that says it has {size} bytes; at most '
                                   f'{MOST_UNPACKED} are unpacked')
                packed = io.BytesIO(packed)
                _count(_zstd(packed) if kind == b'zstd' else lz4.frame.open(packed),
                       MOST_UNPACKED, file)
        elif file.suffix == '.db3':
            for packed in _messages(file):
                _count(_zstd(io.BytesIO(packed)), MOST_UNPACKED, file)


def _zstd(packed):
    return ZstdDecompressor(max_window_size=_MOST_WINDOW).stream_reader(
        packed, read_across_frames=True)


def _count(stream, most, file):
    """Unpack a stream piece by piece, keeping nothing; raise BagError at more than most bytes."""
    total, piece = 0, bytearray(2**20)
    try:
        while count := stream.readinto(piece):
            total += count
            if total > most:
                raise BagError(f'{file} holds something that unpacks to more than {most} bytes, '
                               f'which no camera records; it is not read')
    except ZstdError as error:
        if 'memory' in str(error):  # of the window
            raise BagError(f'{file} cannot be unpacked: {error}') from error
    except (OSError, EOFError, RuntimeError):  # damaged
        pass


def _chunks(path):
    """Yield size when unpacked, compression and packed bytes of an .mcap's compressed chunks."""
    with open(path, 'rb') as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(8)
        while len(head := file.read(9)) == 9:
            opcode, length = struct.unpack('<BQ', head)
            end = file.tell() + length
            if end > size:  # it breaks off here
                return
            if opcode == _CHUNK and length > struct.calcsize(_CHUNK_HEAD):
                *_, unpacked, _, letters = struct.unpack(
                    _CHUNK_HEAD, file.read(struct.calcsize(_CHUNK_HEAD)))
                kind = file.read(min(letters, 8))
                if kind in (b'zstd', b'lz4'):
                    yield unpacked, kind, file.read(end - file.tell())[8:]
            file.seek(end)


def _messages(path):
    """Yield the messages of a .db3 that are compressed each by itself."""
    try:
        with closing(sqlite3.connect(f'{path.absolute().as_uri()}?immutable=1', uri=True)) as db:
            for data, in db.execute('SELECT data FROM messages'):
                if not isinstance(data, bytes) or data[:4] != ZSTD:
                    return  # all are or none is
                yield data
    except sqlite3.Error:  # damaged
        return
