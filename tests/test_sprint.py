"""All stages in one command, and what it leaves; on a CPU, tiny, one step each."""

import json

from playground.training import sprint


def test_a_sprint_runs_every_stage_once_and_leaves_checkpoints_and_figures(tmp_path, capsys):
    command = ["--size", "tiny", "--steps", "1", "--folder", str(tmp_path), "--workers", "0"]
    sprint.main(command)
    told = json.loads((tmp_path / sprint.REPORT).read_text())
    assert list(told) == [leg.name for leg in sprint.LEGS]
    assert all(row["step"] == 1 and row["scenes_per_second"] > 0 for row in told.values())
    for leg in sprint.LEGS:
        assert (tmp_path / leg.makes / "config.json").exists() and list((tmp_path / leg.makes).glob("*.safetensors"))
        assert not (tmp_path / "runs" / leg.name / "state").exists()

    weights = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.safetensors")}
    told.pop("preferences")
    (tmp_path / sprint.REPORT).write_text(json.dumps(told))  # as if it had been cut in its last stage
    capsys.readouterr()
    sprint.main(command)
    said = capsys.readouterr().out
    assert said.count("finished before") == len(sprint.LEGS) - 1 and "preference →" in said
    again = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.safetensors")}
    changed = {path.parent.name for path in again if again[path] != weights[path]}
    assert changed == {"moji-vlm-preferred"}


def test_the_stages_shares_make_up_the_time():
    assert abs(sum(leg.share for leg in sprint.LEGS) - 1) < 1e-9
