"""The curves of a training: what each is, which way is good, and what is normal."""

from __future__ import annotations

from dataclasses import dataclass

from rvc_engine.common.printable import printable
from rvc_engine.run.view import GRAD_NORM, RATE


@dataclass(frozen=True)
class Curve:
    """`name` as in the events; `mark`: its letter; `limit`: more than this is too much."""

    name: str
    mark: str
    style: str
    what: str
    good: str
    normal: str
    limit: float | None = None


CURVES = (
    Curve(
        "total",
        "t",
        "bold cyan",
        "The sum that the generator learns by: adversarial, feature, mel and KL loss.",
        "Down, and then level. It never gets near 0.",
        "It falls fast in the first epochs, then slowly. Watch it with much smoothing: where it levels off or turns "
        "up, listen to the "
        "checkpoints around there. It says when to listen, not which one sounds best.",
    ),
    Curve(
        "mel",
        "m",
        "bold green",
        "How far the spectrogram of the generated voice is from the recording: mean difference of the log mel bands, "
        "times c_mel (45).",
        "Down: the timbre gets closer.",
        "Fine-tuning published weights: often 15 to 25; the small starter is higher. Much higher after many epochs: "
        "noisy recordings "
        "or a wrong sample rate.",
    ),
    Curve(
        "kl",
        "k",
        "bold yellow",
        "How far what the text and pitch predict is from what the recording's spectrum holds, times c_kl.",
        "Down, and steady.",
        "Fine-tuning published weights: about 0.5 to 3; the starter begins above 10. Jumps: odd clips, music or "
        "several voices in the set.",
    ),
    Curve(
        "feature",
        "f",
        "bold magenta",
        "How differently the discriminators see the generated and the real voice, inside.",
        "Not clearly either: it rises while the discriminators get better, and that is no fault.",
        "About 1 to 15, level or slowly rising.",
    ),
    Curve(
        "adversarial",
        "a",
        "bold blue",
        "How easily the discriminators tell the generated voice from the real one.",
        "Level. Rising for long means that the discriminators win; falling to 0 that they have given up.",
        "About 1 to 5.",
    ),
    Curve(
        "discriminator",
        "d",
        "bold red",
        "The loss of the discriminators, which learn to tell real from generated.",
        "Level. Near 0 means that they win easily, and the generator learns little.",
        "About 3 to 5 with all of them.",
    ),
    Curve(
        f"{GRAD_NORM}g",
        "G",
        "cyan",
        "The length of the generator's gradient before the step: how hard a step pulls.",
        "Level, without growing peaks.",
        "10 to 500. Above about 1000 for long: a problem; lower the learning rate, or look at the clips.",
        1000.0,
    ),
    Curve(
        f"{GRAD_NORM}d",
        "D",
        "red",
        "The same for the discriminators.",
        "Level, without growing peaks.",
        "1 to 50. Above about 100 for long: a problem.",
        100.0,
    ),
    Curve(
        RATE,
        "r",
        "yellow",
        "The learning rate: how far a step goes.",
        "It is set, not learned: learning_rate, times lr_decay after each epoch.",
        "It starts at 1e-4 and falls slowly.",
    ),
)
BY_NAME = {curve.name: curve for curve in CURVES}


def known(name: str) -> Curve:
    """A curve without a description is drawn too."""
    return BY_NAME.get(name) or Curve(name, printable(name)[:1] or "?", "bold", "", "", "")
