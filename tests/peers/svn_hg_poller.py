"""The real SVNPoller or HgPoller of Buildbot, polled on command: the peer of the pollers `svn` and `hg`.

The first line of its standard input is JSON: the name of the class, and its arguments. Each other line is a poll. To each it
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

from buildbot.changes import base, hgpoller, svnpoller  # noqa: E402

SPLITTERS = {
    "branches": svnpoller.split_file_branches,
    "projects_branches": svnpoller.split_file_projects_branches,
}


class Updates:
    def __init__(self):
        self.changes = []

    def addChange(self, **change):
        self.changes.append(change)
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


class State:
    """In memory, and without a schedule."""

    state = None

    def getState(self, name, *default):
        return defer.succeed(self.state if self.state is not None else default[0])

    def setState(self, name, value):
        self.state = dict(value)
        return defer.succeed(None)


class SVNPoller(State, svnpoller.SVNPoller):
    pass


class HgPoller(State, hgpoller.HgPoller):
    pass


@defer.inlineCallbacks
def main(_reactor):
    # What the service does beyond, it does with its schedule.
    base.ReconfigurablePollingChangeSource.reconfigService = lambda self, **kwargs: defer.succeed(None)
    with tempfile.TemporaryDirectory() as basedir:
        master = Master(basedir)
        name, options = json.loads(sys.stdin.readline())
        if "split_file" in options:
            options["split_file"] = SPLITTERS[options["split_file"]]
        poller = {"SVNPoller": SVNPoller, "HgPoller": HgPoller}[name](**options)
        poller.parent = master
        poller.doPoll = contextlib.nullcontext()
        yield poller.reconfigService(**options)
        while True:
            line = yield threads.deferToThread(sys.stdin.readline)
            if not line:
                return
            master.data.updates.changes = []
            yield poller.poll()
            print(json.dumps(master.data.updates.changes), flush=True)


log.startLogging(sys.stderr, setStdout=False)
task.react(main)
