"""What /diagnostics and the log say about a LiveAccuracy. No ROS here."""
from collections import Counter
from math import nan

from unet_perception.accuracy import SCORED, UNSCORED

OK, WARN, ERROR = range(3)  # as in diagnostic_msgs/DiagnosticStatus


class AccuracyReport:
    """Reads the figures of a LiveAccuracy, and takes what is amiss from it."""

    def __init__(self, accuracy):
        self._accuracy, self._before = accuracy, Counter()

    def values(self):
        """Return all figures by name: mIoU, masks by what became of them, IoU by class."""
        accuracy, out = self._accuracy, {}
        paired = accuracy.paired.figures()
        for prefix, score, figures in (('', accuracy.paired, paired),
                                       ('timely ', accuracy.timely, accuracy.timely.figures())):
            out[f'{prefix}miou'] = round(figures['mean_iou'], 4) if figures else nan
            out[f'{prefix}scored'] = score.counts[SCORED]
            for reason in UNSCORED:
                out[f'{prefix}unscored: {reason}'] = score.counts[reason]
            out[f'{prefix}waiting'] = len(score.waiting)
        return {**out, 'frames in window': len(accuracy.paired.window),
                'semantic images without a mask': accuracy.truths.lost,
                'restarts': accuracy.restarts,
                **{f'iou {name}': round(row['iou'], 4)
                   for name, row in (paired['classes'] if paired else {}).items()}}

    def take_findings(self, miou_warn, miou_error):
        """
        Return {kind: (level, sentence)} of all that is amiss since the last call.

        miou_warn, miou_error: the mIoU below which that is the level.
        """
        counts, problems = self._accuracy.paired.counts, self._accuracy.problems
        new, self._before = counts - self._before, counts.copy()
        # A frame may get lost now and then; if none is scored, nobody watches.
        level = ERROR if new and SCORED not in new else WARN
        found = {kind: (level, sentence) for kind, sentence in problems.items()}
        problems.clear()
        figures = self._accuracy.paired.figures()
        for limit, level in ((miou_error, ERROR), (miou_warn, WARN)):
            if figures and figures['mean_iou'] < limit:
                found['miou'] = (level, f'mIoU {figures["mean_iou"]:.3f} is below {limit}')
                break
        return found
