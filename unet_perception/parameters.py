"""The node's parameters: what they are called, what they mean, which values fit together."""
import dataclasses
from dataclasses import dataclass
import difflib
import re
from types import MappingProxyType

from unet_perception.runtimes import DEVICES, FALLBACKS, PRECISIONS, RUNTIMES
from unet_perception.segmenter import UPSCALES
from unet_perception.share import MODEL

OUTPUTS = ('mask', 'confidence', 'color', 'overlay', 'label_info', 'camera_info')
TRANSPORTS = {'raw': 'image', 'compressed': 'image/compressed'}  # and the topic of each
RELIABILITIES = ('auto', 'reliable', 'best_effort')
DURABILITIES = ('volatile', 'transient_local')
GROUP = 'groups.'  # before the name of each class group
GROUPS = MappingProxyType({'drivable': ('Road', 'RoadLine'), 'vulnerable': ('Pedestrian',),
                           'vehicles': ('Vehicles',)})
# What these say is built into the network's runtime, so a change of one builds a new one.
NETWORK = ('model', 'runtime', 'device', 'device_fallback', 'precision', 'threads', 'upscale')
# These are built into topics that others are connected to.
FIXED = ('cameras', 'image_transport', 'image_reliability', 'image_durability', 'image_depth',
         'output_reliability', 'output_depth')


def _parameter(default, description, choices=(), most=None, least=0):
    return dataclasses.field(default=default, metadata={
        'description': description, 'choices': choices, 'range': most and (least, most)})


def _threshold(default, description):
    return _parameter(default, f'/diagnostics: {description}', most=1e6)


@dataclass(frozen=True)
class Parameters:
    """
    Values that fit together; ValueError says which one does not, and what would.

    groups: class names by the name of their group, from the parameters `groups.NAME`.
    """

    autostart: bool = _parameter(
        True, 'Configure and activate at the start; false leaves it to a lifecycle manager')
    model: str = _parameter(MODEL, 'Bundle: folder, or name of a shipped one')
    cameras: tuple = _parameter(
        ('',), "Namespaces of the cameras to serve together, relative to the node's; an empty "
        "one is the node's own")
    runtime: str = _parameter(RUNTIMES[0], 'What runs the network', RUNTIMES)
    device: str = _parameter(DEVICES[0], 'Where it runs', DEVICES)
    device_fallback: str = _parameter(
        FALLBACKS[0], 'What to do if device is gpu and there is none', FALLBACKS)
    precision: str = _parameter(
        PRECISIONS[0], 'Arithmetic of the network; auto: the best that loses less than 0.5 '
        'points of mIoU', PRECISIONS)
    threads: int = _parameter(0, 'CPU threads for the network; 0: all cores', most=256)
    upscale: str = _parameter(UPSCALES[0], 'How labels get to camera resolution', UPSCALES)
    confidence_threshold: float = _parameter(
        0.0, 'Pixels whose class is less probable than this are 255 in the mask', most=1.0)
    outputs: tuple = _parameter(
        OUTPUTS, 'Topics to offer below segmentation/, beside the groups', OUTPUTS)
    overlay_opacity: float = _parameter(0.5, 'Opacity of the colours over the image', most=1.0)
    overlay_legend: bool = _parameter(True, 'Write the names of the classes into the overlay')
    image_transport: str = _parameter(
        'raw', 'Subscribe to image, or to image/compressed', tuple(TRANSPORTS))
    image_reliability: str = _parameter(
        'auto', 'QoS to subscribe with; auto: reliable, or best_effort where the camera offers '
        'no better', RELIABILITIES)
    image_durability: str = _parameter('volatile', 'QoS to subscribe with', DURABILITIES)
    image_depth: int = _parameter(
        5, 'QoS to subscribe with: images that the middleware keeps until the node takes them, '
        'which it does at once; only what it takes can be counted', most=100, least=1)
    output_reliability: str = _parameter(
        'reliable', 'QoS to publish with; subscribers of either kind match reliable',
        RELIABILITIES[1:])
    output_depth: int = _parameter(10, 'QoS to publish with', most=1000, least=1)
    latency_warn: float = _threshold(0.1, 'p95 of receipt to output for WARN, s')
    latency_error: float = _threshold(0.5, 'p95 of receipt to output for ERROR, s')
    age_warn: float = _threshold(0.5, "p95 of the outputs' age by the node's clock for WARN, s")
    age_error: float = _threshold(2.0, "p95 of the outputs' age by the node's clock for ERROR, s")
    drops_warn: float = _parameter(
        0.1, '/diagnostics: share of frames dropped or failed for WARN', most=1.0)
    drops_error: float = _parameter(
        0.5, '/diagnostics: share of frames dropped or failed for ERROR', most=1.0)
    silence_warn: float = _threshold(2.0, 'time without an image for WARN, and a look around '
                                     'for the reason in the log, s')
    silence_error: float = _threshold(10.0, 'time without an image for ERROR, s')
    groups: MappingProxyType = dataclasses.field(default_factory=lambda: GROUPS)

    def __post_init__(self):
        """Check what the middleware does not: it knows types and ranges."""
        for field in fields():
            value, choices = getattr(self, field.name), field.metadata['choices']
            if value != value:  # NaN
                raise ValueError(f'{field.name} is nan, but must be a number')
            for each in (value if isinstance(value, tuple) else (value,)) if choices else ():
                if each not in choices:
                    raise ValueError(f'{field.name} is {each!r}, but must be one of '
                                     f'{", ".join(choices)}')
        for name in ('cameras', 'outputs'):
            value = getattr(self, name)
            if not value or len(set(value)) < len(value):
                raise ValueError(f'{name} is {list(value)}, but must name at least one, and each '
                                 f'once')
        for name in self.groups:
            if not re.fullmatch('[A-Za-z][A-Za-z0-9_]{0,63}', name) or name in OUTPUTS:
                raise ValueError(f'{GROUP}{name} cannot name a topic segmentation/{name}: use '
                                 f'letters, digits and _, and none of {", ".join(OUTPUTS)}')

    def changed(self, values):
        """
        Return a copy with other values, given by parameter name; None deletes a group.

        Raise ValueError on a name that is no parameter, or a value that does not fit.
        """
        known, groups = {}, dict(self.groups)
        for name, value in values.items():
            value = tuple(value) if isinstance(value, (list, tuple)) else value
            if name.startswith(GROUP):
                group = name.removeprefix(GROUP)
                groups.pop(group, None)
                if value is not None:
                    groups[group] = _class_names(name, value)
            elif name in NAMES:
                known[name] = value
            else:
                raise ValueError(unknown(name))
        return dataclasses.replace(self, **known, groups=MappingProxyType(groups))


def _class_names(name, value):
    if not isinstance(value, tuple) or not value or not all(isinstance(v, str) for v in value):
        raise ValueError(f'{name} is {value!r}, but must be a list of class names, such as '
                         f'[Road, RoadLine]')
    return value


def fields():
    """Return the dataclass fields of all parameters but the groups, with their metadata."""
    return [field for field in dataclasses.fields(Parameters) if field.metadata]


NAMES = tuple(field.name for field in fields())


def unknown(name):
    """Return a sentence that says that there is no such parameter, but maybe a like one."""
    like = difflib.get_close_matches(name, (*NAMES, *(GROUP + group for group in GROUPS)), 1)
    return f'there is no parameter {name!r}' + (f'; did you mean {like[0]}?' if like else
                                                f'; class groups are {GROUP}NAME')
