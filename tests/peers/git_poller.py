"""The real GitPoller of Buildbot, polled on command: the peer of the poller `git`.

The first line of its standard input is JSON with the arguments of the poller; each other line is a poll. To each it
answers with one line: the changes that the poll added, as JSON, in their order. Beside the poller there is what it needs of
a master, and nothing more: a place for its state, and `addChange`.
"""

import asyncio
import contextlib
import json
import sys
import tempfile

from twisted.internet import asyncioreactor

asyncioreactor.install(asyncio.new_event_loop())

from twisted.application import service  # noqa: E402
from twisted.internet import defer, reactor, task, threads  # noqa: E402
from twisted.python import log  # noqa: E402

from buildbot.changes.gitpoller import GitPoller  # noqa: E402

FIELDS = "author branch category comments committer files project repository revision src when_timestamp".split()


class Updates:
    def __init__(self):
        self.changes = []

    def addChange(self, **change):
        self.changes.append({field: change.get(field) for field in FIELDS})
        return defer.succeed(len(self.changes))


class Data:
    def __init__(self):
        self.updates = Updates()


class Master(service.MultiService):
    def __init__(self, basedir):
        super().__init__()
        self.master = self
        self.basedir = basedir
        self.reactor = reactor
        self.data = Data()


class Poller(GitPoller):
    """The same, with its state in memory and without a schedule."""

    state = None

    def getState(self, name, *default):
        return defer.succeed(self.state if self.state is not None else default[0])

    def setState(self, name, value):
        self.state = dict(value)
        return defer.succeed(None)

    def poll_should_exit(self):
        return False


@defer.inlineCallbacks
def main(_reactor):
    with tempfile.TemporaryDirectory() as basedir:
        master = Master(basedir)
        options = json.loads(sys.stdin.readline())
        poller = Poller(**options)
        poller.parent = master
        # What the service does beyond, it does with its schedule.
        poller.doPoll = contextlib.nullcontext()
        yield reconfigure(poller, options)
        while True:
            line = yield threads.deferToThread(sys.stdin.readline)
            if not line:
                return
            master.data.updates.changes = []
            yield poller.poll()
            print(json.dumps(master.data.updates.changes), flush=True)


def reconfigure(poller, options):
    base = GitPoller.__mro__[1]
    kept = base.reconfigService
    base.reconfigService = lambda self, **kwargs: defer.succeed(None)
    try:
        return poller.reconfigService(**options)
    finally:
        base.reconfigService = kept


log.startLogging(sys.stderr, setStdout=False)
task.react(main)
