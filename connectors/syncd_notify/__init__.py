"""Channels of alerts: webhook, DingTalk robot, PagerDuty, Slack, Teams, e-mail, a command, and what apprise knows besides.

Each is a module of its own, found by entry point. A channel sends one alert and keeps nothing: what is told to whom and when is
decided and remembered by the engine.

Those that matter most speak for themselves rather than through apprise, because a channel has to know whether it was heard:
apprise 2.2.0 takes DingTalk's HTTP 200 for success without looking at `errcode`, so a robot whose signature is wrong would lose
every alert silently; and it tells neither what went wrong nor how long to wait.
"""
