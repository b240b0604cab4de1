"""A bag as far as it can be read, be it whole or not, and the carrying over of its topics."""
from contextlib import contextmanager, ExitStack
from pathlib import Path

from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_types_from_idl, get_types_from_msg
from unet_perception.bag_files import check_unpacking, ZSTD
from unet_perception.bags import BagError, Message, refuse_ros1, typestore
from unet_perception.broken_bags import BrokenFile, has_compressed_chunks, has_wal
from zstandard import ZstdDecompressor


class Recording:
    """
    What can be read of a bag.

    connections: rosbags' Connections, one for each topic and type, also those without messages.
    storage: 'mcap' or 'sqlite3'. compressed: whether the bag is.
    message_count: how many messages there are up to the break. seconds: from first to last.
    breaks: a sentence for each break; complete once messages() has ended.
    """

    def __init__(self, path, stack):
        """Open the files of the bag into an ExitStack; see open_recording()."""
        self._path, self.breaks = path, []
        files, open_parts = _files(path), _by_metadata if path.is_dir() else _by_file
        self._parts = sorted(open_parts(path, files, stack, self.breaks),
                             key=lambda part: part.start_time)
        self.connections = _merged([c for part in self._parts for c in part.connections])
        self.message_count = sum(part.message_count for part in self._parts)
        if not self.message_count:
            raise BagError('; '.join([f'{path} holds no messages', *self.breaks]))
        end = max(part.end_time for part in self._parts) - 1
        self.seconds = (end - self._parts[0].start_time) / 1e9
        self.storage = 'sqlite3' if '.db3' in files[0].name else 'mcap'
        self.compressed = bool(self._parts[0].compression_mode) or (
            self.storage == 'mcap' and has_compressed_chunks(files[0]))

    def messages(self):
        """Stream the Messages in the order of time, up to the break."""
        time = count = 0
        for part in self._parts:
            try:
                for connection, time, data in part.messages():
                    if data[:4] == ZSTD:  # there was no metadata.yaml to tell rosbags so
                        data = ZstdDecompressor().decompress(data)
                    yield Message(connection.topic, connection.msgtype, time, data)
                    count += 1
            except Exception as error:  # rosbags trusts the bytes, so damage may raise anything
                self.breaks.append(f'{self._path} is damaged: {_why(error)}; '
                                   + _up_to(time, count))
                return
        if count != self.message_count:
            self.breaks.append(f'{self._path} should hold {self.message_count} messages, but has '
                               f'{count}')


@contextmanager
def open_recording(path):
    """
    Open a bag for reading: its folder, or one .mcap or .db3 file, whole or broken.

    Raise BagError if there is none, if nothing of it can be read or if it is of ROS 1.
    """
    path = Path(path)
    refuse_ros1(path)
    with ExitStack() as stack:
        try:
            check_unpacking(path)
            recording = Recording(path, stack)
        except OSError as error:
            raise BagError(f'{path} cannot be read as a bag: {error}') from error
        yield recording


def _files(path):
    """Return the files that hold the messages of a bag."""
    files = [path] if path.is_file() else sorted(path.iterdir())  # OSError says what is missing
    files = [file for file in files if file.name.endswith(
        ('.mcap', '.db3', '.mcap.zstd', '.db3.zstd'))]
    if not files:
        raise BagError(f'{path} is no bag: it has no .mcap or .db3 file')
    return files


def _by_metadata(path, files, stack, breaks):
    """Open a folder as rosbags does, or file by file if that fails."""
    why = 'it has no metadata.yaml, as when the recorder is killed'
    if (path / 'metadata.yaml').exists():
        try:
            return [stack.enter_context(Reader(path))]
        except OSError:
            raise
        except Exception as error:
            why = _why(error)
    parts = _by_file(path, files, stack, breaks)
    if not breaks:
        breaks.append(f'{path} is not whole: {why}; ' + _up_to(
            max(part.end_time for part in parts) - 1, sum(part.message_count for part in parts)))
    return parts


def _by_file(path, files, stack, breaks):
    parts = []
    for file in files:
        if file.suffix == '.zstd':
            raise BagError(f'{file} is compressed as a whole and cannot be read without the '
                           f'metadata.yaml of its bag; unpack it first: zstd -d {file}')
        try:
            parts.append(BrokenFile(file) if has_wal(file) else stack.enter_context(Reader(file)))
        except Exception:
            part = BrokenFile(file)
            parts.append(part)
            if part.why:
                breaks.append(f'{file} breaks off: {part.why}; '
                              + _up_to(part.end_time - 1, part.message_count))
    return parts


def _up_to(end, count):
    """Say how far something was read; end: the time of the last message, ns."""
    return (f'read up to the break at {end / 1e9:.3f} s, {count} messages' if count
            else 'nothing could be read')


def _why(error):
    return ' '.join(str(error).split()) or repr(error)


def _merged(connections):
    """Make one Connection of those of equal topic and type, with the QoS profiles of all."""
    merged = {}
    for connection in connections:
        key = connection.topic, connection.msgtype
        if key in merged:
            first = merged[key]
            profiles = dict.fromkeys([*first.ext.offered_qos_profiles,
                                      *connection.ext.offered_qos_profiles])
            connection = first._replace(
                msgcount=first.msgcount + connection.msgcount,
                ext=first.ext._replace(offered_qos_profiles=list(profiles)))
        merged[key] = connection
    return list(merged.values())


def copy_topic(connection, writer):
    """
    Add the topic of a recorded bag to a rosbags Writer, with its QoS and message definition.

    Return the new Connection.
    """
    definition, digest = _definition(connection)
    return writer.add_connection(
        connection.topic, connection.msgtype, msgdef=definition, rihs01=digest,
        offered_qos_profiles=connection.ext.offered_qos_profiles)


def _definition(connection):
    """
    Return a type's definition as the bag has it, and the type's hash.

    Where the bag has none (sqlite3 before ROS 2 Iron), take Jazzy's, or for a type that Jazzy
    does not have an empty one.
    """
    kind, (form, text) = connection.msgtype, connection.msgdef
    if form != MessageDefinitionFormat.NONE and connection.digest:
        return text, connection.digest
    store = typestore()
    try:
        if form == MessageDefinitionFormat.IDL:
            for part in text.split('=' * 80 + '\nIDL: ')[1:]:
                store.register(get_types_from_idl(part.split('\n', 1)[1]))
        elif form == MessageDefinitionFormat.MSG or kind not in store.fielddefs:
            store.register(get_types_from_msg(text, kind))
        text = text or store.generate_msgdef(kind, ros_version=2)[0]
        return text, store.hash_rihs01(kind)
    except Exception:  # a definition that rosbags cannot read; the bag's own readers may
        return text, 'RIHS01_' + '0' * 64
