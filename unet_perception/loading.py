"""Load the network that the node's parameters name, and tell about it in the log."""
from contextlib import contextmanager
import threading
import time

from unet_perception.model import open_bundle
from unet_perception.segmenter import Segmenter


def load(parameters, logger):
    """
    Return a Segmenter for the node's Parameters, its files verified and the network warm.

    Raise ValueError if the bundle is no good, or if what is asked for is not to be had.
    """
    with _progress(f'loading model {parameters.model}', logger):
        bundle = open_bundle(parameters.model)
        segmenter = Segmenter(
            bundle, upscale=parameters.upscale, runtime=parameters.runtime,
            device=parameters.device, fallback=parameters.device_fallback,
            precision=parameters.precision, threads=parameters.threads)
        segmenter.warm_up(len(parameters.cameras))
    runtime = segmenter.runtime
    logger.info(
        f'model {bundle.name} ({bundle.digest}) from {bundle.path}, {len(bundle.names)} classes; '
        f'{runtime.name} on {runtime.device} in {runtime.precision}: {runtime.reason}')
    return segmenter


@contextmanager
def _progress(what, logger):
    """Log once a second that something is still going on."""
    done, begin = threading.Event(), time.monotonic()

    def tell():
        while not done.wait(1.0):
            logger.info(f'{what}: {time.monotonic() - begin:.0f} s so far')

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
