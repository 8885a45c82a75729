"""Decoders from the latent to the waveform: base.py says what one must give, registry.py has its row."""
