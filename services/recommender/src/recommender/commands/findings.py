"""What a comparison found, as a table with confidence intervals and as charts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from recommender.commands.charts import Line, line_chart
from recommender.commands.runs import OURS, Each, Varied

_RESAMPLES = 2_000
_SEED = 5


@dataclass
class Findings:
    """NDCG of each person by split and method; and what the charts show."""

    splits: dict[str, Each] = field(default_factory=dict[str, Each])
    by_length: dict[str, dict[int, float]] = field(default_factory=dict[str, dict[int, float]])
    by_diversity: dict[float, list[Varied]] = field(default_factory=dict[float, list[Varied]])

    def add(self, split: str, qualities: Each) -> None:
        """More people of a split."""
        known = self.splits.setdefault(split, {name: [] for name in qualities})
        for name, each in qualities.items():
            known[name] += each


def table_of(findings: Findings) -> Iterator[str]:
    """Markdown: NDCG@10 by split and method, our gains with what chance leaves open."""
    names = [name for name in next(iter(findings.splits.values())) if name != OURS]
    head = ["NDCG@10", "people", OURS, *names, "over EASE", "over popularity"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for split, each in findings.splits.items():
        means = [f"{np.mean(each[name]):.4f}" for name in (OURS, *names)]
        gains = [gain(each[OURS], each[name]) for name in ("EASE", "popularity")]
        yield "| " + " | ".join([split, str(len(each[OURS])), *means, *gains]) + " |"
    yield ""
    yield "| diversity | people | NDCG@10 | distance of genres in a list | of all terms |"
    yield "|---|---|---|---|---|"
    plain = Varied(*np.mean(next(iter(findings.by_diversity.values())), axis=0))
    for diversity, each in findings.by_diversity.items():
        told = [
            f"{mean:.4f} ({mean / first - 1:+.1%})" if first else f"{mean:.4f}"
            for mean, first in zip(np.mean(each, axis=0).tolist(), plain, strict=True)
        ]
        yield "| " + " | ".join([f"{diversity:g}", str(len(each)), *told]) + " |"


def gain(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The ratio of the means with its 95% interval, by resampling people in pairs."""
    both = np.array([ours, theirs])
    chosen = np.random.default_rng(_SEED).integers(0, both.shape[1], (_RESAMPLES, both.shape[1]))
    means = both[:, chosen].mean(axis=2)
    if not both[1].mean() or not means[1].all():
        return "-"
    low, high = np.quantile(means[0] / means[1], [0.025, 0.975])
    return f"{both[0].mean() / both[1].mean():.3f} ({low:.3f} to {high:.3f})"


def charts_of(findings: Findings) -> Mapping[str, str]:
    """SVG documents by name."""
    lengths = [Line(name, list(points.items())) for name, points in findings.by_length.items()]
    means = [Varied(*np.mean(each, axis=0).tolist()) for each in findings.by_diversity.values()]
    points = sorted((mean.by_genres, mean.ndcg) for mean in means)
    return {
        "quality-by-history": line_chart(
            "NDCG@10 by length of history", "ratings known", lengths, logarithmic=True
        ),
        "ndcg-by-distance": line_chart(
            "NDCG@10 as diversity rises", "distance of genres in a list", [Line(OURS, points)]
        ),
    }
