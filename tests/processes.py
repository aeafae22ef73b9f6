"""Run tools as processes without importing torch each time.

Importing torch, MMSegmentation and this package takes about 5 s of CPU time.
A server process imports them once per test process and forks for each call.
Calls that need an interpreter of their own (``-m``, ``-c``, ranks) and
machines with a GPU, which cannot be used after a fork, take
:func:`subprocess.run`.
"""

import atexit
import gc
import json
import os
import runpy
import select
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

TIMEOUT = 300  # seconds of one call
ROOT = Path(__file__).resolve().parents[1]


def run_python(command, cwd, env):
    """Run Python with arguments; return what ``subprocess.run`` returns.

    Args:
        command: The arguments of the interpreter, the script first.
        cwd: The folder to run in.
        env: All environment variables.

    Returns:
        A ``CompletedProcess`` with ``stdout`` and ``stderr`` as text.
    """
    import torch

    command = [str(word) for word in command]
    if command[0].startswith('-') or torch.cuda.is_available():
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
        request.update(out=str(out), err=str(err))
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

    if len(os.listdir('/proc/self/task')) > 1:
        raise RuntimeError('threads were started: a fork is not safe')
    gc.freeze()  # a collection in a child copies no pages of the server
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.close(replies)
            return json.loads(line)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        os.write(replies, f'{code}\n'.encode())
    return None


def _become(request):
    """Turn this forked child into the process that was asked for."""
    files = (
        (os.devnull, os.O_RDONLY),
        *(
            (request[name], os.O_WRONLY | os.O_CREAT)
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


if __name__ == '__main__' and (request := _serve()):
    _become(request)
    runpy.run_path(sys.argv[0], run_name='__main__')
