"""Recordings in and out: content not names, nothing but the file itself, broken files reported with a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rvc_engine.audio.io import CODECS, decode, encode, read_wav, resample, write_wav
from rvc_engine.audio.notes import Note
from rvc_engine.errors import UnusableRecording
from tests.conftest import rvc_environment


def tone(seconds: float, rate: int = 40000) -> NDArray[np.int16]:
    return (12000 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def reason(path: Path) -> str:
    with pytest.raises(UnusableRecording) as caught:
        decode(path, 16000)
    return str(caught.value)


@pytest.mark.parametrize("format", CODECS)
@pytest.mark.parametrize("rate", [16000, 40000, 44100, 48000])
def test_every_format_keeps_length_and_sound(tmp_path: Path, format: str, rate: int) -> None:
    wave = tone(1.237, rate)
    encode(tmp_path / "a", wave, rate, format)
    decoded = decode(tmp_path / "a", rate)
    assert abs(len(decoded) - len(wave)) <= 0.002 * rate
    n = min(len(decoded), len(wave))
    assert np.corrcoef(decoded[:n], wave[:n])[0, 1] > 0.999
    assert decoded.dtype == np.float32 and np.abs(decoded).max() <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_lossless_formats_are_exact(tmp_path: Path, format: str) -> None:
    wave = tone(0.5)
    encode(tmp_path / "a", wave, 40000, format)
    assert np.array_equal(decode(tmp_path / "a", 40000), wave / np.float32(32768))


def test_stereo_and_another_rate(tmp_path: Path) -> None:
    from scipy.io import wavfile

    left = tone(1, 44100)
    wavfile.write(tmp_path / "a.txt", 44100, np.stack([left, np.zeros_like(left)], axis=1))  # a name that says nothing
    decoded = decode(tmp_path / "a.txt", 16000)
    assert abs(len(decoded) - 16000) <= 32
    assert abs(np.abs(decoded[2000:-2000]).max() - 0.5 * 12000 / 32768) < 0.01


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "m4a"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_reported(tmp_path: Path, format: str, share: float) -> None:
    encode(tmp_path / "a", tone(4), 40000, format)
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(data[: int(len(data) * share)])
    assert any(word in reason(tmp_path / "a") for word in ("ends early", "damaged", "cannot be decoded"))


def without_info_tag(data: bytes) -> bytes:
    at = data.index(b"Info") if b"Info" in data else data.index(b"Xing")
    return data[:at] + b"\0\0\0\0" + data[at + 4 :]


def test_a_good_mp3_without_a_length_is_used(tmp_path: Path) -> None:
    encode(tmp_path / "a", tone(3), 44100, "mp3")
    data = without_info_tag((tmp_path / "a").read_bytes())
    (tmp_path / "a").write_bytes(data)
    assert abs(len(decode(tmp_path / "a", 44100)) / 44100 - 3 * 40000 / 44100) < 0.2
    (tmp_path / "a").write_bytes(data + b"TAG" + bytes(125))
    decode(tmp_path / "a", 44100)
    (tmp_path / "a").write_bytes(data[: len(data) // 2 + 100])
    notes: list[Note] = []
    # some encoders leave the last frame so: nothing distinguishes it from a download that was cut
    decode(tmp_path / "a", 44100, notes)
    assert [note.code for note in notes] == ["cut"]


def test_a_wav_whose_length_was_left_open_is_used(tmp_path: Path) -> None:
    encode(tmp_path / "a", tone(1), 40000, "wav")
    data = bytearray((tmp_path / "a").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "a").write_bytes(data)
    assert len(decode(tmp_path / "a", 40000)) == 40000


def test_damage_in_the_middle(tmp_path: Path) -> None:
    encode(tmp_path / "a", tone(4), 40000, "m4a")
    data = bytearray((tmp_path / "a").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = np.random.default_rng(0).bytes(6000)
    (tmp_path / "a").write_bytes(data)
    assert "damaged" in reason(tmp_path / "a")


def test_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("these are words\n" * 100)
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(50000))
    assert "empty" in reason(tmp_path / "empty.wav")
    assert "not audio" in reason(tmp_path / "text.wav")
    assert reason(tmp_path / "noise.mp3")
    assert "no such file" in reason(tmp_path / "none")
    assert "folder" in reason(tmp_path)


def test_an_image_has_no_audio(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert "no audio in it" in reason(tmp_path / "a.png")


def test_a_playlist_opens_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode(tmp_path / "secret.wav", tone(2), 40000, "wav")
    encode(tmp_path / "secret.mp3", tone(2), 40000, "mp3")
    monkeypatch.chdir(tmp_path)
    for name in (
        "secret.mp3",
        str(tmp_path / "secret.mp3"),
        f"file://{tmp_path}/secret.mp3",
        "http://127.0.0.1:9/a.mp3",
    ):
        lists = {
            "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\n{name}\n#EXT-X-ENDLIST\n",
            "a.ffconcat": f"ffconcat version 1.0\nfile '{name}'\n",
        }
        for file, text in lists.items():
            (tmp_path / file).write_text(text)
            assert reason(tmp_path / file)


def test_no_permission(tmp_path: Path) -> None:
    """As an ordinary user: for root no permission binds."""
    path = tmp_path / "a.wav"
    encode(path, tone(1), 40000, "wav")
    path.chmod(0)
    tmp_path.chmod(0o755)
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom rvc_engine.audio.io import decode\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: decode(Path(sys.argv[1]), 16000)\nexcept Exception as error: print(error)"
    )
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and "pytest" in folder.name:
            folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, env=rvc_environment()
    )
    assert "no permission" in done.stdout, done.stderr


def test_wavs_of_the_engine(tmp_path: Path) -> None:
    wave = np.linspace(-1.2, 1.2, 1000)
    write_wav(tmp_path / "a.wav", wave, 40000)
    back, rate = read_wav(tmp_path / "a.wav")
    assert rate == 40000 and back.dtype == np.float32 and np.array_equal(back, wave.astype(np.float32))
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:40])
    with pytest.raises(UnusableRecording):
        read_wav(tmp_path / "a.wav")


def test_resampling_keeps_dtype_and_rounds_up() -> None:
    assert len(resample(np.zeros(52001), 40000, 16000)) == 20801
    assert resample(np.zeros(400, np.float32), 40000, 16000).dtype == np.float32
    same = np.ones(5)
    assert resample(same, 16000, 16000) is same
