"""One transaction: every question that the engine may ask, in groups. Never outlives the block that opened it."""

from __future__ import annotations

from sqlalchemy import Connection

from syncd.store.alerts import Alerts
from syncd.store.allocations import Allocations
from syncd.store.asides import Asides
from syncd.store.drifts import Drifts
from syncd.store.feed import Feed
from syncd.store.holds import Holds
from syncd.store.leavings import Leavings
from syncd.store.links import Links
from syncd.store.marks import Marks, Reviews
from syncd.store.meta import Meta
from syncd.store.observed import Observations
from syncd.store.offboardings import Offboardings
from syncd.store.proposals import Proposals
from syncd.store.pushed import Pushed
from syncd.store.queue import Queue
from syncd.store.records import Records
from syncd.store.runs import Reads, Runs
from syncd.store.source_names import SourceNames
from syncd.store.subjects import Subjects
from syncd.store.tokens import Tokens
from syncd.store.touches import Touches
from syncd.store.wakes import Wakes
from syncd.store.words import Words


class Transaction:
    """The groups, on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        """For the store's own rooms; nobody else speaks SQL."""
        self.meta = Meta(connection)
        self.runs = Runs(connection)
        self.reads = Reads(connection)
        self.records = Records(connection)
        self.subjects = Subjects(connection)
        self.marks = Marks(connection)
        self.reviews = Reviews(connection)
        self.wakes = Wakes(connection)
        self.asides = Asides(connection)
        self.links = Links(connection)
        self.observed = Observations(connection)
        self.queue = Queue(connection)
        self.holds = Holds(connection)
        self.allocations = Allocations(connection)
        self.feed = Feed(connection)
        self.alerts = Alerts(connection)
        self.touches = Touches(connection)
        self.drifts = Drifts(connection)
        self.offboardings = Offboardings(connection)
        self.leavings = Leavings(connection)
        self.proposals = Proposals(connection)
        self.pushed = Pushed(connection)
        self.source_names = SourceNames(connection)
        self.tokens = Tokens(connection)
        self.words = Words(connection)
