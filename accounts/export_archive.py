"""Writing the ZIP of a person's export: rows as JSON, files as they are, one after the other, never all in memory."""

import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.translation import gettext as _

from config.base.registry import ExportDocument, ExportFile

CHUNK = 256 * 1024
README = "README.txt"


class Interrupted(Exception):
    """Nobody wants this archive any more."""


@dataclass
class Archive:
    """An archive that is being written at `path`. `is_wanted` is asked again and again; False raises `Interrupted`."""

    path: Path
    is_wanted: Callable[[], bool]
    files: int = 0
    names: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)

    def write(self, parts: Iterable[ExportDocument | ExportFile]) -> None:
        """Write all parts, then what there is to say about them. A file that is gone meanwhile is named there."""
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as out:
            for part in parts:
                if isinstance(part, ExportDocument):
                    self._add_document(out, part)
                else:
                    self._add_file(out, part)
            with out.open(self._entry(README), "w") as readme:
                readme.write(self._words().encode())

    def _add_document(self, out: zipfile.ZipFile, document: ExportDocument) -> None:
        with out.open(self._entry(document.path), "w", force_zip64=True) as entry:
            entry.write(b"[")
            before = "\n"
            for row in document.rows:
                self._check()
                text = json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
                entry.write(f"{before}{text}".encode())
                before = ",\n"
            entry.write(b"\n]\n")

    def _add_file(self, out: zipfile.ZipFile, file: ExportFile) -> None:
        self._check()
        try:
            source = default_storage.open(file.key)
        except FileNotFoundError:
            self.missing.append(file.path)
            return
        # Pictures are compressed already.
        with source, out.open(self._entry(file.path, zipfile.ZIP_STORED), "w", force_zip64=True) as entry:
            self._copy(source, entry)
        self.files += 1

    def _copy(self, source: "IO[bytes]", entry: "IO[bytes]") -> None:
        while chunk := source.read(CHUNK):
            self._check()
            entry.write(chunk)

    def _entry(self, path: str, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
        """A new entry, under a name that no other has."""
        name, number = path, 1
        while name.lower() in self.names:
            number += 1
            plain = PurePosixPath(path)
            name = str(plain.with_name(f"{plain.stem}-{number}{plain.suffix}"))
        self.names.add(name.lower())
        entry = zipfile.ZipInfo(name, date_time=timezone.now().timetuple()[:6])
        entry.compress_type = compression
        # What unpacks it may give everybody at that machine nothing.
        entry.external_attr = 0o600 << 16
        return entry

    def _check(self) -> None:
        if not self.is_wanted():
            raise Interrupted

    def _words(self) -> str:
        lines = [
            _("This is a copy of everything that Darkroom keeps of you, made on %(day)s.")
            % {"day": timezone.now().strftime("%Y-%m-%d %H:%M UTC")},
            "",
            _("The .json files are lists of rows: who you are, where you belong, what you asked for and what you did."),
            _("The folder “files” holds your pictures, videos and 3D models, one folder for each company."),
            _("gallery/assets.json says of each file how and when it was made."),
        ]
        if self.missing:
            lines += ["", _("These files were deleted while the copy was being made:"), *self.missing]
        return "\n".join(lines) + "\n"
