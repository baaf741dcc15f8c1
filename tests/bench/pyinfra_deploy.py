"""The same resources for pyinfra, as its users would write them: a deploy that a manifest feeds.

Run by pyinfra, not imported; the manifest's path is in the environment.
"""

import json
import os
from pathlib import Path

from pyinfra.operations import files

for item in json.loads(Path(os.environ["BENCH_MANIFEST"]).read_text()):
    name, path = item["key"], item["path"]
    match item["type"]:
        case "directory":
            files.directory(name=name, path=path, mode=item["mode"])
        case "file":
            files.put(name=name, src=item["source"], dest=path, mode=item["mode"])
        case "link":
            files.link(name=name, path=path, target=item["target"])
        case "marker":
            files.file(name=name, path=path)
