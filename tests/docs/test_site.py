import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_site_builds_without_a_broken_link_or_a_request_elsewhere(tmp_path: Path) -> None:
    site = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    pages = {page.name: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    assert ":::" not in pages["api.html"]
    assert not [
        name
        for name, text in pages.items()
        if re.search(r"<(script|link|img)[^>]+(src|href)=.?https?:", text)
    ]
