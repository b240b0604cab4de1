"""The table and the pictures of a comparison; see train.compare for its figures."""
from matplotlib.figure import Figure
import numpy as np

from train import dataset, plots
from train.split import spread


def rows(figures):
    """Return the table as rows: what it is, then a cell of each model; all text."""
    models = list(figures['models'].values())

    def row(name, cell):
        return [name, *('-' if (text := cell(model)) is None else text for model in models)]

    def number(key, pattern):
        return lambda model: None if model[key] is None else format(model[key], pattern)

    table = [
        row('network', lambda model: model['network']),
        row('input (height x width)', lambda model: model['input']),
        row('parameters', number('parameters', ',')),
        row('multiply-adds', lambda model: f'{model["multiply_adds"] / 1e9:.2f} G'),
        row('training frames', number('training_frames', ',')),
        row('training steps', number('steps', ',')),
        row('of the frames scored, held out by its own split', number('held_out', ',')),
        row('**mean IoU**', number('mean_iou', '.3f')),
        row('pixel accuracy', number('pixel_accuracy', '.3f')),
        row('mean boundary IoU', number('mean_boundary_iou', '.3f')),
        row('calibration error', number('calibration_error', '.3f'))]
    for precision in dict.fromkeys(p for model in models for p in model['latency_ms']):
        table.append(row(f'latency {precision}, p50', lambda model: (
            f'{model["latency_ms"][precision]["p50"]:.1f} ms'
            if precision in model['latency_ms'] else None)))
    for name, share in present(figures).items():
        table.append(row(f'IoU {name} ({share:.2%} of the pixels)',
                         lambda model: f'{model["classes"][name]["iou"]:.3f}'))
    return table


def present(figures):
    """Return the classes that the truth has, {name: share of its pixels}."""
    model = next(iter(figures['models'].values()))
    return {name: row['support'] / model['pixels'] for name, row in model['classes'].items()
            if row['support']}


def heading(figures):
    """Return a sentence on what was compared on what."""
    return (f'{figures["frames"]:,} frames, scored at camera resolution in OpenVINO f32; latency '
            f'from a picture of {figures["picture"]} to its labels')


def markdown(figures, table):
    """Return the rows as a table in Markdown."""
    lines = [['', *figures['models']], ['---', *['---:'] * len(figures['models'])], *table]
    return f'{heading(figures)}:\n\n' + ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def print_rows(figures, table):
    """Print the rows."""
    from rich.console import Console
    from rich.table import Table
    shown = Table(title=heading(figures))
    for name in ('', *figures['models']):
        shown.add_column(name, justify='right' if name else 'left')
    for name, *cells in table:
        shown.add_row(name.strip('*'), *cells)
    Console().print(shown)


def draw(figures, segmenters, frames, count, png):
    """
    Draw IoU by class as bars, and some frames with what each model makes of them.

    segmenters: {name: Segmenter}, of the same classes. count: how many of the frames, at most.
    """
    bundle = next(iter(segmenters.values())).bundle
    shown = [dataset.load(frame, bundle.classes)
             for frame in spread(frames, min(count, len(frames)))]
    labels = {'truth': [truth for _, truth in shown]} | {
        name: [segmenter(image).labels for image, _ in shown]
        for name, segmenter in segmenters.items()}
    width, heights = 2.6 * (len(labels) + 1), (3.2, 1.5 * len(shown) + 0.8)
    figure = Figure(figsize=(width, sum(heights)), layout='constrained')
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    _bars(above.subplots(), figures)
    plots.draw_panel(below, [image for image, _ in shown], labels, bundle.names, bundle.colors)
    figure.savefig(png, dpi=110)


def _bars(axes, figures):
    classes, models = list(present(figures)), figures['models']
    width = 0.8 / len(models)
    for k, (name, model) in enumerate(models.items()):
        values = [model['mean_iou'], *(model['classes'][of]['iou'] for of in classes)]
        axes.bar(np.arange(len(values)) + (k - (len(models) - 1) / 2) * width, values, width,
                 label=name)
    axes.set(ylabel='IoU', ylim=(0, 1), xticks=range(len(classes) + 1))
    axes.set_xticklabels(['mean', *classes], rotation=40, ha='right')
    axes.grid(axis='y', alpha=0.3)
    axes.legend(ncols=len(models), loc='lower center', bbox_to_anchor=(0.5, 1), frameon=False)
