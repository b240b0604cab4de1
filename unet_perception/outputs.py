"""What the node publishes of one segmented picture, as images at camera resolution."""
from functools import cached_property

import cv2
import numpy as np

from unet_perception.labels import colorize
from unet_perception.legend import draw_legend
from unet_perception.parameters import GROUPS


class Outputs:
    """
    Makes images of Segmentations as a bundle and the node's Parameters want them.

    names: of the images there are: those of 'mask', 'confidence', 'color' and 'overlay' that
    the parameters list, and the class groups.
    """

    def __init__(self, bundle, parameters):
        """
        Prepare the tables. Raise ValueError if a group has a class that the bundle lacks.

        A default group of which it lacks one is left out.
        """
        self._bundle, self._parameters = bundle, parameters
        self._groups = {name: _table(name, classes, bundle)
                        for name, classes in parameters.groups.items()
                        if classes != GROUPS.get(name) or set(classes) <= set(bundle.names)}
        self.names = (*(name for name in parameters.outputs if name in IMAGES), *self._groups)

    def images(self, wanted, picture, segmentation):
        """
        Yield (name, pixels) of each wanted image: uint8, (height, width) or RGB.

        mask: class ids, 255 below the confidence threshold. confidence: probability x 255.
        color, overlay: RGB. A group: 255 where the mask has one of its classes, else 0.
        """
        scene = _Scene(picture, segmentation, self._bundle, self._parameters)
        for name in wanted:
            yield name, (cv2.LUT(scene.mask, self._groups[name]) if name in self._groups
                         else getattr(scene, name))


IMAGES = ('mask', 'confidence', 'color', 'overlay')


class _Scene:
    """One picture's images, each made once, when it is first asked for."""

    def __init__(self, picture, segmentation, bundle, parameters):
        self._picture, self._segmentation = picture, segmentation
        self._bundle, self._parameters = bundle, parameters

    @property
    def confidence(self):
        return self._segmentation.confidence

    @cached_property
    def mask(self):
        threshold = self._parameters.confidence_threshold
        if not threshold:
            return self._segmentation.labels
        below = cv2.compare(self.confidence, 255 * threshold, cv2.CMP_LT)  # 255 where true
        return cv2.bitwise_or(self._segmentation.labels, below)

    @cached_property
    def color(self):
        return colorize(self.mask, self._bundle.colors)

    @cached_property
    def overlay(self):
        opacity = self._parameters.overlay_opacity
        overlay = cv2.addWeighted(self.color, opacity, self._picture.to_rgb(), 1 - opacity, 0)
        if self._parameters.overlay_legend:
            draw_legend(overlay, self.mask, self._bundle.names, self._bundle.colors)
        return overlay


def _table(name, classes, bundle):
    """Return 255 for each id of a group and 0 for the others, uint8 (256,)."""
    missing = [c for c in classes if c not in bundle.names]
    if missing:
        raise ValueError(f'groups.{name} has {", ".join(missing)}, but model {bundle.name} knows '
                         f'{", ".join(bundle.names)}')
    table = np.zeros(256, np.uint8)
    table[[bundle.names.index(c) for c in classes]] = 255
    return table
