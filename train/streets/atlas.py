"""
The tiles of a drive.

They are in one array with ever smaller versions of each, so that looking them up is a single
take(). A drive has its own, so that two drives share no brick and no tree.
"""
from functools import lru_cache

import cv2
import numpy as np
from train.streets import cars, facades, figures, plants, signs, surfaces
from train.streets.noise import noise

LEVELS = 8  # halvings: from 256 to 2 pixels a side
_SOLID = {'asphalt': (surfaces.asphalt, 5), 'slabs': (surfaces.slabs, 7),
          'grass': (surfaces.grass, 5), 'soil': (surfaces.soil, 3),
          'line': (surfaces.paint_line, 3), 'concrete': (surfaces.concrete, 3),
          'brick': (surfaces.brick, 3), 'plaster': (surfaces.plaster, 4),
          'planks': (surfaces.planks, 2), 'roof': (surfaces.roof, 3), 'metal': (surfaces.metal, 2),
          'rock': (surfaces.rock, 2), 'hill': (surfaces.hill, 3), 'water': (surfaces.water, 2),
          'sleepers': (surfaces.sleepers, 1), 'tram': (surfaces.tram, 1),
          'cloth': (surfaces.cloth, 1), 'windows': (facades.windows, 12),
          'glass': (facades.curtain_wall, 6), 'shops': (facades.shops, 5),
          'house': (facades.house, 5), 'garage': (facades.garage, 2),
          'light': (signs.traffic_light, 3), 'poster': (signs.poster, 4),
          'windscreen': (cars.windscreen, 3), 'sheen': (surfaces.sheen, 3)}
_CUT = {'broadleaf': (plants.broadleaf, 10), 'conifer': (plants.conifer, 6),
        'cypress': (plants.cypress, 2), 'palm': (plants.palm, 4), 'bush': (plants.bush, 8),
        'hedge': (plants.hedge, 2), 'thicket': (plants.thicket, 4), 'corn': (plants.corn, 2),
        'tuft': (plants.tuft, 3), 'bare': (plants.bare_tree, 1), 'person': (figures.person, 22),
        'rider': (figures.rider, 3), 'rider_behind': (figures.rider_behind, 2),
        'bicycle': (figures.bicycle, 2), 'motorbike': (figures.motorbike, 2),
        'bike_behind': (figures.bike_behind, 2), 'pickets': (figures.pickets, 2),
        'rails': (figures.rails, 2), 'mesh': (figures.mesh, 1), 'bars': (figures.bars, 1),
        'sign': (signs.sign, 9), 'sign_back': (signs.sign_back, 1)}


class Atlas:
    """
    Tiles by name.

    texels: uint32, R, G, B, A from the lowest byte; those of level k start at start[k], tile by
    tile, row by row. cut: bool by tile; A of such a tile says where it is (255) and where there
    is a hole. cover: bool (tiles, SIDE, SIDE), where it is. clouds: float32 (SIDE, SIDE) noise.
    """

    def __init__(self, rng):
        self.names, tiles, holes = {}, [], []

        def add(name, tile, cut):
            self.names.setdefault(name, []).append(len(tiles))
            tiles.append(tile)
            holes.append(cut)

        for kinds, cut in ((_SOLID, False), (_CUT, True)):
            for name, (make, count) in kinds.items():
                for _ in range(count):
                    add(name, make(rng), cut)
        for name, kind in cars.KINDS.items():
            add(f'{name} side', cars.side(rng, kind), True)
            add(f'{name} front', cars.end(rng, kind, True), False)
            add(f'{name} back', cars.end(rng, kind, False), False)
        self.cut = np.array(holes)
        pixels = np.stack([tile.round().astype(np.uint8) for tile in tiles])
        self.cover = pixels[..., 3] > 127
        self.cover[~self.cut] = True
        self.start, self.texels = _levels(pixels)
        self.clouds = noise(rng, 1.75)

    def pick(self, rng, *names):
        """Return the number of a tile of one of the names."""
        some = self.names[names[rng.integers(len(names))]]
        return some[rng.integers(len(some))]


def _levels(pixels):
    start, parts, at = [], [], 0
    for _ in range(LEVELS):
        start.append(at)
        parts.append(pixels.reshape(-1, 4).view(np.uint32)[:, 0])
        at += len(parts[-1])
        side = pixels.shape[1] // 2
        pixels = np.stack([cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA)
                           for tile in pixels])
    return np.array(start, np.int32), np.concatenate(parts)


@lru_cache(maxsize=2)
def atlas(seed, drive):
    """Return the Atlas of a drive."""
    return Atlas(np.random.default_rng([seed, drive, 0xA71A5]))
