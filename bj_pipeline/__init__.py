"""The weekly report on the Beijing Stock Exchange, from vendor data to the finished PDF."""

__version__ = "0.1.0"
