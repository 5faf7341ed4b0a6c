"""Takes the payloads out of the tests in a source package of Buildbot.

    extract_payloads.py FOLDER_OF_THE_PACKAGE FOLDER_FOR_THE_PAYLOADS

Each test module of a hook keeps its payloads as module-level literals. They are read with `ast`, so that nothing of the
package is run. `github.json` then holds the payloads of `test_www_hooks_github.py` by the names of their variables, as
they are written: as text, since not all are valid JSON.
"""

import ast
import json
import pathlib
import sys
import tarfile


def literals(source: bytes) -> dict[str, str]:
    """The texts that the module assigns to names, where they look like a payload."""
    found = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        try:
            value = ast.literal_eval(node.value)
        except ValueError:
            continue
        if isinstance(value, bytes):
            value = value.decode()
        if isinstance(value, str) and value.lstrip().startswith("{"):
            found[node.targets[0].id] = value
    return found


def main(package: pathlib.Path, payloads: pathlib.Path) -> None:
    [archive] = package.glob("buildbot-*.tar.gz")
    with tarfile.open(archive) as members:
        for member in members:
            _, is_hook, rest = pathlib.PurePosixPath(member.name).name.partition("test_www_hooks_")
            if is_hook and rest.endswith(".py"):
                found = literals(members.extractfile(member).read())
                if found:
                    target = payloads / rest.replace(".py", ".json")
                    target.write_text(json.dumps(found, indent=1), encoding="utf-8")


main(*map(pathlib.Path, sys.argv[1:]))
