"""A short soak: half a minute of what test/soak.py does for half an hour."""
import json

import soak


def test_nothing_grows_and_every_frame_is_accounted_for(tmp_path):
    # The limits on growth are for runs whose every quarter holds every change, so not for this.
    soak.main(['--minutes', '0.5', '--pace', '5', '--out', str(tmp_path / 'soak')])
    figures = json.loads((tmp_path / 'soak' / 'soak.json').read_text())
    assert set(figures['changes']) == {'subscriber', 'parameter', 'model', 'publisher'}
    assert figures['received'] == sum(
        figures[name] for name in ('processed', 'dropped', 'failed', 'unread'))
    assert figures['failed'] == 0 and figures['processed'] > 0.3 * figures['sent']
    first, *_, last = figures['quarters']['memory [MB]']
    assert last < 1.5 * first
    assert not [sentence for sentence in figures['broken'] if 'grew' not in sentence]
    log = (tmp_path / 'soak' / 'node.log').read_text()
    assert 'Traceback' not in log and 'ERROR' not in log
    assert (tmp_path / 'soak' / 'soak.png').stat().st_size > 10_000


def test_the_judge_finds_what_grows():
    samples = [{'seconds': i, 'memory [MB]': 100 + i, 'files': 9, 'threads': 5,
                'latency p50 [ms]': 5.0} for i in range(100)]
    counts = {'received': 9, 'processed': 7, 'dropped': 1, 'failed': 0, 'unread': 0}
    broken = soak.judge(samples, counts)
    assert 'memory [MB] grew' in broken[1] and 'accounted for' in broken[0] and len(broken) == 2
