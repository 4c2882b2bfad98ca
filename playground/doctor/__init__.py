"""The doctor: does a checkpoint do here what it should? It is what one runs before sharing a fine-tune.

    from playground.doctor.diagnosis import diagnose

    for finding in diagnose("./my-checkpoint"):
        print(finding)

It loads the checkpoint and drives every verb of `docs/families.md` with drawn pictures, comparing what can be compared
with bare transformers: the prompt, the tokens, one at a time with many, continued with anew.
"""
