"""The nouns, the plan and the promises: pure functions over frozen values.

Nothing here reads a clock, opens a file or a socket, or imports a third party. Time comes in as an argument.
"""
