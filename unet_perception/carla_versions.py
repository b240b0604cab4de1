"""Which tag scheme a CARLA server paints its labels with; it can be told from nothing else."""
import re

# (first version, the one after the last, scheme); labels.SCHEMES has the tables.
RANGES = (((0, 8), (0, 9, 10), 'A'), ((0, 9, 10), (0, 9, 14), 'B'), ((0, 9, 14), (0, 9, 17), 'C'),
          ((0, 10), (0, 11), 'D'))


def scheme_of(version):
    """Return the name of the scheme of a version such as '0.9.16' or '0.9.15-dirty', or None."""
    numbers = re.match(r'(\d+)\.(\d+)(?:\.(\d+))?', version)
    if not numbers:
        return None
    number = tuple(int(part or 0) for part in numbers.groups())
    return next((scheme for first, after, scheme in RANGES if first <= number < after), None)
