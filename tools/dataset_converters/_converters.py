"""Functions that the converters share: arguments, summary, progress."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def run(main: Callable[[], None]) -> None:
    """Run a tool; bad input becomes one line and exit code 2.

    So do Ctrl-C (exit code 130) and a reader that closes the output.
    """
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print('stopped: nothing is half written', file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # Python flushes the output once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(
            'error: stopped, because the output was closed, as by | head; '
            'nothing is half written: run it without the pipe',
            file=sys.stderr,
        )
        sys.exit(2)
    except (ValueError, OSError) as exc:
        print('error:', ' '.join(str(exc).split()), file=sys.stderr)
        sys.exit(2)


def import_package() -> None:
    """Import the package; Ctrl-C waits, as it would abort within torch."""
    pressed = []
    previous = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        import mmseg_wsss  # noqa: F401
    finally:
        signal.signal(signal.SIGINT, previous)
    if pressed:
        raise KeyboardInterrupt


def label_parser(description: str, source: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments of every label converter."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('source', help=source)
    parser.add_argument('out', help='image-label JSON to write')
    parser.add_argument(
        '--split-list',
        metavar='FILE',
        help='also list the stems of all images with at least one label',
    )
    return parser


def add_classes(
    parser: argparse.ArgumentParser, default: str | None = None
) -> None:
    """Add the option ``--classes``."""
    parser.add_argument(
        '--classes',
        default=default,
        metavar='NAME',
        help='registered MMSeg data set, or a text file with one class name '
        f'per line (default: {default or "as the source has them"})',
    )


def read_classes(name: str) -> tuple[str, ...]:
    """Return the class names that ``--classes`` stands for."""
    from mmseg_wsss.datasets.transforms.loading import resolve_classes

    if not Path(name).is_file():
        return resolve_classes(name)
    lines = Path(name).read_text(encoding='utf-8').splitlines()
    return resolve_classes([line.strip() for line in lines if line.strip()])


def convert(
    args: argparse.Namespace, file_format: str, **options: bool
) -> None:
    """Convert a file that names its classes to JSON; print a summary."""
    from mmseg_wsss.datasets.label_files.load import load_image_labels

    labels = load_image_labels(args.source, file_format, **options)
    classes = labels.names
    if getattr(args, 'classes', None):
        classes = read_classes(args.classes)
        labels.matrix(classes, background_index=None)  # checks all names
        kept = set(classes) - {'background'} | set(labels.names)
        classes = [name for name in classes if name in kept]
    write_labels(args, labels, classes)


def check_json(argument: str, path: str) -> None:
    """Check that JSON is not written under the name of another format."""
    if Path(path).suffix.lower() != '.json':
        raise ValueError(
            f'{argument} {path} would be JSON: give it a name that ends in '
            f'.json, such as {Path(path).with_suffix(".json")}'
        )


def write_labels(
    args: argparse.Namespace,
    labels: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> None:
    """Write the JSON and the list of labelled images; print a summary."""
    from mmseg_wsss.datasets.label_files.load import save_image_labels
    from mmseg_wsss.datasets.label_files.split_lists import write_split_list

    check_json('the file', args.out)
    save_image_labels(args.out, labels)
    if args.split_list:
        write_split_list(
            args.split_list, [stem for stem in labels if len(labels[stem])]
        )
    print_summary(labels, classes)
    print(f'wrote {args.out}')
    if args.split_list:
        print(f'wrote {args.split_list}')


def print_summary(
    labels: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> None:
    """Print how often classes occur, alone and together."""
    from mmseg_wsss.workflow.own_data.advice import class_table, label_matrix

    matrix = label_matrix(labels, classes)
    empty = int((matrix.sum(1) == 0).sum())
    print(
        f'images: {len(matrix)}, without label: {empty}, '
        f'labels per image: {matrix.sum() / max(len(matrix), 1):.3f}'
    )
    print(*class_table(classes, matrix), sep='\n')
    absent = [name for k, name in enumerate(classes) if not matrix[:, k].any()]
    if absent:
        print(f'warning: no image has {", ".join(absent)}', file=sys.stderr)


class Progress:
    """Print the progress of a loop and the time left, every few seconds."""

    def __init__(self, total: int, every: float = 5.0) -> None:
        self.total, self.every, self.done = total, every, 0
        self.start = self.last = time.monotonic()

    def step(self) -> None:
        """Count one item."""
        self.done += 1
        now = time.monotonic()
        if now - self.last >= self.every:
            self.last = now
            left = (now - self.start) / self.done * (self.total - self.done)
            print(f'{self.done}/{self.total}, {left:.0f} s left', flush=True)
