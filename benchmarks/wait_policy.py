"""A training step with and without OpenMP threads that spin.

    python benchmarks/wait_policy.py

Seconds of a ResNet-18 step with two threads: alone, beside two processes that
compute, and beside another training of the same kind with the default of
OpenMP. "alone" is true only on a machine that is idle otherwise. The last
column is the sum of the gradients.
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
BUSY = 'while True: pass'
TRAINING = STEP.replace('range(int(sys.argv[1]) + 1)', 'range(10**9)')
SETTINGS = (
    {},
    {'OMP_WAIT_POLICY': 'PASSIVE'},
    {'GOMP_SPINCOUNT': '1000'},
)


def environment(setting: dict) -> dict:
    names = {name for setting in SETTINGS for name in setting}
    return {k: v for k, v in os.environ.items() if k not in names} | setting


def measure(setting: dict, repeats: int) -> str:
    command = [sys.executable, '-c', STEP, str(repeats)]
    output = subprocess.check_output(
        command, env=environment(setting), text=True
    )
    return output.strip()


@contextmanager
def load(*programs: str):
    busy = [
        subprocess.Popen([sys.executable, '-c', program], env=environment({}))
        for program in programs
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
    print('| beside | setting | s a step | gradients |')
    print('|---|---|---|---|')
    loads = {
        'alone': (),
        'two busy processes': (BUSY, BUSY),
        'another training': (TRAINING,),
    }
    for name, programs in loads.items():
        for setting in SETTINGS:
            with load(*programs):
                figures = measure(setting, repeats)
            text = ' '.join(f'{k}={v}' for k, v in setting.items())
            print(f'| {name} | {text or "unset"} | {figures} |', flush=True)


if __name__ == '__main__':
    main()
