"""
Where pedestrians can walk, as Recast's binary navigation mesh: the straights' sidewalks.

The `carla` client reads it when a script asks for a place to walk to, and steers walkers on it.
"""
import struct

import numpy as np
from standin import street

SIDEWALK_AREA, SIDEWALK_FLAG = 1, 2  # CARLA's
HEIGHT, RADIUS, CLIMB = 1.8, 0.3, 0.3  # of a walker, m


def mesh():
    """Return the mesh's bytes: a set of one tile; Recast's axes are x, up, y."""
    near, far = street.LANE + 0.2, street.LANE + street.SIDEWALK - 0.2
    quads = []
    for start in (5, street.LENGTH / 2 + 5):
        for side in (-1, 1):
            ends = [street.place(s, side * t)[:2] for s, t in (
                (start, near), (start, far), (start + street.LONG - 10, far),
                (start + street.LONG - 10, near))]
            quads.append([(x, 0.0, y) for x, y in (ends if side > 0 else ends[::-1])])
    quads = np.array(quads, np.float32)
    low, high = quads.min((0, 1)) - 1, quads.max((0, 1)) + 1
    tile = _tile(quads, low, high)
    return (struct.pack('<3i', int.from_bytes(b'MSET', 'big'), 1, 1)
            + struct.pack('<5f2i', *low, *(high - low)[[0, 2]], 1, 64)
            + struct.pack('<Ii', 1 << 6, len(tile)) + tile)


def _tile(quads, low, high):
    """Return a tile of quads, float32 (n, 4, 3), that do not touch each other."""
    n = len(quads)
    out = struct.pack('<5iI9i', int.from_bytes(b'DNAV', 'big'), 7, 0, 0, 0, 0,
                      n, 4 * n, 8 * n, n, 0, 2 * n, 0, 0, n)
    out += struct.pack('<10f', HEIGHT, RADIUS, CLIMB, *low, *high, 1.0)
    out += quads.tobytes()
    for i in range(n):  # no first link, corners, no neighbours, what it is, how many corners
        out += struct.pack('<I6H6HHBB', 0xffffffff, 4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3, 0, 0,
                           *[0] * 6, SIDEWALK_FLAG, 4, SIDEWALK_AREA)
    out += bytes(12 * 8 * n)  # links, which the client fills in
    out += b''.join(struct.pack('<IIBBH', 0, 2 * i, 0, 2, 0) for i in range(n))
    return out + bytes([0, 1, 2, 0b101, 0, 2, 3, 0b10100]) * n  # triangles, their outer sides
