"""How quick each stage is, start-up included; beside another RVC program, if its checkout is given, the two in turn.

    python benchmarks/engine_speed.py --speech FOLDER [--minutes 20] [--rounds 3] [--only NAME]...
        [--peer CHECKOUT --peer-python PYTHON] [--json FILE]

FOLDER holds recordings; as many as make up the minutes are used. The other program runs in a copy of its checkout with
a random HuBERT and a random voice; the same weights, clips and settings are used for ours. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from app_speed import facts  # noqa: E402
from material import clip_rows, cut, nearest, random_index, random_voice, recall  # noqa: E402
from timing import HEAD, Row, Run, timed  # noqa: E402

from rvc_engine.machine.cpu import cpu_has_bf16  # noqa: E402

PEER = str(ROOT / "benchmarks" / "peer.py")
WORKERS = 2
CLIP_S = 3.7
NAME = "bench"
INDEX_ROWS = (200_000, 500_000)
FRAMES, STEPS, BATCH = 300, 3, 4


class Bench:
    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.home, self.speech, self.exp = folder / "home", folder / "speech", folder / "exp"
        self.peer: Path | None = None
        if options.peer:
            self.peer = folder / "peer"
            shutil.copytree(options.peer, self.peer, ignore=shutil.ignore_patterns(".git"), symlinks=True)
        self.audio_s = self._take_speech()

    def _take_speech(self) -> float:
        self.speech.mkdir()
        seconds, number = 0.0, 0
        for path in sorted(p for p in self.options.speech.rglob("*") if p.suffix.lower() in (".flac", ".wav")):
            if seconds >= 60 * self.options.minutes:
                break
            (self.speech / f"{number:04d}{path.suffix}").symlink_to(path.resolve())
            seconds, number = seconds + soundfile.info(path).duration, number + 1
        return seconds

    # --- commands -----------------------------------------------------------------------------------------------------
    def rvc(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "rvc_engine", *words, "--home", str(self.home), "--plain"]

    def their(self, *words: str) -> list[str]:
        return [str(self.options.peer_python), *words]

    def made(self, run: Run, *folders: str) -> Run:
        """The other program's, which ends well also when every file failed. Raises SystemExit where a folder is
        empty."""
        for folder in folders:
            if not any((self.exp / folder).iterdir()):
                raise SystemExit(f"the other program made nothing in {folder}:\n{run.output}")
        return run

    def alternate(self, row: Row, ours: Callable[[], Run], theirs: Callable[[], Run] | None) -> Row:
        for _ in range(self.options.rounds):
            row.ours.append(ours())
            if self.peer and theirs:
                row.theirs.append(theirs())
        return row

    def without(self, *folders: str) -> None:
        """Both programs make these anew."""
        for where in (self.home / "logs" / NAME, self.exp):
            for folder in folders:
                shutil.rmtree(where / folder, ignore_errors=True)
        receipts = self.home / "logs" / NAME / "receipts"
        for stage in ("pitch", "features", "index") if receipts.is_dir() else ():
            (receipts / f"{stage}.json").unlink(missing_ok=True)

    def modes(self, *wanted: tuple[str, Any]) -> list[tuple[str, Any]]:
        """Those that are asked for and that this CPU computes itself: bf16 in software would take hours."""
        asked = self.options.precision
        here = ("fp32", "bf16") if cpu_has_bf16() else ("fp32",)
        return [(name, ratio) for name, ratio in wanted if name in here and asked in (None, name)]

    # --- stages -------------------------------------------------------------------------------------------------------
    def preprocess(self) -> Iterator[Row]:
        settings = ["--preset", "v2-40k", "--high-pass", "causal", "--clip-s", str(CLIP_S), "--workers", str(WORKERS)]

        def ours() -> Run:
            shutil.rmtree(self.home, ignore_errors=True)
            return timed(self.rvc("preprocess", NAME, "--dataset", str(self.speech), *settings))

        def theirs() -> Run:
            shutil.rmtree(self.exp, ignore_errors=True)
            self.exp.mkdir()
            words = [str(self.speech), "40000", str(WORKERS), str(self.exp), "False", str(CLIP_S)]
            return self.made(timed(self.their("train/preprocess.py", *words), self.peer), "0_gt_wavs", "1_16k_wavs")

        yield self.alternate(Row("preprocess", "v2-40k", self.audio_s, wanted=4.0), ours, theirs)

    def clips(self) -> Path:
        """1_16k_wavs, made once; the other program gets the same clips."""
        experiment = self.home / "logs" / NAME
        if not (experiment / "receipts" / "preprocess.json").is_file():
            settings = ["--preset", "v2-40k", "--clip-s", str(CLIP_S)]
            timed(self.rvc("preprocess", NAME, "--dataset", str(self.speech), *settings))
        shutil.rmtree(self.exp, ignore_errors=True)
        self.exp.mkdir()
        for folder in ("0_gt_wavs", "1_16k_wavs"):
            shutil.copytree(experiment / folder, self.exp / folder)
        return experiment / "1_16k_wavs"

    def pitch(self) -> Iterator[Row]:
        clips = self.clips()
        for method, wanted in (("praat", 3.0), ("fcpe", 1.5)):

            def ours(method: str = method) -> Run:
                self.without("2a_f0", "2b-f0nsf", "2c-voiced")
                return timed(self.rvc("pitch", NAME, "--method", method, "--workers", str(WORKERS)))

            def theirs(method: str = method) -> Run:
                self.without("2a_f0", "2b-f0nsf")
                if method == "praat":
                    words = ["train/dataset/extract_f0.py", "cpu", str(self.exp), str(WORKERS), "pm"]
                    return self.made(timed(self.their(*words), self.peer), "2a_f0", "2b-f0nsf")
                (self.exp / "fcpe").mkdir(exist_ok=True)
                return self.made(timed(self.their(PEER, "fcpe", str(clips), str(self.exp / "fcpe")), self.peer), "fcpe")

            yield self.alternate(Row("pitch", method, self.audio_s, wanted=wanted), ours, theirs)

    def hubert(self) -> None:
        """The same random weights for both, in the workspace and in the other program's assets."""
        there = self.home / "pretrained" / "hubert_base"
        if there.exists():
            return
        if self.peer:
            timed(self.their(PEER, "hubert", str(there)), self.peer)
            target = self.peer / "assets" / "hubert_base"
            target.unlink(missing_ok=True)
            target.symlink_to(there)
            return
        from rvc_engine.content.hubert import Hubert, write_hubert
        from rvc_engine.content.hubert_config import HubertConfig

        there.parent.mkdir(parents=True, exist_ok=True)
        write_hubert(there.with_suffix(".safetensors"), Hubert(HubertConfig(), 12, projected=False))

    def features(self) -> Iterator[Row]:
        self.clips()
        self.hubert()
        for precision, wanted in self.modes(("fp32", 1.2), ("bf16", 2.0)):

            def ours(precision: str = precision) -> Run:
                self.without("3_feature768", "mute")
                return timed(self.rvc("features", NAME, "--precision", precision))

            def theirs() -> Run:
                shutil.rmtree(self.exp / "3_feature768", ignore_errors=True)
                words = ["cpu", "1", "0", str(self.exp), "v2", "False"]
                return self.made(
                    timed(self.their("train/dataset/extract_hubert_feature.py", *words), self.peer), "3_feature768"
                )

            yield self.alternate(Row("features", f"HuBERT {precision}", self.audio_s, wanted=wanted), ours, theirs)

    def train(self) -> Iterator[Row]:
        def last(output: str) -> float:
            return float(BATCH / json.loads(output.splitlines()[-1])["samples_per_s"])

        def ours(precision: str) -> Run:
            words = ["v2-40k", precision, "cpu", str(BATCH), "--frames", str(FRAMES), "--steps", str(STEPS)]
            return timed([sys.executable, "-m", "rvc_engine.training.measure", *words], None, last, as_engine=True)

        def theirs() -> Run:
            words = [PEER, "step", str(BATCH), str(FRAMES), str(STEPS)]
            return timed(
                self.their(*words), self.peer, lambda output: float(json.loads(output.splitlines()[-1])["seconds"])
            )

        for precision, wanted in self.modes(("fp32", 1.1), ("bf16", 1.7)):
            row = Row("training step", f"v2-40k, batch {BATCH}, {precision}", wanted=wanted)
            yield self.alternate(row, lambda precision=precision: ours(precision), theirs)  # type: ignore[misc]

    def index(self) -> Iterator[Row]:
        for rows in INDEX_ROWS:
            home = self.folder / f"index-{rows}"
            experiment = home / "logs" / NAME
            names = clip_rows(experiment, rows, self.speech)
            exact = nearest(experiment, names)
            row = Row("index", f"{rows:,} x 768", wanted=1.5)
            recalls: dict[str, float] = {}

            def ours(home: Path = home, experiment: Path = experiment) -> Run:
                for path in experiment.glob("*.index*"):
                    path.unlink()
                (experiment / "receipts" / "index.json").unlink(missing_ok=True)
                return timed([sys.executable, "-c", INDEX_ALONE, str(home), NAME], as_engine=True)

            def theirs(experiment: Path = experiment) -> Run:
                assert self.peer is not None
                target = self.peer / "logs" / NAME
                shutil.rmtree(target, ignore_errors=True)
                target.mkdir(parents=True)
                (target / "3_feature768").symlink_to(experiment / "3_feature768")
                words = ["train/train_index.py", NAME, "v2", str(self.folder / "outside"), str(WORKERS)]
                shutil.rmtree(self.folder / "outside", ignore_errors=True)
                return timed(self.their(*words), self.peer)

            self.alternate(row, ours, theirs)
            recalls["ours"] = recall(next(experiment.glob("added_*.index")), exact)
            if self.peer:
                recalls["theirs"] = recall(next((self.peer / "logs" / NAME).glob("added_*.index")), exact)
            row.more = ", ".join(f"recall {who} {value:.3f}" for who, value in recalls.items())
            yield row

    def hours(self) -> Iterator[Row]:
        """Does the cost grow in proportion, and memory not at all? Preset starter, pitch by Praat."""
        recordings = sorted(self.speech.iterdir())
        for hours in self.options.hours:
            folder, home = self.folder / f"speech-{hours:g}", self.folder / f"hours-{hours:g}"
            folder.mkdir()
            for number in range(round(len(recordings) * hours * 3600 / self.audio_s)):
                source = recordings[number % len(recordings)]
                (folder / f"{number:05d}{source.suffix}").symlink_to(source.resolve())
            words = {
                "preprocess": ["--dataset", str(folder), "--preset", "starter"],
                "pitch": ["--method", "praat"],
                "features": [],
            }
            for stage, more in words.items():
                command = [sys.executable, "-m", "rvc_engine", stage, NAME, *more, "--home", str(home), "--plain"]
                yield Row(f"{stage}, {hours:g} h", "starter", hours * 3600, [timed(command)])
            yield Row(
                f"index, {hours:g} h",
                "starter",
                hours * 3600,
                [timed([sys.executable, "-c", INDEX_ALONE, str(home), NAME], as_engine=True)],
            )

    def convert(self) -> Iterator[Row]:
        self.hubert()
        voice, index = self.folder / "voice.pth", self.folder / "added_IVF1_Flat_nprobe_1_voice_v2.index"
        random_voice(voice)
        random_index(index)
        minute, short = self.folder / "minute", self.folder / "short"
        cut(self.speech, minute, 1, 60.0)
        cut(self.speech, short, 100, 3.0)
        for precision, wanted in self.modes(("fp32", (1.2, 1.5)), ("bf16", (1.6, None))):
            for (what, folder), ratio in zip((("60 s", minute), ("100 files of 3 s", short)), wanted, strict=True):

                def ours(folder: Path = folder, precision: str = precision) -> Run:
                    out = self.folder / "converted"
                    words = ["--index", str(index), "--pitch-method", "praat", "--precision", precision]
                    return timed(self.rvc("convert", str(voice), str(folder), "--output", f"{out}/", *words))

                def theirs(folder: Path = folder) -> Run:
                    out = self.folder / "theirs"
                    out.mkdir(exist_ok=True)
                    files = [str(path) for path in sorted(folder.iterdir())]
                    return timed(self.their(PEER, "convert", str(voice), str(index), str(out), *files), self.peer)

                seconds = 60.0 if folder is minute else 300.0
                yield self.alternate(Row("convert", f"{what}, {precision}", seconds, wanted=ratio), ours, theirs)


INDEX_ALONE = """
import sys
from pathlib import Path
from rvc_engine.workspace import Workspace
from rvc_engine.work import index
experiment = Workspace(Path(sys.argv[1])).experiment(sys.argv[2])
for _ in index.run(experiment, experiment.load_settings()):
    pass
"""
"""Not `rvc index`, which would first do the stages before it: these features were made by none."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, default=ROOT / "samples" / "target")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", metavar="PART", action="append", help="preprocess, pitch, features, train, index, convert, hours"
    )
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="only this one; default: both")
    parser.add_argument("--hours", type=float, nargs="*", default=[], help="of the curve, for example 0.1 1 3")
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--peer-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--json", metavar="FILE", help="write facts and runs there too")
    parser.add_argument("--work", type=Path, help="a folder to work in, which is kept")
    options = parser.parse_args()
    options.speech, options.peer = options.speech.resolve(), options.peer and options.peer.resolve()
    about, rows = facts(), []
    print(*(f"{name}: {value}" for name, value in about.items()), sep="\n")
    print(f"\n{HEAD}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        bench = Bench(options, options.work or Path(temporary))
        for name in ("preprocess", "pitch", "features", "train", "index", "convert", "hours"):
            if options.only and name not in options.only:
                continue
            for row in getattr(bench, name)():
                rows.append(row)
                print(row.line(), flush=True)
    if options.json:
        Path(options.json).write_text(
            json.dumps({**about, "rows": [asdict(row) | {"ratio": row.ratio} for row in rows]}, indent=1) + "\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
