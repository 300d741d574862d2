"""What a comment refers to can be opened by whoever reads it."""

from __future__ import annotations

import re
import subprocess

from orchestration.workspace import PROJECT_ROOT

READ = ("*.py", "*.sql", "*.yml", "*.md", "*.toml")


def test_every_rule_that_is_cited_has_a_chapter() -> None:
    """A newcomer would read "DOMAIN 5", find no such page, and change the rule by what the code happens to do."""
    listed = subprocess.run(["git", "ls-files", *READ], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = [(PROJECT_ROOT / file).read_text(encoding="utf-8") for file in listed]
    cited = {chapter for text in texts for chapter in re.findall(r"DOMAIN (\d+)", text)}
    chapters = set(re.findall(r"^## (\d+)\. ", (PROJECT_ROOT / "docs" / "domain.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert len(cited) > 5
    assert cited <= chapters
