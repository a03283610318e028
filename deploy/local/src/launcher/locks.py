"""requirements.lock: made from every distribution's dependencies, and cut down to one of them.

Run as a file it needs the standard library alone, so that an image can be built with it:
`python deploy/local/src/launcher/locks.py subset marquee-users` prints that service's share.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

LOCK = "requirements.lock"
DISTRIBUTIONS = ("proto", "services/*", "gateway", "deploy/local")
OURS = "marquee-"


def checkout() -> Path:
    """The folder that holds requirements.lock."""
    return Path(__file__).resolve().parents[4]


def distributions(root: Path) -> dict[str, list[str]]:
    """What each distribution of ours declares, by its name."""
    found: dict[str, list[str]] = {}
    for pattern in DISTRIBUTIONS:
        for declaration in sorted(root.glob(f"{pattern}/pyproject.toml")):
            project = tomllib.loads(declaration.read_text())["project"]
            name = project["name"]
            found[name] = project.get("dependencies", [])
            for extra, needs in project.get("optional-dependencies", {}).items():
                found[f"{name}[{extra}]"] = [name, *needs]
    return found


def groups(root: Path) -> dict[str, list[str]]:
    """The tools: dependency groups of the root pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]


def declared(root: Path) -> list[str]:
    """Everything anybody here depends on, except our own distributions."""
    wanted = [*distributions(root).values(), *groups(root).values()]
    return sorted({each for needs in wanted for each in needs if not each.startswith(OURS)})


def compile_lock(root: Path, *, upgrade: bool) -> int:
    """Resolve anew for every platform and Python from 3.11; keep versions unless told."""
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    command = [uv, "pip", "compile", "-", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-build"]
    command += ["--quiet", "--output-file", LOCK, *(["--upgrade"] if upgrade else [])]
    sources = "\n".join(declared(root)) + "\n"
    return subprocess.run(command, input=sources, text=True, cwd=root, check=False).returncode


def parse(lock: str) -> dict[str, str]:
    """The lock's entries, hashes and all, by normalised name."""
    entries: dict[str, str] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", lock.strip("\n")):
        entries.setdefault(name_of(entry), "")
        entries[name_of(entry)] += entry + "\n"
    return entries


def subset(entries: Mapping[str, str], wanted: Iterable[str]) -> str:
    """The entries that the wanted requirements need, following uv's `# via` notes."""
    needs = _needs(entries)
    kept: set[str] = set()
    waiting = [name_of(each) for each in wanted]
    while waiting:
        name = waiting.pop()
        if name not in entries:
            raise SystemExit(f"{name} is not in {LOCK}: run `./marquee lock`")
        if name not in kept:
            kept.add(name)
            waiting += needs[name]
    return "".join(entries[name] for name in sorted(kept))


def requirements_of(root: Path, distribution: str) -> list[str]:
    """What a distribution of ours needs from outside, through the others of ours it needs."""
    known = distributions(root)
    family = family_of(known, distribution)
    return [each for one in family for each in known[one] if not each.startswith(OURS)]


def folders_of(root: Path, distribution: str) -> list[Path]:
    """Where the sources of a distribution of ours are, and of those of ours it needs."""
    family = {name_of(each) for each in family_of(distributions(root), distribution)}
    found = [path for pattern in DISTRIBUTIONS for path in root.glob(f"{pattern}/pyproject.toml")]
    names = {path: tomllib.loads(path.read_text())["project"]["name"] for path in found}
    return sorted(path.parent.relative_to(root) for path in found if names[path] in family)


def family_of(known: Mapping[str, list[str]], distribution: str) -> list[str]:
    """A distribution of ours, and those of ours it needs, directly or not."""
    if distribution not in known:
        raise SystemExit(f"{distribution} is none of ours: {', '.join(sorted(known))}")
    family = [distribution]
    for one in family:
        family += [each for each in known[one] if each.startswith(OURS) and each not in family]
    return family


def name_of(requirement: str) -> str:
    """A requirement's bare name, normalised as PEP 503 says."""
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    if found is None:
        raise ValueError(f"no requirement: {requirement!r}")
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def _needs(entries: Mapping[str, str]) -> dict[str, list[str]]:
    needs: dict[str, list[str]] = defaultdict(list)
    for name, entry in entries.items():
        for parent in re.findall(r"^ +#(?: via)? +([A-Za-z0-9][\w.-]*)", entry, re.MULTILINE):
            if parent != "via":
                needs[name_of(parent)].append(name)
    return needs


def main(arguments: list[str]) -> int:
    """`subset NAME...` prints a share; NAME is one of our distributions or a dependency group.

    `folders NAME` prints where a distribution and those of ours it needs are.
    """
    root = checkout()
    if len(arguments) == 2 and arguments[0] == "folders":
        print(*folders_of(root, arguments[1]), sep="\n")
        return 0
    if len(arguments) < 2 or arguments[0] != "subset":
        print(
            "usage: locks.py subset <distribution | group>... | folders <distribution>",
            file=sys.stderr,
        )
        return 2
    wanted: list[str] = []
    for name in arguments[1:]:
        wanted += groups(root).get(name) or requirements_of(root, name)
    print(subset(parse((root / LOCK).read_text()), wanted), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
