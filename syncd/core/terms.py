"""What a plan is made on besides what is wanted and what is there: the fields of the target, how leavers go, the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.fields import FieldSpec
from syncd.core.model import Kind, Observed, SubjectId, TargetId


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything besides desire and observation that decides the plan."""

    fields: Mapping[Kind, Mapping[str, FieldSpec]]
    root: TargetId
    now: datetime
    adopt: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    """The fields by which an existing, unlinked object is recognised, the surest first; `mark` is our own key."""
    hold_leavers: bool = True
    """Put leavers into the holding unit first; False removes them at once."""
    grace: timedelta = timedelta(days=30)
    complete: bool = True
    """Whether the observation is certified: only then is a missing object really missing."""
    protected: Callable[[Observed], bool] = lambda _: False
    mark: Callable[[SubjectId], str] = str
    depth: Mapping[SubjectId, int] = field(default_factory=dict)
    """Of units: the steps from the top, where the desire is only a part and does not tell; so ranks are those of the whole."""
    order: Mapping[SubjectId, int] = field(default_factory=dict)
    """Of people: the steps from the topmost manager, likewise."""
    making: frozenset[SubjectId] = frozenset()
    """Who will be made by other parts of the same plan."""
    silent: frozenset[SubjectId] = frozenset()
    """Roles of which no source says for the moment who has them: whoever has one keeps it."""
    leaving: frozenset[SubjectId] = frozenset()
    """Who leaves by other parts of the same plan."""
