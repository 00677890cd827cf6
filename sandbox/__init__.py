"""A WeCom and a DingTalk on one's own machine, for people without accounts and for the tests.

Never imported in production: `serve` loads this folder only when asked for the sandbox.
"""
