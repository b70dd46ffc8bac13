"""Reads every #include of src/ against the table of docs/layers.md."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def table():
    allowed = {}
    for line in (ROOT / "docs/layers.md").read_text().splitlines():
        row = re.match(r"\| (\w+) \| ([\w ]*)\|$", line)
        if row and row[1] != "folder":
            allowed[row[1]] = set(row[2].split()) | {row[1]}
    return allowed


def faults(allowed):
    for path in sorted((ROOT / "src").rglob("*.[chd]*")):
        folder = path.relative_to(ROOT / "src").parts[0]
        if folder not in allowed:
            yield f"{path.relative_to(ROOT)}: folder {folder} is not in docs/layers.md"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s+"(\w+)/', line)
            if include and include[1] not in allowed[folder]:
                yield f"{path.relative_to(ROOT)}:{number}: {folder} may not include {include[1]}"


found = list(faults(table()))
print("\n".join(found))
sys.exit(bool(found))
