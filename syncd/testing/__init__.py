"""What an author of a connector runs first: one contract suite per socket, and doubles of all of them in memory.

It ships with syncd so that outside plugins can prove themselves: subclass a suite, give it one fixture. The engine never
imports it.
"""
