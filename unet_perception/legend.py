"""Write the names of the classes into a picture, beside their colours."""
import cv2
import numpy as np

LEAST_HEIGHT = 144  # pixels: in lower pictures readable text would hide too much
LEAST_SHARE = 0.001  # of the pixels: classes with fewer are left out
FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_legend(image, labels, names, colors):
    """
    Write the classes of a label image into the top left corner of a picture of it, in place.

    image: uint8 RGB (height, width, 3). labels: uint8 (height, width); ids without a name, such
    as 255, are left out. names, colors: by id. Those with most pixels come first.
    A picture lower than LEAST_HEIGHT gets none.
    """
    if image.shape[0] < LEAST_HEIGHT:
        return
    counts = np.bincount(labels.ravel(), minlength=256)[:len(names)]
    shown = [i for i in np.argsort(-counts, kind='stable')
             if counts[i] > LEAST_SHARE * labels.size]
    line = max(12, image.shape[0] // 28)
    for place, i in enumerate(shown[:image.shape[0] // line]):
        top = place * line
        scale = line / 36
        (width, _), _ = cv2.getTextSize(names[i], FONT, scale, 1)
        # A dark ground, for the text must be read on sky and road alike.
        cv2.rectangle(image, (0, top), (2 * line + width, top + line - 1), (30, 30, 30), -1)
        cv2.rectangle(image, (2, top + 2), (line + line // 2 - 2, top + line - 3),
                      [int(v) for v in colors[i]], -1)
        cv2.putText(image, names[i], (line + line // 2 + 2, top + line - line // 4 - 1), FONT,
                    scale, (255, 255, 255), 1, cv2.LINE_AA)
