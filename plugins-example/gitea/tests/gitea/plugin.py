"""Has buildbot-gitea translate requests: a list of them on standard input, the changes of each on standard output.

A request on which the plugin fails has no changes, as Buildbot answers it with an error.
"""

import io
import json
import sys

from buildbot_gitea.webhook import GiteaHandlerPlugin


class Request:
    """As much of Twisted's request as the plugin reads."""

    args = {}

    def __init__(self, event, payload):
        self.content = io.BytesIO(json.dumps(payload).encode())
        self.headers = {"X-Gitea-Event": event}

    def getHeader(self, name):
        return self.headers.get(name)


def changes_of(request):
    """The changes, with times as seconds, and no files where the plugin names none, as in Buildbot."""
    handler = GiteaHandlerPlugin(None, dict(request["options"]))
    results, failures = [], []
    deferred = handler.getChanges(Request(request["event"], request["payload"]))
    deferred.addCallbacks(results.append, failures.append)
    if failures:
        return []
    changes, _ = results[0]
    for change in changes:
        change.setdefault("files", [])
        change["when_timestamp"] = int(change["when_timestamp"].timestamp())
    return changes


json.dump([changes_of(request) for request in json.load(sys.stdin)], sys.stdout)
