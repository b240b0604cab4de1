"""One picture of what the drives of a data set hold."""
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
import numpy as np

from train.survey import NEAR_COPY
from unet_perception.labels import COLORS, NAMES


def draw(surveys, towns, png):
    """
    Draw class shares by town, frames with each class, and the changes between neighbours.

    surveys: of all drives. towns: {town: share of the pixels of each class, float (23,)}.
    """
    width = 0.75 * len(towns)
    figure = Figure(figsize=(11 + width, 7), layout='constrained')
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.6 + width, 4.5, 4.5))
    frames, total = sum(f.class_frames for f in surveys), sum(f.frames for f in surveys)
    _town_shares(left, towns)
    middle.barh(range(len(NAMES)), 100 * frames / max(1, total), edgecolor='grey',
                color=np.array(COLORS) / 255)
    middle.set(title='frames that show the class', xlabel='% of all frames', xlim=(0, 100),
               yticks=range(len(NAMES)), yticklabels=[f'{count:,}' for count in frames],
               ylim=(len(NAMES) - 0.5, -0.5))
    _changes(right, surveys)
    figure.savefig(png, dpi=110)


def _town_shares(axes, towns):
    shares = 100 * np.array(list(towns.values())).T
    axes.imshow(np.ma.masked_equal(shares, 0), cmap='Blues', norm=LogNorm(0.001, 100),
                aspect='auto')
    for (place, town), share in np.ndenumerate(shares):
        text = f'{share:.2g}' if 0 < share < 10 else f'{share:.0f}' if share else '-'
        axes.text(town, place, text, ha='center', va='center', fontsize=8,
                  color='white' if share > 3 else 'black')
    axes.set(title='% of the pixels', xticks=range(len(towns)), yticks=range(len(NAMES)),
             yticklabels=NAMES)
    axes.set_xticklabels(list(towns), rotation=60, ha='right')


def _changes(axes, surveys):
    changes = np.concatenate([np.array(f.changes, float) for f in surveys])
    bins = np.geomspace(0.05, 100, 60)
    axes.hist(changes.clip(bins[0], bins[-1]), bins, color='tab:blue')
    axes.axvline(NEAR_COPY, color='tab:red', label=f'near-copies are below {NEAR_COPY:g}')
    axes.set(title='change from a frame to the next', xscale='log', ylabel='frames',
             xlabel='mean difference in grey levels (0 to 255) of thumbnails')
    axes.legend()
