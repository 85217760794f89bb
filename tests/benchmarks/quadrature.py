"""Error and cost of the quadrature rules on the demo's classifier: the table in DECISIONS.md.

Run `make benchmark` after `make audit`. Error of one text: sum over tokens of |score - reference| over the sum of
|reference|, the reference being Gauss-Legendre with 64 steps. Gradients include those of texts that were tried again.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.load import load_config
from configs.schema import AttributionConfig
from tasks.attribute import attribute_shards
from tasks.finetune import finetune_classifier
from tasks.parts import part_file, write_part

NUM_TEXTS = 48
CASES = [("midpoint", 8), ("midpoint", 12), ("midpoint", 16), ("gauss_legendre", 12), ("gauss_legendre", 16)]


def main(folder: Path) -> None:
    config = load_config(Path("configs/demo.yaml"))
    model = finetune_classifier.fn(config)
    table = pq.read_table(config.data.path, filters=[("split", "=", "test")], columns=["id", "text", "label"])
    every = table.num_rows // NUM_TEXTS
    rows = [
        {"example_id": i, "source_id": row["id"], "text": row["text"], "label_id": 0, "n_tokens": 0, "n_cut": 0}
        for i, row in enumerate(table.to_pylist()[::every][:NUM_TEXTS])
    ]
    shard = folder / "shard-00000.json"
    write_part(shard, {"examples": pa.Table.from_pylist(rows)}, {})

    def scores(name: str, **settings: object) -> tuple[list[np.ndarray], np.ndarray]:
        attribution = AttributionConfig(**{"max_quarantined": 1.0, "baseline": config.attribution.baseline, **settings})
        (part,) = attribute_shards.fn([shard], model, attribution, folder / name)
        tokens = pq.read_table(part_file(part, "tokens"), columns=["example_id", "integrated_gradients"]).to_pandas()
        steps = pq.read_table(part_file(part, "examples"))["steps"].to_numpy()
        return [group["integrated_gradients"].to_numpy() for _, group in tokens.groupby("example_id")], steps

    reference, _ = scores("reference", rule="gauss_legendre", steps=64, max_retries=0)
    print(f"{NUM_TEXTS} held-out reviews, {config.attribution.baseline} baseline, max_gap {config.attribution.max_gap}")
    print("rule\tsteps\tmedian error\tp90 error\tgradients a text\ttried again")
    for rule, steps in CASES:
        found, spent = scores(f"{rule}-{steps}", rule=rule, steps=steps)
        errors = [np.abs(a - b).sum() / np.abs(b).sum() for a, b in zip(found, reference, strict=True)]
        # steps, 2 steps, 4 steps, ... up to the last, each with one gradient at the text itself
        gradients = [sum(steps * 2**k + 1 for k in range(int(np.log2(last // steps)) + 1)) for last in spent]
        print(
            f"{rule}\t{steps}\t{np.median(errors):.3f}\t{np.quantile(errors, 0.9):.3f}\t{np.mean(gradients):.1f}\t{(spent > steps).mean():.0%}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
