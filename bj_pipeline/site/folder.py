"""The site's folder: built beside its place, then put there whole.

What belongs here: files, and the rule that nothing is overwritten that is not a site of ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bj_pipeline import folders
from bj_pipeline.errors import ConfigurationError

MARK = "site.json"
"""The file by which a folder is known as one that was built here."""


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """An empty folder to build in; at the end it takes the place of ``target``.

    A build that fails or is killed leaves the old site untouched, and a reader never meets half a
    site.

    Raises:
        ConfigurationError: The target holds something else than a site.
    """
    target = target.absolute()
    _refuse_foreign(target)
    with folders.replaced(target) as new:
        # Folders made for one's own eyes only would be of no use to a web server.
        new.chmod(0o755)
        yield new


def write(path: Path, content: bytes) -> None:
    """A file of the new site, its folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _refuse_foreign(target: Path) -> None:
    if not target.exists():
        return
    if target.is_dir() and ((target / MARK).is_file() or not any(target.iterdir())):
        return
    raise ConfigurationError(
        f"{target.name} exists and is no site of ours (it holds no {MARK}), so it is left alone. "
        "Name an empty or a new folder."
    )
