"""What a person looks at: learning curves, prediction panels, a confusion matrix."""
import csv
import dataclasses

from matplotlib.figure import Figure
from matplotlib.patches import Patch
import numpy as np

from train import dataset
from train.split import spread
from unet_perception.classes import parse_classes
from unet_perception.labels import colorize, IGNORE


def learning_curves(history_file, png):
    """Plot loss and validation mIoU by epoch from a run's history.csv."""
    with open(history_file, newline='') as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row['epoch']) for row in rows]
    figure = Figure(figsize=(9, 3.6), layout='constrained')
    for axes, key, title in zip(figure.subplots(1, 2), ('loss', 'miou'), ('loss', 'mean IoU')):
        axes.plot(epochs, [float(row[key]) for row in rows], marker='.', label='training')
        axes.plot(epochs, [float(row[f'val_{key}']) for row in rows], marker='.',
                  label='validation')
        axes.set(title=title, xlabel='epoch')
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(png, dpi=110)


def prediction_panel(images, truths, predictions, names, colors, png):
    """
    Draw rows of image | truth | prediction with the colours of the classes in sight.

    images: uint8 RGB arrays, of any sizes; truths, predictions: uint8 label arrays of the sizes
    of their images. names, colors: class name and (R, G, B) by label id.
    """
    figure = Figure(figsize=(9.5, 1.75 * len(images) + 0.6), layout='constrained')
    draw_panel(figure, images, {'truth': truths, 'prediction': predictions}, names, colors)
    figure.savefig(png, dpi=110)


def draw_panel(figure, images, labels, names, colors):
    """
    Draw rows of images and their labels, and beneath the colours of the classes in sight.

    images: uint8 RGB arrays. labels: {title of the column: uint8 label arrays}; 255, which is no
    label, is white.
    """
    grid = figure.subplots(len(images), 1 + len(labels), squeeze=False)
    columns = {'image': images, **{title: [colorize(ids, colors) for ids in column]
                                   for title, column in labels.items()}}
    for column, (title, pictures) in zip(grid.T, columns.items()):
        for axes, picture in zip(column, pictures, strict=True):
            axes.imshow(picture, interpolation='nearest')
            axes.set_axis_off()
        column[0].set_title(title)
    present = np.unique(np.concatenate([ids.ravel() for column in labels.values()
                                        for ids in column]))
    figure.legend(
        handles=[Patch(facecolor=np.array(colors[i]) / 255, edgecolor='grey', label=names[i])
                 for i in present if i != IGNORE],
        loc='outside lower center', ncols=7, fontsize=8, frameon=False)


def confusion_png(matrix, names, png):
    """
    Draw which share of each true class was given which label; rows are the truth.

    matrix: int64 (n_classes, n_classes + 1) of metrics.confusion_matrix. names: by label id.
    """
    classes = np.flatnonzero(matrix.sum(1) + matrix[:, :-1].sum(0))
    part = matrix[np.ix_(classes, classes)]
    share = part / np.maximum(matrix[classes].sum(1, keepdims=True), 1)
    names = [names[i] for i in classes]
    figure = Figure(figsize=(1.8 + 0.55 * len(names),) * 2, layout='constrained')
    axes = figure.subplots()
    axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    axes.set(xticks=range(len(names)), yticks=range(len(names)), xlabel='predicted',
             ylabel='truth', title='share of each true class, in %')
    axes.set_xticklabels(names, rotation=60, ha='right')
    axes.set_yticklabels(names)
    for (i, j), value in np.ndenumerate(share):
        if value >= 0.005:
            axes.text(j, i, f'{100 * value:.0f}', ha='center', va='center', fontsize=8,
                      color='white' if value > 0.5 else 'black')
    figure.savefig(png, dpi=110)


class Panels:
    """Draws the learning curves and the same few validation frames, epoch after epoch."""

    def __init__(self, network, validation, recipe, run, count=5):
        """Take what to draw. network: as it is trained; run: the folder with history.csv."""
        self._network, self._run = network, run
        self._classes = parse_classes(recipe.classes)
        shown = spread(validation, min(count, len(validation)))
        self._images, self._truths = next(dataset.validation_batches(
            shown, dataclasses.replace(recipe, batch=len(shown))).as_numpy_iterator())

    def draw(self, epoch):
        """Write curves.png and panel_EPOCH.png into the run's folder."""
        predictions = np.argmax(self._network(self._images, training=False), -1).astype(np.uint8)
        learning_curves(self._run / 'history.csv', self._run / 'curves.png')
        prediction_panel(self._images.round().astype(np.uint8), self._truths, predictions,
                         self._classes.names, self._classes.colors,
                         self._run / f'panel_{epoch:02d}.png')
