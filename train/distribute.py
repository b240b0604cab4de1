"""
Several GPUs and several machines: who computes what, by TensorFlow's tf.distribute.

Worker 0 leads: it says how to train, and it alone writes. The others need only the data.
"""
from dataclasses import dataclass
import hashlib
import json
import os
import signal

import tensorflow as tf

from train.meeting import meet

LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
        tf.errors.DeadlineExceededError, tf.errors.FailedPreconditionError)


@dataclass(frozen=True)
class Team:
    """
    The workers that train together, seen from one of them.

    strategy: the tf.distribute.Strategy to train under. index: which of the workers this one is.
    size: how many there are. plan: what worker 0 has given to start().
    """

    strategy: tf.distribute.Strategy
    index: int = 0
    size: int = 1
    plan: dict | None = None

    @property
    def leads(self):
        """Tell whether this worker is the one that writes."""
        return self.index == 0

    def check_same(self, what, values):
        """Wait for all workers; raise ValueError unless all give the same values (strings)."""
        if self.size == 1:
            return
        digest = hashlib.sha256('\n'.join(values).encode()).digest()
        mine = int.from_bytes(digest[:4], 'big')
        theirs = int(self._sum([tf.constant(mine if self.leads else 0, tf.int64)])[0])
        if theirs != mine:
            raise ValueError(f'worker {self.index} has other {what} than worker 0')

    def share(self, variables):
        """Give worker 0's values of tf.Variables to all workers."""
        if self.size == 1:
            return
        values = [tf.identity(v) if self.leads else tf.zeros_like(v) for v in variables]
        for variable, value in zip(variables, self._sum(values)):
            variable.assign(value)

    def _sum(self, tensors):
        """Sum tensors over the workers."""
        @tf.function(autograph=False)
        def summed():
            def replica():
                context = tf.distribute.get_replica_context()
                # Of a worker's GPUs, the first speaks for all.
                speaks = context.replica_id_in_sync_group % local == 0
                return [context.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(
                    speaks, tensor, tf.zeros_like(tensor))) for tensor in tensors]
            return self.strategy.run(replica)

        local = self.strategy.num_replicas_in_sync // self.size
        return [self.strategy.experimental_local_results(value)[0] for value in summed()]


def alone():
    """Return the Team of this machine alone: of all its GPUs, or of its CPU."""
    several = len(tf.config.list_physical_devices('GPU')) > 1
    return Team(tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy())


def start(workers, index, plan, patience):
    """
    Return the Team of several machines, once all are there. Before TensorFlow is used.

    workers: their addresses, 'host:port'; index: this one's place among them. plan: what worker 0
    tells the others, JSON values; patience: seconds to wait for them.
    Raise ValueError if they do not come.
    """
    plan = meet(workers, index, plan, patience)
    os.environ['TF_CONFIG'] = json.dumps({'cluster': {'worker': workers},
                                          'task': {'type': 'worker', 'index': index}})
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # TensorFlow catches it, and goes on
    return Team(strategy, index, len(workers), plan)
