"""
Messages of an SQLite file that is cut off.

SQLite finds rows by a tree, whose upper pages are written last and so are in the part that is
missing. The leaves are not: they are told by their first byte, and lie in the order of recording.
The layout is that of https://www.sqlite.org/fileformat2.html, sections 1.6 and 2.1.
"""
import os

LEAF = 13  # the first byte of a page with rows of a table


def read_leaves(path):
    """
    Stream (topic id, time in ns, data) of the messages of a .db3, in the order of the file.

    Raise EOFError where the file ends too early or a message is missing.
    """
    last = 0
    for row, payload in _rows(path):
        start, kinds = _kinds(payload)
        # id, topic_id, timestamp and a blob; no other table of a bag has such rows
        if len(kinds) == 4 and max(kinds[1:3]) < 10 and kinds[3] >= 12 and kinds[3] % 2 == 0:
            if row != last + 1:
                raise EOFError(f'message {last + 1} is missing')
            last = row
            topic, start = _integer(payload, start, kinds[1])
            time, start = _integer(payload, start, kinds[2])
            yield topic, time, payload[start:]


def _rows(path):
    """Yield (row id, record) of every table, in the order of the file."""
    with open(path, 'rb') as file:
        header = file.read(100)
        size = int.from_bytes(header[16:18], 'big')
        size = 65536 if size == 1 else size
        usable = size - header[20]
        pages = -(-os.fstat(file.fileno()).st_size // size)

        def page(number):
            file.seek(max(0, number - 1) * size)
            content = file.read(size if number else 0)
            if len(content) < size:
                raise EOFError('the file ends too early')
            return content[:usable]

        for number in range(2, pages + 1):
            leaf = page(number)
            if leaf[0] != LEAF:
                continue
            for cell in range(int.from_bytes(leaf[3:5], 'big')):
                at = int.from_bytes(leaf[8 + 2 * cell:10 + 2 * cell], 'big')
                length, at = _varint(leaf, at)
                if length > pages * size:  # its chain of pages would go round for ever
                    raise EOFError('a message is longer than the file')
                row, at = _varint(leaf, at)
                here = _local(length, usable)
                parts, following = [leaf[at:at + here]], leaf[at + here:at + here + 4]
                while here < length:  # the rest is in a chain of pages
                    content = page(int.from_bytes(following, 'big'))
                    following, rest = content[:4], content[4:4 + length - here]
                    parts.append(rest)
                    here += len(rest)
                yield row, b''.join(parts)
        if pages < int.from_bytes(header[28:32], 'big'):
            raise EOFError('the file ends too early')


def _local(length, usable):
    """Return how many of a record's bytes are in the leaf itself."""
    most, least = usable - 35, (usable - 12) * 32 // 255 - 23
    if length <= most:
        return length
    local = least + (length - least) % (usable - 4)
    return local if local <= most else least


def _kinds(record):
    """Return where a record's values start and the kind of each."""
    start, at = _varint(record, 0)
    kinds = []
    while at < start:
        kind, at = _varint(record, at)
        kinds.append(kind)
    return start, kinds


def _integer(record, start, kind):
    """Return an integer of a record and where the next value starts."""
    if kind >= 8:  # 8 is the number 0, 9 the number 1
        return kind - 8, start
    end = start + (0, 1, 2, 3, 4, 6, 8, 8)[kind]
    return int.from_bytes(record[start:end], 'big', signed=True), end


def _varint(content, at):
    """Return a number of 1 to 9 bytes, 7 bits in each, and where the next one starts."""
    value = 0
    for end in range(at + 1, at + 9):
        byte = content[end - 1]
        value = value << 7 | byte & 127
        if byte < 128:
            return value, end
    return value << 8 | content[at + 8], at + 9
