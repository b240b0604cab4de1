"""Pictures for people: a contact sheet and an animation of labelled frames."""
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

PANE = 400  # width of one picture on the sheet, pixels
GAP = 6


def contact_sheet(rows, titles, legend, path):
    """
    Draw rows of pictures under their titles, above a legend, as a PNG.

    rows: lists of uint8 RGB arrays. legend: (text, (R, G, B)) pairs. All take the shape of the
    first, on white where their own is another.
    """
    height = _height(rows[0][0], PANE)
    panes = [[_fitted(picture, PANE, height) for picture in row] for row in rows]
    columns, per_line = len(titles), 4
    lines = -(-len(legend) // per_line)
    sheet = Image.new('RGB', (columns * (PANE + GAP) + GAP,
                              34 + len(rows) * (height + GAP) + lines * 26 + 14), 'white')
    draw, font = ImageDraw.Draw(sheet), _font(18)
    for column, title in enumerate(titles):
        draw.text((GAP + column * (PANE + GAP) + PANE / 2, 17), title, 'black', font, 'mm')
    for r, row in enumerate(panes):
        for c, pane in enumerate(row):
            sheet.paste(Image.fromarray(pane), (GAP + c * (PANE + GAP), 34 + r * (height + GAP)))
    top, font = 34 + len(rows) * (height + GAP) + 6, _font(16)
    for i, (text, color) in enumerate(legend):
        x, y = GAP + i % per_line * (sheet.width // per_line), top + i // per_line * 26
        draw.rectangle((x, y, x + 30, y + 20), tuple(color), 'grey')
        draw.text((x + 38, y + 10), text, 'black', font, 'lm')
    sheet.save(path)


def animation(rows, seconds, path):
    """
    Write a GIF that shows one row of pictures, side by side, after the other.

    rows: an iterable of lists of uint8 RGB arrays, shaped as on a contact sheet. seconds: how
    long each is shown.
    """
    rows = iter(rows)
    row = next(rows)
    width, height = 320, _height(row[0], 320)

    def side_by_side(row):
        return Image.fromarray(np.hstack([_fitted(picture, width, height) for picture in row]))
    side_by_side(row).save(
        path, save_all=True, append_images=map(side_by_side, rows), loop=0, optimize=True,
        duration=min(round(1000 * seconds), 10_000))  # a GIF's longest is 11 minutes


def _font(size):
    try:
        return ImageFont.load_default(size)
    except TypeError:  # before Pillow 10.1, as on Ubuntu 22.04: one size only
        return ImageFont.load_default()


def _height(picture, width):
    return max(1, round(picture.shape[0] * width / picture.shape[1]))


def _fitted(picture, width, height):
    """Bring a picture into a box: hard pixel edges when it grows, averages when it shrinks."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    w, h = (max(1, min(most, round(side * scale)))
            for most, side in ((width, picture.shape[1]), (height, picture.shape[0])))
    box = np.full((height, width, 3), 255, np.uint8)
    box[:h, :w] = cv2.resize(picture, (w, h),
                             interpolation=cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA)
    return box
