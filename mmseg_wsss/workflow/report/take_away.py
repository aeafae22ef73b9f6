"""Commands that use a pipeline's segmentor, for its report."""

from __future__ import annotations

import shlex

from ..pipeline.plan import find_config
from .collect import Content
from .sections import FULL
from .stages import StageInfo


def final_segmentor(content: Content) -> StageInfo | None:
    """Return the stage of the segmentor whose predictions are tested.

    Returns:
        StageInfo | None: None unless its checkpoint and config are there. One
        that was trained on true masks is only compared with.
    """
    tested = {
        name
        for stage in content.stages
        if stage.predicts and stage.status != 'off'
        for name in stage.upstream
    }
    found = [
        stage
        for stage in content.stages
        if stage.name in tested
        and stage.method != FULL
        and stage.checkpoint is not None
        and stage.cfg is not None
    ]
    return found[-1] if found else None


def take_away(content: Content) -> dict | None:
    """Return commands that segment new photos and export the network.

    Returns:
        dict | None: Name of the stage, and the commands, ready to be copied
        into a shell; None without a segmentor.
    """
    stage = final_segmentor(content)
    if stage is None:
        return None
    files = (stage.folder / 'config.py', stage.checkpoint)
    files = [str(path.resolve()) for path in files]

    def command(tool: str, *words: str) -> str:
        path = find_config(f'tools/{tool}').resolve()
        return shlex.join(['python', str(path), *files, *words])

    return {
        'stage': stage.name,
        'segment': command(
            'segment_photos.py', 'new_photos', '--out-dir', 'segmented'
        ),
        'export': command('export_onnx.py', '--out', 'model.onnx'),
    }
