"""The node's report for /diagnostics."""
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from unet_perception.frame_statistics import OUTCOMES

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
OTHER_CLOCK = 86400.0  # s: an output older than this has its stamp from another clock


def report(node_name, state, error, worker, cameras, parameters, stamp):
    """
    Return a DiagnosticArray: one status for the network, one for each camera.

    state: the node's lifecycle state. error: what went wrong last in a transition, or ''.
    worker, cameras: None and () while the node is unconfigured. stamp: builtin_interfaces/Time.
    """
    array = DiagnosticArray(status=[_network(node_name, state, error, worker)])
    array.status += [_camera(node_name, state, camera, parameters) for camera in cameras]
    array.header.stamp = stamp
    return array


def _status(name, hardware, level, text, values):
    return DiagnosticStatus(name=name, hardware_id=hardware, level=level, message=text, values=[
        KeyValue(key=key, value=str(value)) for key, value in values.items()])


def _network(node_name, state, error, worker):
    values = {'state': state}
    if worker:
        segmenter = worker.segmenter
        bundle, runtime = segmenter.bundle, segmenter.runtime
        values.update({
            'model': bundle.name, 'manifest': bundle.digest, 'runtime': runtime.name,
            'device': runtime.device, 'precision': runtime.precision,
            'chosen because': runtime.reason, 'upscale': segmenter.upscale})
    level = ERROR if error else OK if state == 'active' else WARN
    return _status(f'{node_name}: network', node_name, level, error or f'the node is {state}',
                   values)


def _camera(node_name, state, camera, parameters):
    figures = camera.statistics.values()
    new = camera.statistics.since_last_report(figures)
    level, text = OK, f'{new["processed"]} frames labelled'
    if state == 'active':
        level, text = max(_findings(figures, new, camera, parameters) or [(level, text)],
                          key=lambda finding: finding[0])
    return _status(f'{node_name}: {camera.namespace}', camera.namespace, level, text, figures)


def _findings(figures, new, camera, parameters):
    """Return (level, sentence) of all that is over a threshold."""
    found = []

    def compare(value, name, sentence):
        for level, limit in ((ERROR, 'error'), (WARN, 'warn')):
            threshold = getattr(parameters, f'{name}_{limit}')
            if value > threshold:  # never for NaN
                found.append((level, f'{sentence} ({name}_{limit} is {threshold})'))
                return

    silence = camera.statistics.silence()
    compare(silence, 'silence', f'no image on {camera.topic} for {silence:.0f} s')
    lost, ended = new['dropped'] + new['failed'], sum(new[name] for name in OUTCOMES)
    compare(lost / max(1, ended), 'drops',
            f'{new["dropped"]} of {ended} frames dropped, {new["failed"]} failed')
    if new['failed'] and not found:
        found.append((WARN, f'{new["failed"]} frames failed'))
    if new['processed']:
        latency, age = (figures[f'{stage} p95 [ms]'] / 1000 for stage in ('latency', 'age'))
        compare(latency, 'latency', f'95 % of the frames take up to {1000 * latency:.0f} ms')
        if abs(age) > OTHER_CLOCK:
            found.append((WARN, 'the stamps of the images are not of this clock; '
                                'should use_sim_time be true?'))
        else:
            compare(age, 'age', f'95 % of the outputs are up to {1000 * age:.0f} ms old')
    return found
