"""A cross-validated sweep over handwritten digits: 240 calls on one array.

    pip install "gridtask[examples]"
    python examples/digits.py [HEATMAP.png]

Each call fits a kernel classifier with one choice of its two parameters on
four fifths of the data and scores it on the last fifth. The images are passed
once, as an argument common to all calls. The second run computes nothing.
"""

import sys

import numpy as np

from gridtask import grid_task


@grid_task(memory="2G", time="00:10:00")
def score(fold, log_width, log_ridge, images, labels, n_folds=5):
    """Return the share of digits recognised in one fold.

    Regularised least squares on a Gaussian kernel, one column a digit.
    """
    rows = np.random.default_rng(0).permutation(len(images))
    test = np.zeros(len(images), bool)
    test[rows[fold::n_folds]] = True
    train_images, train_labels = images[~test], labels[~test]
    targets = np.eye(10)[train_labels]
    kernel = gaussian(train_images, train_images, 10.0**log_width)
    kernel += 10.0**log_ridge * np.eye(len(kernel))
    weights = np.linalg.solve(kernel, targets)
    guesses = gaussian(images[test], train_images, 10.0**log_width) @ weights
    return float(np.mean(guesses.argmax(axis=1) == labels[test]))


def gaussian(left, right, width):
    """Return the Gaussian kernel between the rows of two arrays."""
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * left @ right.T
    return np.exp(-squares / (2 * width**2))


def draw(mean, axes, path):
    """Save the mean scores as a heat map."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, plot = plt.subplots(figsize=(7, 5), layout="constrained")
    picture = plot.imshow(mean, origin="lower", cmap="viridis", aspect="auto")
    plot.set_xticks(range(len(axes["log_ridge"])), axes["log_ridge"])
    plot.set_yticks(range(len(axes["log_width"])), axes["log_width"])
    plot.set_xlabel("log10 of the ridge")
    plot.set_ylabel("log10 of the kernel's width")
    plot.set_title("Digits recognised, mean of five folds")
    figure.colorbar(picture, label="share")
    figure.savefig(path, dpi=120)


def main(path):
    """Sweep, print the best parameters, save the heat map."""
    from sklearn.datasets import load_digits

    data = load_digits()
    grid = score.grid(
        fold=range(5),
        log_width=[round(w, 2) for w in np.linspace(0.0, 2.5, 8).tolist()],
        log_ridge=[-6, -4, -3, -2, -1, 0],
        common={"images": data.data / 16.0, "labels": data.target},
    )
    mean = grid.array().mean(axis=0)
    width, ridge = np.unravel_index(mean.argmax(), mean.shape)
    print(f"{len(grid)} calls, grid of shape {grid.shape}")
    print(
        f"best: log_width={grid.axes['log_width'][width]}, "
        f"log_ridge={grid.axes['log_ridge'][ridge]}: {mean.max():.4f} recognised"
    )
    draw(mean, grid.axes, path)
    print(f"heat map: {path}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "digits.png")
