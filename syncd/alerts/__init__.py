"""Alerts: from how syncd stands to what people on call are told, once, and when it is over.

`rules` says what matters, `facts` finds it, `state` follows each case, `texts` finds the words. It keeps nothing, sends nothing
and has no clock: the engine brings health and time, the store keeps cases, sinks deliver.
"""

from syncd.alerts.rules import Policy, Rule, load_policy
from syncd.alerts.state import Message, Step, advance

__all__ = ["Message", "Policy", "Rule", "Step", "advance", "load_policy"]
