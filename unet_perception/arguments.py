"""Types of command-line arguments that several commands share."""
import argparse


def picture_size(least=1):
    """Return an argparse type: WIDTHxHEIGHT in pixels, both at least `least`, as a tuple."""
    def size(text):
        width, height = (int(side) for side in text.lower().split('x'))
        if min(width, height) < least:
            raise argparse.ArgumentTypeError(f'{text} is smaller than {least}x{least} pixels')
        return width, height

    return size  # argparse names it where the text is no size
