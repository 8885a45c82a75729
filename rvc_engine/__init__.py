"""The engine: turns a folder of recordings into a voice and writes down what it does."""

__version__ = "0.1.0"
