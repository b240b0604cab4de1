"""Types of command-line arguments that several commands share."""
import argparse

from unet_perception.images import MOST_PIXELS


def number(kind, fits, must):
    """
    Return an argparse type: int or float (kind), refused unless fits(value).

    must: what the value must be, for the message, such as 'at least 1'.
    """
    def parse(text):
        value = kind(text)
        if not fits(value):
            raise argparse.ArgumentTypeError(f'{value} is not {must}')
        return value

    parse.__name__ = kind.__name__  # argparse names it where the text is no number
    return parse


def at_least(least):
    """Return an argparse type: a whole number that is not below `least`."""
    return number(int, lambda value: value >= least, f'at least {least}')


def picture_size(least=1):
    """
    Return an argparse type: WIDTHxHEIGHT in pixels, both at least `least`, as a tuple.

    At most as many pixels as are read of a compressed picture.
    """
    def size(text):
        width, height = (int(side) for side in text.lower().split('x'))
        if min(width, height) < least:
            raise argparse.ArgumentTypeError(f'{text} is smaller than {least}x{least} pixels')
        if width * height > MOST_PIXELS:
            raise argparse.ArgumentTypeError(f'{text} are more than {MOST_PIXELS} pixels')
        return width, height

    return size  # argparse names it where the text is no size
