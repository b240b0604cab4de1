"""Pictures for people: a contact sheet and an animation of labelled frames."""
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

PANE = 400  # width of one picture on the sheet, pixels
GAP = 6


def contact_sheet(rows, titles, legend, path):
    """Draw rows of equally sized pictures under their titles, above a legend, as a PNG.

    rows: lists of uint8 RGB arrays. legend: (text, (R, G, B)) pairs.
    """
    panes = [[_scaled(picture, PANE) for picture in row] for row in rows]
    height = panes[0][0].shape[0]
    columns, per_line = len(titles), 4
    lines = -(-len(legend) // per_line)
    sheet = Image.new('RGB', (columns * (PANE + GAP) + GAP,
                              34 + len(rows) * (height + GAP) + lines * 26 + 14), 'white')
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for column, title in enumerate(titles):
        draw.text((GAP + column * (PANE + GAP) + PANE / 2, 17), title, 'black', font, 'mm')
    for r, row in enumerate(panes):
        for c, pane in enumerate(row):
            sheet.paste(Image.fromarray(pane), (GAP + c * (PANE + GAP), 34 + r * (height + GAP)))
    top, font = 34 + len(rows) * (height + GAP) + 6, ImageFont.load_default(16)
    for i, (text, color) in enumerate(legend):
        x, y = GAP + i % per_line * (sheet.width // per_line), top + i // per_line * 26
        draw.rectangle((x, y, x + 30, y + 20), tuple(color), 'grey')
        draw.text((x + 38, y + 10), text, 'black', font, 'lm')
    sheet.save(path)


def animation(rows, seconds, path):
    """Write a GIF that shows one row of pictures, side by side, after the other.

    rows: lists of uint8 RGB arrays of one height. seconds: how long each is shown.
    """
    frames = [Image.fromarray(np.hstack([_scaled(picture, 320) for picture in row]))
              for row in rows]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=round(1000 * seconds),
                   loop=0, optimize=True)


def _scaled(picture, width):
    """Bring a picture to a width: hard pixel edges when it grows, averages when it shrinks."""
    height = round(picture.shape[0] * width / picture.shape[1])
    grows = width > picture.shape[1]
    return cv2.resize(picture, (width, height),
                      interpolation=cv2.INTER_NEAREST if grows else cv2.INTER_AREA)
