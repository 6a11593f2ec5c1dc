"""Decide whether a new model is good enough, and deploy it if it is."""

from datalab_pipelines import Metric, otherwise, pipeline, when

from stages import deploy, evaluate, load, reject, split, train


@pipeline("{{name}}")
def main(trees: int = 100, threshold: float = 0.9, seed: int = 7) -> None:
    """Train on the breast cancer data of scikit-learn; deploy above a threshold."""
    parts = split(load(), seed)
    model = train(parts.train, trees, seed)
    accuracy: Metric = evaluate(model, parts.test)
    with when(accuracy >= threshold):
        deploy(model)
    with otherwise():
        reject(accuracy, threshold)


if __name__ == "__main__":
    main.main()
