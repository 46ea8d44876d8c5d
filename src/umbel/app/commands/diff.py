"""``umbel diff RUN RUN``: two runs side by side."""

from __future__ import annotations

from umbel.app import options

__all__ = ["diff"]


def diff(first: options.RunFolder, second: options.RunFolder, as_json: options.AsJson = False) -> None:
    """What differs between two runs: configuration, scores and verdicts."""
    from umbel.app.console import print_json, print_table
    from umbel.app.diff import compare_runs
    from umbel.app.run import Run
    from umbel.judging.words import number, signed

    found = compare_runs(Run(first), Run(second))
    if as_json:
        print_json(found)
        return
    if found.config:
        print_table(
            ["configuration", str(first), str(second)],
            [[path, str(a), str(b)] for path, (a, b) in found.config.items()],
        )
    else:
        print("The configurations are equal.")
    told = {True: "", False: "intervals apart", None: ""}
    print_table(
        ["task", "metric", "model", str(first), str(second), "change", "", "verdict"],
        [
            [
                c.task,
                c.metric,
                c.model,
                number(c.first),
                number(c.second),
                signed(c.change),
                told[c.overlap],
                " -> ".join(dict.fromkeys(verdict or "-" for verdict in c.verdicts)),
            ]
            for c in found.scores
        ],
        right=[False, False, False, True, True, True],
    )
