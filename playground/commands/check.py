"""Check a checkpoint: what of it works here, and whether it says what bare transformers says.

Run it before you share a fine-tune. It ends with 0 where nothing fails, else with 1.
"""

from __future__ import annotations

import argparse


def options_of(parser: argparse.ArgumentParser) -> None:
    """Name the options of the command; torch is not imported for that."""
    parser.add_argument("name", help="a catalogue name, a Hub id, or a folder that save_pretrained wrote")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")
    parser.add_argument(
        "--dtype",
        default=None,
        help="float32, bfloat16 or float16 (default: as `load` chooses); float32 compares most closely",
    )


def run(options: argparse.Namespace) -> None:
    """Print a line for each check as it ends.

    Raises:
        SystemExit: with 1 where a check fails, with 130 where it was interrupted.
    """
    from playground.doctor.diagnosis import diagnose

    failed, works = 0, 0
    try:
        for finding in diagnose(options.name, device=options.device, dtype=options.dtype):
            print(finding, flush=True)
            failed, works = failed + (finding.ok is False), works + (finding.ok is True)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    print(f"{works} work, {failed} {'fails' if failed == 1 else 'fail'}.")
    if failed or not works:
        raise SystemExit(1)
