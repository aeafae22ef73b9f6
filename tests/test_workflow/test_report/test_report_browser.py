"""The report in a real browser, where there is one."""

import html
import json
import re
import shutil
import subprocess

import pytest

from mmseg_wsss.workflow.report import write_report
from tests.test_workflow.test_report import made_up

NAMES = (
    'chromium',
    'chromium-browser',
    'google-chrome',
    'google-chrome-stable',
)
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None,
    reason='no chromium here: the report is not looked at in a browser '
    '(Debian: apt-get install chromium)',
)
# Runs in a page around the report: how wide is it in a frame of that width?
PROBE = """<!DOCTYPE html><html><body>
<iframe id="frame" style="width:{width}px;height:800px;border:0"
 srcdoc="{page}"></iframe>
<script>
addEventListener('load', () => {{
  const page = document.getElementById('frame').contentDocument;
  const inside = node => node.closest('.scroll, pre, svg');
  const wide = [...page.querySelectorAll('body *')].filter(node =>
    !inside(node) && node.getBoundingClientRect().right > {width} + 1);
  document.body.dataset.found = JSON.stringify({{
    width: page.documentElement.scrollWidth,
    wide: wide.map(node => node.outerHTML.slice(0, 80)),
    broken: [...page.images].filter(i => !i.naturalWidth).length,
    images: page.images.length,
    type: Math.min(...[...page.querySelectorAll('p,td,th,dd,figcaption,li')]
      .map(node => parseFloat(page.defaultView.getComputedStyle(node)
      .fontSize))),
  }});
}});
</script></body></html>"""


def browse(tmp_path, page, *options):
    """Open a page; returns what it became and what was logged."""
    done = subprocess.run(
        [
            BROWSER,
            *('--headless=new', '--no-sandbox', '--disable-gpu'),
            *('--disable-dev-shm-usage', '--no-first-run'),
            *('--enable-logging=stderr', '--log-level=0'),
            f'--user-data-dir={tmp_path / "profile"}',
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = [x for x in done.stderr.splitlines() if 'CONSOLE' in x]
    return done.stdout, said


def probe(tmp_path, report, width):
    """Measure the report in a frame of that many pixels."""
    page = tmp_path / 'probe.html'
    content = html.escape(report.read_text(encoding='utf-8'))
    page.write_text(PROBE.format(width=width, page=content), encoding='utf-8')
    dom, _ = browse(tmp_path, page, '--dump-dom')
    found = re.search(r'data-found="([^"]*)"', dom)
    assert found, dom[-2000:]
    return json.loads(html.unescape(found[1]))


@pytest.fixture(scope='module')
def report(tmp_path_factory):
    return write_report(made_up.pipeline(tmp_path_factory.mktemp('made')))


def test_no_console_error(tmp_path, report):
    dom, said = browse(tmp_path, report, '--dump-dom')
    assert 'Images through the stages' in dom
    assert said == []
    # That there would be one: the page allows no script and no network.
    bad = tmp_path / 'bad.html'
    text = report.read_text(encoding='utf-8')
    bad.write_text(
        text.replace('</body>', '<script>1</script></body>'), encoding='utf-8'
    )
    assert browse(tmp_path, bad, '--dump-dom')[1]


@pytest.mark.parametrize('width', [390, 1280])
def test_nothing_sticks_out(tmp_path, report, width):
    found = probe(tmp_path, report, width)
    assert found['width'] <= width and found['wide'] == []
    assert found['broken'] == 0 and found['images'] == 30
    assert found['type'] >= 14


def test_the_probe_sees_what_sticks_out(tmp_path, report):
    wide = tmp_path / 'wide.html'
    text = report.read_text(encoding='utf-8')
    text = text.replace('</main>', '<div style="width:900px">x</div></main>')
    wide.write_text(text, encoding='utf-8')
    found = probe(tmp_path, wide, 390)
    assert found['width'] > 900 and len(found['wide']) == 1


def test_it_prints(tmp_path, report):
    pdf = tmp_path / 'page.pdf'
    browse(tmp_path, report, f'--print-to-pdf={pdf}')
    assert pdf.read_bytes().startswith(b'%PDF')
