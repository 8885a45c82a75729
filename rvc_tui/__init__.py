"""The terminal app: starts the engine, draws what it wrote. No torch, no numpy."""
