"""Bag files that break off, as when the recorder was killed: read up to the break."""
from collections import Counter
from contextlib import closing, suppress
import io
from pathlib import Path
import sqlite3

from lz4.frame import LZ4FrameDecompressor
from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Message, Schema
from mcap.stream_reader import breakup_chunk, StreamReader
from rosbags.interfaces import (Connection, ConnectionExtRosbag2, MessageDefinition,
                                MessageDefinitionFormat)
from rosbags.rosbag2.metadata import parse_qos
from unet_perception.bags import BagError
from unet_perception.sqlite_leaves import read_leaves
from zstandard import ZstdDecompressor

FORMATS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros2idl': MessageDefinitionFormat.IDL}


class BrokenFile:
    """
    An .mcap or .db3 without an index to trust, read from its start; used as a rosbags Reader.

    Messages come in the order of the file, which is that of their arrival.
    connections, message_count, start_time, end_time (ns, after the last message): of what can be
    read. why: what went wrong at the break, None if there is none.
    """

    compression_mode = None  # a bag's, which a file does not tell

    def __init__(self, path):
        """Read the file once, to know what is there. Raise BagError if it is not of ROS 2."""
        self._path, self._connections, counts = path, {}, Counter()
        self.start_time, self.end_time = 2**63 - 1, 0
        for connection, time, _ in self.messages():
            counts[connection.id] += 1
            self.start_time = min(self.start_time, time)
            self.end_time = max(self.end_time, time + 1)
        self.message_count = counts.total()
        self.connections = [c._replace(msgcount=counts[c.id]) for c in self._connections.values()]

    def messages(self):
        """Stream (connection, time in ns, data) up to the break."""
        read = _read_mcap if self._path.suffix == '.mcap' else _read_sqlite3
        self.why = None
        try:
            yield from read(self._path, self._connections)
        except (BagError, OSError):
            raise
        except Exception as error:  # what is left of a file may raise anything
            self.why = ' '.join(str(error).split()) or type(error).__name__


def has_wal(path):
    """Tell whether a .db3 has messages in a write-ahead log, which rosbags does not read."""
    log = Path(f'{path}-wal')
    return log.exists() and log.stat().st_size > 0


def has_compressed_chunks(path):
    """Tell whether an .mcap is compressed, by its first chunk."""
    with open(path, 'rb') as file:
        try:
            return next(record.compression != '' for record
                        in StreamReader(file, emit_chunks=True).records
                        if isinstance(record, Chunk))
        except Exception:  # there is none before the break
            return False


def _read_mcap(path, connections):
    """Stream (connection, time, data) and fill in connections by id; raise at the break."""
    schemas = {}
    for record in _mcap_records(path):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            schema = schemas[record.schema_id]
            connections[record.id] = _connection(
                record.id, record.topic, schema.name, record.message_encoding,
                record.metadata.get('offered_qos_profiles', ''), schema.encoding,
                schema.data.decode())
        elif isinstance(record, Message):
            yield connections[record.channel_id], record.log_time, record.data


def _mcap_records(path):
    whole = 0
    with _Exact(io.FileIO(path)) as file:
        try:
            for record in StreamReader(file, emit_chunks=True).records:
                if isinstance(record, Chunk):
                    yield from breakup_chunk(record, validate_crc=True)
                else:
                    yield record
                whole = file.tell()
        except EndOfFile:
            with open(path, 'rb') as rest, suppress(Exception):
                rest.seek(whole)
                yield from _cut_chunk(ReadDataStream(rest))
            raise


def _cut_chunk(stream):
    """Yield the records of a chunk whose end is missing, as far as it can be unpacked."""
    if stream.read1() == Opcode.CHUNK:
        stream.read8()
        chunk = Chunk.read(stream)
        unpack = {'zstd': ZstdDecompressor().decompressobj().decompress,
                  'lz4': LZ4FrameDecompressor().decompress}.get(chunk.compression, bytes)
        yield from StreamReader(_Exact(io.BytesIO(unpack(chunk.data))), skip_magic=True).records


class _Exact(io.BufferedReader):
    """Raises EndOfFile where a file holds less than is asked for; mcap would take what is left."""

    def read(self, size):
        data = super().read(size)
        if len(data) < size:
            raise EndOfFile('the file ends too early')
        return data


def _read_sqlite3(path, connections):
    """Stream (connection, time, data) and fill in connections by id; raise at the break."""
    # immutable: leave no files beside it; but a write-ahead log is only read without.
    mode = 'mode=ro' if has_wal(path) else 'immutable=1'
    with closing(sqlite3.connect(f'{path.absolute().as_uri()}?{mode}', uri=True,
                                 check_same_thread=False)) as database:
        database.row_factory = sqlite3.Row
        # Else SQLite refuses to look into a file that is shorter than its header says.
        database.execute('PRAGMA writable_schema = ON')
        tables = [row['name'] for row in database.execute('SELECT name FROM sqlite_master')]
        definitions = {}
        if 'message_definitions' in tables:  # from ROS 2 Iron on
            definitions = {row['topic_type']: (row['encoding'], row['encoded_message_definition'])
                           for row in database.execute('SELECT * FROM message_definitions')}
        for row in map(dict, database.execute('SELECT * FROM topics')):
            connections[row['id']] = _connection(
                row['id'], row['name'], row['type'], row['serialization_format'],
                row.get('offered_qos_profiles', ''), *definitions.get(row['type'], ('', '')),
                row.get('type_description_hash', ''))
        rows = read_leaves(path)
        if has_wal(path):
            rows = database.execute('SELECT topic_id, timestamp, data FROM messages ORDER BY id')
        for number, time, data in rows:
            yield connections[number], time, data


def _connection(number, topic, kind, serialization, qos, encoding, definition, digest=''):
    if serialization != 'cdr':
        raise BagError(f'{topic} is recorded as {serialization!r}, but only cdr can be read')
    return Connection(
        number, topic, kind,
        MessageDefinition(FORMATS.get(encoding, MessageDefinitionFormat.NONE), definition),
        digest, 0, ConnectionExtRosbag2(serialization, parse_qos(qos)), None)
