import math
import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tui_gd.errors import ProblemError
from tui_gd.problems import BUILTIN, SURFACES, TITLES, load_problem

SHAPES = {
    # rows, features, classes: from the brief and the data sets' own descriptions; 0 is regression
    "blobs": (1000, 2, 2),
    "moons": (1000, 2, 2),
    "circles": (1000, 2, 2),
    "xor": (1000, 2, 2),
    "spiral": (1000, 2, 2),
    "gaussians": (1000, 2, 3),
    "line": (100, 1, 0),
    "plane": (100, 2, 0),
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast-cancer": (569, 30, 2),
    "digits": (1797, 64, 10),
    "diabetes": (442, 10, 0),
}
GENERATED = [name for name in SHAPES if BUILTIN[name].options]
LOADERS = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast-cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}


def all_rows(problem):
    x = np.vstack([problem.x_train, problem.x_test])[:, :-1]
    return x, np.concatenate([problem.y_train, problem.y_test])


def same_bits(a, b):
    return all(
        getattr(a, part).tobytes() == getattr(b, part).tobytes()
        for part in ("x_train", "y_train", "x_test", "y_test")
    )


def test_the_names_in_their_order():
    assert tuple(BUILTIN) == tuple(SHAPES)
    assert tuple(TITLES) == (*BUILTIN, *SURFACES)


@pytest.mark.parametrize("name", SHAPES)
def test_every_problem_is_what_its_line_says(name):
    rows, features, classes = SHAPES[name]
    problem = load_problem(name)
    assert problem.name == name
    assert problem.x_train.shape == (rows - math.ceil(rows / 2), features + 1)
    assert problem.x_test.shape == (math.ceil(rows / 2), features + 1)
    assert problem.y_train.shape == problem.x_train.shape[:1]
    assert problem.y_test.shape == problem.x_test.shape[:1]
    for x, y in ((problem.x_train, problem.y_train), (problem.x_test, problem.y_test)):
        assert x.dtype == np.float64
        assert x.flags.c_contiguous
        assert np.isfinite(x).all()
        assert np.isfinite(y).all()
        assert (x[:, -1] == 1).all()
    assert problem.features == len(problem.feature_names) == len(set(problem.feature_names))
    assert problem.features == features
    assert len(problem.class_names) == classes
    if classes:
        assert problem.task == ("binary" if classes == 2 else "multiclass")
        assert problem.y_train.dtype == problem.y_test.dtype == np.int8
        assert set(problem.y_train) == set(problem.y_test) == set(range(classes))
    else:
        assert problem.task == "regression"
        assert problem.y_train.dtype == problem.y_test.dtype == np.float64
    assert problem.outputs == (classes if classes > 2 else 1)
    kind = f"{classes} classes" if classes else "regression"
    title = TITLES[name]
    assert title.endswith(f": {rows} rows, {features} feature{'s' * (features > 1)}, {kind}")
    assert title.isascii()
    assert len(title) <= 80 - 16


def test_blobs_is_the_tutorials_recipe_bit_for_bit():
    x, y = datasets.make_blobs(
        n_samples=1000, n_features=2, centers=2, cluster_std=1.5, random_state=1
    )
    x = np.c_[x, np.ones(x.shape[0])]
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.5, random_state=42)
    problem = load_problem("blobs")
    assert problem.x_train.tobytes() == x_train.tobytes()
    assert problem.x_test.tobytes() == x_test.tobytes()
    assert (problem.y_train == y_train).all()
    assert (problem.y_test == y_test).all()


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize(("test_size", "seed"), [(0.5, 42), (0.2, 7)])
def test_real_data_are_scikit_learns_split_as_the_tutorial_splits(name, test_size, seed):
    bunch = LOADERS[name]()
    x_train, x_test, y_train, y_test = train_test_split(
        bunch.data, bunch.target, test_size=test_size, random_state=seed
    )
    problem = load_problem(name, test_size=test_size, split_seed=seed)
    assert np.array_equal(problem.x_train[:, :-1], x_train)
    assert np.array_equal(problem.x_test[:, :-1], x_test)
    assert np.array_equal(problem.y_train, y_train)
    assert np.array_equal(problem.y_test, y_test)
    assert problem.feature_names == tuple(bunch.feature_names)
    assert problem.class_names == tuple(str(each) for each in bunch.get("target_names", []))
    assert all(type(each) is str for each in problem.feature_names + problem.class_names)


def test_names_of_real_data():
    assert load_problem("iris").class_names == ("setosa", "versicolor", "virginica")
    assert load_problem("breast-cancer").class_names == ("malignant", "benign")
    assert load_problem("diabetes").target_name == "disease progression"
    assert load_problem("plane").feature_names == ("x1", "x2")


def test_moons_and_circles_are_scikit_learns():
    x, y = all_rows(load_problem("moons", samples=300, noise=0.1, data_seed=5))
    theirs, labels = datasets.make_moons(300, noise=0.1, random_state=5)
    assert sorted(map(tuple, np.c_[x, y])) == sorted(map(tuple, np.c_[theirs, labels]))
    x, y = all_rows(load_problem("circles", samples=301, noise=0.2, data_seed=5))
    theirs, labels = datasets.make_circles(301, noise=0.2, factor=0.5, random_state=5)
    assert sorted(map(tuple, np.c_[x, y])) == sorted(map(tuple, np.c_[theirs, labels]))


def test_xor_without_noise_is_a_matter_of_signs():
    x, y = all_rows(load_problem("xor", noise=0))
    assert ((np.sign(x[:, 0]) != np.sign(x[:, 1])) == (y == 1)).all()
    assert np.abs(x).min() >= 0.1
    assert np.abs(x).max() <= 1.1
    assert 400 < y.sum() < 600


def test_spiral_without_noise_lies_on_its_arms():
    x, y = all_rows(load_problem("spiral", noise=0, classes=3, samples=301))
    z = x[:, 0] + 1j * x[:, 1]
    t = (np.abs(z) - 0.1) / 0.9
    assert t.min() == pytest.approx(0, abs=1e-12)
    assert t.max() == pytest.approx(1)
    on_arm = np.abs(z) * np.exp(2j * np.pi * (1.25 * t + y / 3))
    assert np.allclose(z, on_arm, rtol=0, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_gaussians_have_even_classes_and_neighbours_four_apart(classes):
    x, y = all_rows(load_problem("gaussians", classes=classes, samples=50 * classes, noise=0))
    assert (np.bincount(y) == 50).all()
    centres = np.array([x[y == c].mean(axis=0) for c in range(classes)])
    assert np.allclose(x, centres[y])
    gaps = np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1)
    assert np.allclose(gaps, 4)


def test_gaussians_noise_is_a_standard_deviation():
    x, y = all_rows(load_problem("gaussians", samples=30_000, noise=0.7))
    assert np.allclose([x[y == c].std(axis=0) for c in range(3)], 0.7, rtol=0.05)


def test_line_and_plane_follow_their_formulas():
    x, y = all_rows(load_problem("line", noise=0))
    assert np.allclose(y, 2 * x[:, 0] + 1, rtol=0, atol=1e-15)
    x, y = all_rows(load_problem("plane", noise=0))
    assert np.allclose(y, x[:, 0] - 2 * x[:, 1] + 1, rtol=0, atol=1e-15)
    problem = load_problem("line", samples=20_000, noise=0.5)
    fit, rest, *_ = np.linalg.lstsq(problem.x_train, problem.y_train)
    assert np.allclose(fit, [2, 1], atol=0.02)
    assert math.sqrt(rest[0] / 10_000) == pytest.approx(0.5, rel=0.03)


@pytest.mark.parametrize("name", GENERATED)
def test_seeds_repeat_bit_for_bit_and_change_the_data(name):
    again = load_problem(name, data_seed=3)
    assert same_bits(again, load_problem(name, data_seed=3))
    assert not same_bits(again, load_problem(name, data_seed=4))
    defaults = dict(BUILTIN[name].options)
    assert same_bits(load_problem(name), load_problem(name, **defaults))


@pytest.mark.parametrize("name", SHAPES)
def test_the_split_seed_changes_the_split_and_not_the_rows(name):
    one, other = load_problem(name), load_problem(name, split_seed=1)
    assert not same_bits(one, other)
    assert same_bits(other, load_problem(name, split_seed=1))
    rows, others = (sorted(map(tuple, np.column_stack(all_rows(each)))) for each in (one, other))
    assert rows == others


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("samples", [10, 77])
def test_samples_are_the_rows_before_the_split(name, samples):
    problem = load_problem(name, test_size=0.3, samples=samples)
    assert len(problem.y_test) == math.ceil(0.3 * samples)
    assert len(problem.y_train) == samples - len(problem.y_test)


@pytest.mark.parametrize(("classes", "task", "outputs"), [(2, "binary", 1), (5, "multiclass", 5)])
@pytest.mark.parametrize("name", ["spiral", "gaussians"])
def test_classes_decide_the_task(name, classes, task, outputs):
    problem = load_problem(name, classes=classes)
    assert (problem.task, problem.outputs) == (task, outputs)
    assert problem.class_names == tuple("01234"[:classes])


@pytest.mark.parametrize("name", SHAPES)
def test_standardize_is_standard_scaler_on_the_train_rows(name):
    plain, scaled = (
        load_problem(name, test_size=0.3),
        load_problem(name, test_size=0.3, standardize=True),
    )
    scaler = StandardScaler().fit(plain.x_train[:, :-1])
    for ours, rows in ((scaled.x_train, plain.x_train), (scaled.x_test, plain.x_test)):
        theirs = scaler.transform(rows[:, :-1])
        assert np.allclose(ours[:, :-1], theirs, rtol=1e-10, atol=1e-10)
        assert (ours[:, -1] == 1).all()
    assert np.array_equal(scaled.y_train, plain.y_train)
    varied = plain.x_train[:, :-1].std(axis=0) > 0
    assert np.allclose(scaled.x_train[:, :-1].mean(axis=0), 0, atol=1e-12)
    assert np.allclose(scaled.x_train[:, :-1].std(axis=0), varied)


def test_constant_features_of_digits_stay_unscaled():
    plain, scaled = load_problem("digits"), load_problem("digits", standardize=True)
    constant = plain.x_train.std(axis=0) == 0
    constant[-1] = False
    assert constant.sum() >= 3
    shift = plain.x_test[:, constant] - plain.x_train[0, constant]
    assert np.array_equal(scaled.x_test[:, constant], shift)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("nothing", {}, ["'nothing'", "blobs", "diabetes"]),
        ("iris", {"noise": 0.1}, ["iris", "noise", "fixed"]),
        ("digits", {"classes": 3}, ["digits", "classes", "fixed"]),
        ("moons", {"classes": 3}, ["moons", "classes", "samples, noise, data_seed"]),
        ("blobs", {"classes": 3}, ["blobs", "classes", "samples, noise, data_seed"]),
        ("spiral", {"classes": 1}, ["classes 1", "2 to 100"]),
        ("spiral", {"classes": 9, "samples": 8}, ["9 classes", "8"]),
        ("moons", {"samples": 1}, ["samples 1", "from 2"]),
        ("moons", {"samples": 10.5}, ["samples 10.5", "whole"]),
        ("moons", {"samples": 10**30}, ["samples"]),
        ("moons", {"data_seed": -1}, ["data_seed -1"]),
        ("moons", {"split_seed": 2**32}, ["split seed 4294967296"]),
        ("moons", {"noise": -0.1}, ["noise -0.1"]),
        ("moons", {"noise": math.nan}, ["noise nan"]),
        ("moons", {"noise": math.inf}, ["noise inf"]),
        ("moons", {"noise": "a\nb"}, ["noise 'a\\nb'"]),
        ("moons", {"test_size": 0}, ["test size 0"]),
        ("moons", {"test_size": 1.0}, ["test size 1.0"]),
        ("moons", {"test_size": math.nan}, ["test size nan"]),
        ("iris", {"test_size": 0.9999}, ["none of 150 rows", "0.9999"]),
        ("moons", {"test_size": 0.999}, ["all train rows (1 of 1000)", "class"]),
    ],
)
def test_refusals_are_one_line(name, options, words):
    with pytest.raises(ProblemError) as refusal:
        load_problem(name, **options)
    line = str(refusal.value)
    assert "\n" not in line
    for word in words:
        assert word in line


def test_the_names_need_no_scikit_learn():
    script = (
        "import sys; from tui_gd.problems import BUILTIN;"
        "sys.exit(any(name.split('.')[0] in ('sklearn', 'scipy', 'textual') for name in sys.modules"
        "))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
