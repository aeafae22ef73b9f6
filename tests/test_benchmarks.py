"""The runner of the speed benchmarks, on made-up ones."""

import importlib
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = '''"""Ours against {name}.

    python benchmarks/{name}.py

Two ways. The ratio says which.
"""
import os
import sys
from pathlib import Path

with open(Path(__file__).parent / 'calls', 'a') as file:
    file.write(' '.join(['{name}', *sys.argv[1:]]) + '\\n')
print('| a |\\n|---|\\n| ' + os.environ['OMP_NUM_THREADS'] + ' |\\n')
print('a warning', file=sys.stderr)
sys.exit({code})
'''


@pytest.fixture
def run(monkeypatch):
    """The module benchmarks/run.py."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    for name in ('measure', 'runs', 'run'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module('run')
    yield module
    for name in ('measure', 'runs', 'run'):
        sys.modules.pop(name, None)


@pytest.fixture
def bench(run, monkeypatch, tmp_path):
    """Call the runner on two made-up benchmarks; what they were asked."""
    scripts = tmp_path / 'benchmarks'
    scripts.mkdir()
    for name in ('walk', 'loss'):
        text = SCRIPT.format(name=name, code=0)
        (scripts / f'{name}.py').write_text(text)
    benchmarks = {
        'walk': (run.Part(), run.Part('--images DIR', needs='photos')),
        'loss': (run.Part('--step'),),
    }
    monkeypatch.setattr(run, 'BENCHMARKS', benchmarks)
    monkeypatch.setattr(run, 'SCRIPTS', scripts)
    monkeypatch.setattr(run, 'ROOT', tmp_path)
    calls = scripts / 'calls'

    def call(*arguments):
        calls.unlink(missing_ok=True)
        options = ['--work-dir', str(tmp_path / 'work'), *arguments]
        monkeypatch.setattr(sys, 'argv', ['run.py', *options])
        run.main()
        return calls.read_text().splitlines() if calls.is_file() else []

    return call


def break_script(folder: Path, code: int = 1) -> None:
    text = SCRIPT.format(name='walk', code=code)
    (folder / 'benchmarks' / 'walk.py').write_text(text)


def test_page(bench, tmp_path, capsys):
    page = tmp_path / 'docs' / 'speed.md'
    assert bench('--out', str(page), '--threads', '3') == [
        'walk',
        'loss --step',
    ]
    text = page.read_text()
    assert text.startswith('# Speed\n')
    assert ', 3 threads, torch ' in text
    # The sentences are those of the script, without its commands.
    walk, loss = text.split('## Ours against ')[1:]
    assert walk.startswith('walk\n\nTwo ways. The ratio says which.\n')
    assert '    python' not in text
    assert '`python benchmarks/walk.py`\n\n| a |\n|---|\n| 3 |\n' in walk
    assert 'Left out: there is no folder photos.' in walk
    assert '`python benchmarks/loss.py --step`' in loss
    assert 'a warning' not in text
    assert '## ' not in capsys.readouterr().out


def test_printed_without_out(bench, capsys):
    bench('--only', 'loss')
    out = capsys.readouterr().out
    assert out.startswith('# Speed\n')
    assert '## Ours against loss' in out
    assert 'walk' not in out


def test_what_is_finished_is_kept(bench, tmp_path):
    assert bench() == ['walk', 'loss --step']
    assert bench() == []
    assert bench('--again', '--only', 'walk') == ['walk']
    # Other settings, another script or more data are other results.
    assert bench('--threads', '2', '--only', 'walk') == ['walk']
    assert bench('--threads', '2', '--only', 'walk') == []
    assert bench('--quick', '--only', 'loss') == ['loss --step --quick']
    assert bench('--only', 'loss') == ['loss --step']
    (tmp_path / 'photos').mkdir()
    both = ['walk', 'walk --images DIR']
    assert bench('--only', 'walk') == both
    assert bench('--only', 'walk') == []
    kept = tmp_path / 'work' / 'walk.md'
    os.utime(kept, (0, 0))
    assert bench('--only', 'walk') == both


def test_failure(bench, tmp_path, capsys):
    break_script(tmp_path)
    page = tmp_path / 'speed.md'
    with pytest.raises(SystemExit, match=r'walk\.py failed, see .*walk\.log'):
        bench('--out', str(page))
    assert not page.exists()
    assert not (tmp_path / 'work' / 'walk.md').exists()
    assert 'a warning' in (tmp_path / 'work' / 'walk.log').read_text()

    with pytest.raises(SystemExit, match='not measured: walk'):
        bench('--out', str(page), '--keep-going')
    assert 'against loss' in page.read_text()
    assert 'against walk' not in page.read_text()
    assert 'walk.py failed' in capsys.readouterr().err

    break_script(tmp_path, code=0)
    assert bench('--out', str(page)) == ['walk']  # the other one is kept


@pytest.mark.parametrize('wrong', [('--only', 'x'), ('--threads', '0')])
def test_bad_options(bench, wrong):
    with pytest.raises(SystemExit):
        bench(*wrong)


def test_every_speed_benchmark_is_listed(run):
    # wait_policy prints a table of its own, of a machine under load.
    helpers = {'measure', 'runs', 'run', 'wait_policy', 'ablation_figures'}
    helpers |= {f'zoo_{x}' for x in ('backbones', 'data', 'families', 'train')}
    speed = set()
    for script in (ROOT / 'benchmarks').glob('*.py'):
        text = script.read_text()
        if script.stem in helpers:
            continue
        if 'from measure import' in text:
            speed.add(script.stem)
        else:  # an ablation, which trains and belongs to no page on speed
            assert 'from runs import' in text, script
    assert speed == set(run.BENCHMARKS)
    for name in speed:
        title, text = run.read_doc(ROOT / 'benchmarks' / f'{name}.py')
        assert '\n' not in title
        assert 'ratio' in text.lower(), f'{name} says nothing of its ratio'


def test_tables(run, capsys):
    measure = sys.modules['measure']
    measure.print_table(['a', 'b'], [['1', '2'], ['3', '4']])
    out = capsys.readouterr().out
    assert out == '| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n'


def test_medians(run):
    measure = sys.modules['measure']
    calls = []
    ms = measure.medians(
        {'a': lambda: calls.append('a'), 'b': lambda: calls.append('b')}, 2
    )
    assert calls == ['a', 'b'] * 3  # in turn, the first to warm up
    assert set(ms) == {'a', 'b'} and all(value >= 0 for value in ms.values())
    _, result = measure.once(lambda: 7)
    assert result == 7


def test_memory_is_measured_with_the_usual_allocator(run, monkeypatch):
    measure = sys.modules['measure']
    monkeypatch.setattr(measure.torch.cuda, 'is_available', lambda: False)
    monkeypatch.setenv('MALLOC_TOP_PAD_', '1000')
    assert measure.in_fresh_process(os.getenv, 'MALLOC_TOP_PAD_') is None
    assert os.environ['MALLOC_TOP_PAD_'] == '1000'
    assert measure.in_fresh_process(os.getpid) != os.getpid()
    monkeypatch.setattr(measure.torch.cuda, 'is_available', lambda: True)
    assert measure.in_fresh_process(os.getpid) == os.getpid()


def test_quick_is_one_measurement(run, monkeypatch):
    measure = sys.modules['measure']
    for words, repeats in (
        ([], 5),
        (['--quick'], 1),
        (['--quick', '--repeats', '2'], 2),
    ):
        monkeypatch.setattr(sys, 'argv', ['x.py', *words])
        assert measure.parse(measure.new_parser('x'), 5).repeats == repeats
    monkeypatch.setattr(sys, 'argv', ['x.py', '--repeats', '0'])
    with pytest.raises(SystemExit):
        measure.parse(measure.new_parser('x'), 5)
