r"""Write the vectors of a config's class and background names.

    python tools/make_text_embeddings.py CONFIG

CONFIG's model is a CLIPSeedSegmentor, and its clip_texts say how classes are
called and what is background. The file is model.text_embeddings unless --out
names another. It is left as it is if it holds the same texts. Needs
open_clip: pip install "mmseg_wsss[clip]"
"""

import argparse
from pathlib import Path

from mmseg_wsss.io.text_embeddings import (
    TextEmbeddings,
    load_text_embeddings,
    save_text_embeddings,
)
from mmseg_wsss.jobs.command_line import config_parser, exit_on_error
from mmseg_wsss.jobs.text_prompts import (
    check_backgrounds,
    class_phrases,
    embed_texts,
)
from mmseg_wsss.jobs.tool_setup import start_tool
from mmseg_wsss.structures import foreground_indices
from mmseg_wsss.structures.classes import listed_classes

from mmengine.config import Config

SETTINGS = {'model', 'pretrained', 'template', 'names', 'background'}


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        '--out', help='file to write (default: model.text_embeddings)'
    )
    return parser.parse_args()


def foreground_classes(cfg: Config) -> list[str]:
    """Return the classes of a config's model without the background."""
    model = cfg.get('model') or {}
    if 'text_embeddings' not in model or 'classes' not in model:
        raise ValueError(
            f'the model of {cfg.filename} is no CLIPSeedSegmentor: it has no '
            'text_embeddings or no classes'
        )
    classes = listed_classes(model.classes)
    background = model.get('background_index', 0)
    return [classes[k] for k in foreground_indices(len(classes), background)]


def read_texts(cfg: Config) -> tuple[dict, dict]:
    """Return the texts that a config asks for, and how they are embedded."""
    classes = foreground_classes(cfg)
    settings = dict(cfg.get('clip_texts') or {})
    if set(settings) != SETTINGS:
        raise ValueError(
            f'clip_texts of {cfg.filename} must have {sorted(SETTINGS)}, it '
            f'has {sorted(settings)}: inherit configs/_base_/models/'
            'clip_vit-b16.py'
        )
    phrases = class_phrases(classes, settings['names'])
    check_backgrounds(classes, phrases, settings['background'])
    template = settings['template']
    if template.count('{}') != 1:
        raise ValueError(f'clip_texts.template has no single {{}}: {template}')
    texts = dict(
        model=f'{settings["model"]}, {settings["pretrained"]}',
        classes=tuple(classes),
        prompts=tuple(map(template.format, phrases)),
        background=tuple(map(template.format, settings['background'])),
    )
    return texts, {key: settings[key] for key in ('model', 'pretrained')}


def is_written(path: Path, texts: dict) -> bool:
    """Return whether a file holds the same texts already."""
    try:
        stored = load_text_embeddings(path)
    except (FileNotFoundError, ValueError):
        return False
    return all(getattr(stored, name) == texts[name] for name in texts)


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    with exit_on_error():
        texts, network = read_texts(cfg)
        path = Path(args.out or cfg.model.text_embeddings)
        if is_written(path, texts):
            print(f'{path} holds these texts')
            return
        prompts = [*texts['prompts'], *texts['background']]
        vectors = embed_texts(prompts, **network)
        count = len(texts['classes'])
        save_text_embeddings(
            path,
            TextEmbeddings(
                **texts,
                foreground_vectors=vectors[:count],
                background_vectors=vectors[count:],
            ),
        )
    print('\n'.join(prompts))
    print(f'written: {path}, {len(prompts)} texts, {count} of classes')


if __name__ == '__main__':
    main()
