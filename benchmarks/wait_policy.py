"""A training step with and without OpenMP threads that spin.

    python benchmarks/wait_policy.py

Seconds of a ResNet-18 step with two threads, alone and beside two processes
that compute, with OMP_WAIT_POLICY unset and PASSIVE. "alone" is true only on
a machine that is idle otherwise. The last column is the sum of the gradients.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import contextmanager

STEP = """
import statistics, sys, time, torch, torchvision
torch.manual_seed(0)
torch.set_num_threads(2)
model = torchvision.models.resnet18()
images = torch.randn(4, 3, 128, 128)
seconds = []
for _ in range(int(sys.argv[1]) + 1):
    model.zero_grad()
    start = time.perf_counter()
    model(images).mean().backward()
    seconds.append(time.perf_counter() - start)
total = sum(p.grad.double().sum().item() for p in model.parameters())
print(f'{statistics.median(seconds[1:]):.2f} | {total.hex()}')
"""
LOAD = 'while True: pass'


def measure(policy: str | None, repeats: int) -> str:
    env = {k: v for k, v in os.environ.items() if k != 'OMP_WAIT_POLICY'}
    if policy:
        env['OMP_WAIT_POLICY'] = policy
    command = [sys.executable, '-c', STEP, str(repeats)]
    return subprocess.check_output(command, env=env, text=True).strip()


@contextmanager
def load(count: int):
    busy = [
        subprocess.Popen([sys.executable, '-c', LOAD]) for _ in range(count)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=10, help='steps')
    repeats = parser.parse_args().repeats
    print('| beside | OMP_WAIT_POLICY | s a step | gradients |')
    print('|---|---|---|---|')
    for name, count in (('alone', 0), ('two busy processes', 2)):
        for policy in (None, 'PASSIVE'):
            with load(count):
                figures = measure(policy, repeats)
            print(f'| {name} | {policy or "unset"} | {figures} |', flush=True)


if __name__ == '__main__':
    main()
