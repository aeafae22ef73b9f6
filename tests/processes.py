"""Run tools as processes without importing torch each time.

Importing torch, MMSegmentation and this package takes about 5 s of CPU time.
A server process imports them once per test process and forks for each call,
or for each rank of it. Calls that need an interpreter of their own (``-m``,
``-c``) and machines with a GPU, which cannot be used after a fork, take
:func:`subprocess.run`.
"""

import atexit
import gc
import importlib.util
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from types import SimpleNamespace

TIMEOUT = 300  # seconds of one call
ROOT = Path(__file__).resolve().parents[1]


def make_mmengine_fast():
    """Skip what MMEngine does each time: seconds for each config and data set.

    YAPF formats a config that is written, and garbage is collected for each
    data set that is loaded.
    """
    from mmengine.config import config
    from mmengine.dataset import base_dataset
    from yapf.yapflib import yapf_api

    base_dataset.gc = SimpleNamespace(collect=lambda: 0)
    # OneDL's MMEngine imports it at each call, upstream's once.
    yapf_api.FormatCode = lambda text, **_: (text, True)
    config.FormatCode = yapf_api.FormatCode


def run_python(command, cwd, env, ranks=1):
    """Run Python with arguments; return what ``subprocess.run`` returns.

    Args:
        command: The arguments of the interpreter, the script first.
        cwd: The folder to run in.
        env: All environment variables.
        ranks: Number of processes, with the variables that torchrun sets. The
            first that fails ends the others; their outputs are one.

    Returns:
        A ``CompletedProcess`` with ``stdout`` and ``stderr`` as text.
    """
    import torch

    command = [str(word) for word in command]
    if command[0].startswith('-') or torch.cuda.is_available():
        if ranks > 1:
            torchrun = ['-m', 'torch.distributed.run', '--standalone']
            command = [*torchrun, f'--nproc_per_node={ranks}', *command]
        return subprocess.run(
            [sys.executable, *command],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, 'out'), Path(folder, 'err')
        request = dict(command=command, cwd=str(cwd), env=dict(env))
        request.update(out=str(out), err=str(err), ranks=ranks)
        if ranks > 1:
            request['env'] |= dict(
                WORLD_SIZE=str(ranks),
                LOCAL_WORLD_SIZE=str(ranks),
                MASTER_ADDR='127.0.0.1',
                MASTER_PORT=str(_free_port()),
            )
        server = _server()
        server.stdin.write(json.dumps(request) + '\n')
        server.stdin.flush()
        if not select.select([server.stdout], [], [], TIMEOUT)[0]:
            server.kill()
        code = server.stdout.readline()
        if not code:
            _server.cache_clear()
            raise RuntimeError(f'{command} ended or hung the server of tests')
        code = int(code)
        return subprocess.CompletedProcess(
            [sys.executable, *command], code, out.read_text(), err.read_text()
        )


def run_ranks(ranks, *command):
    """Run a script of this repository on ranks without a GPU."""
    env = dict(
        os.environ,
        PYTHONPATH=str(ROOT),
        OMP_NUM_THREADS='1',
        CUDA_VISIBLE_DEVICES='',
    )
    return run_python(command, ROOT, env, ranks)


def run_in_server(command, output, *_):
    """Run a stage's tool; takes the place of the pipeline's run_command."""
    from mmseg_wsss.workflow.pipeline.command import environment

    done = run_python(command[1:], ROOT, environment())
    output.write_text(done.stdout + done.stderr)
    return done.returncode


def _free_port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


@cache
def _server():
    """Start the server of this test process."""
    server = subprocess.Popen(
        [sys.executable, __file__],
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)  # closes its input, which ends it
    return server


def _serve():
    """Answer requests; return one in each forked child, None at the end."""
    replies = os.dup(1)
    os.dup2(2, 1)  # what an import prints is no reply
    import mmseg.models  # noqa: F401

    import mmseg_wsss.jobs.refinement  # noqa: F401

    make_mmengine_fast()
    if len(os.listdir('/proc/self/task')) > 1:
        raise RuntimeError('threads were started: a fork is not safe')
    gc.freeze()  # a collection in a child copies no pages of the server
    for line in sys.stdin:
        request = json.loads(line)
        children = set()
        for rank in range(request['ranks']):
            child = os.fork()
            if child == 0:
                os.close(replies)
                if request['ranks'] > 1:
                    request['env'] |= dict.fromkeys(
                        ('RANK', 'LOCAL_RANK'), str(rank)
                    )
                return request
            children.add(child)
        os.write(replies, f'{_wait_for(children)}\n'.encode())
    return None


def _wait_for(children):
    """Return the exit code of the first that fails, which ends the others."""
    code = 0
    while children:
        child, status = os.wait()
        children.remove(child)
        if status and not code:
            code = os.waitstatus_to_exitcode(status)
            for other in children:
                os.kill(other, signal.SIGTERM)
    return code


def _become(request):
    """Turn this forked child into the process that was asked for."""
    files = (
        (os.devnull, os.O_RDONLY),
        *(
            (request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for name in ('out', 'err')
        ),
    )
    for target, (path, flags) in enumerate(files):
        source = os.open(path, flags, 0o600)
        os.dup2(source, target)
        os.close(source)
    os.chdir(request['cwd'])
    os.environ.clear()
    os.environ.update(request['env'])
    sys.argv = request['command']
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    # A fork inherits the state of the generators.
    import numpy as np
    import torch

    np.random.seed()
    torch.seed()


def _run(script):
    """Run a script and exit as Python does, but free nothing: it takes 0.5 s.

    Args:
        script: Path of the script, whose arguments are in ``sys.argv``.
    """
    code = 0
    try:
        runpy.run_path(script, run_name='__main__')
    except SystemExit as error:
        code = 0 if error.code is None else error.code
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except Exception:
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def load_tool(name):
    """Import a tool of tools/ by its name."""
    path = ROOT / 'tools' / f'{name}.py'
    spec = importlib.util.spec_from_file_location(f'{name}_tool', path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


if __name__ == '__main__' and (request := _serve()):
    _become(request)
    _run(sys.argv[0])
