"""Write a page that shows what came out at every stage of a pipeline.

    python tools/report.py work_dirs/scenes

One HTML file with everything inside: figures, curves, confusion, images
through all stages from the worst to the best, and the settings. It opens in
any browser, also on a phone and without a network. Run it in the folder in
which the pipeline was run.
"""

import argparse
from pathlib import Path

from mmseg_wsss.jobs.command_line import exit_on_error
from mmseg_wsss.workflow.report import write_report


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        'work_dir', help='folder that tools/run_pipeline.py wrote'
    )
    parser.add_argument(
        '--out', help='the file to write; report.html in the folder'
    )
    parser.add_argument(
        '--max-images',
        type=int,
        default=1000,
        help='images that are compared with their masks (default: 1000)',
    )
    parser.add_argument(
        '--show',
        type=int,
        default=3,
        help='images to show of the worst, middle and best (default: 3)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the draws')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_error():
        out = write_report(
            args.work_dir, args.out, args.max_images, args.show, args.seed
        )
    size = Path(out).stat().st_size / 1e6
    print(f'{out}: {size:.1f} MB')


if __name__ == '__main__':
    main()
