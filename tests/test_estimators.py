"""The estimators: scikit-learn's checks, its solvers' optima, and the documented behaviour."""

import doctest
import pickle
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.special import expit, log_expit, log_softmax
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_diabetes, load_iris, make_blobs, make_moons
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from tests.making import problem_of
from tui_gd import GradientDescentClassifier, GradientDescentRegressor, Trainer, estimators
from tui_gd.learning.models import Model, make_start

BOTH = pytest.mark.parametrize(
    "estimator",
    [GradientDescentClassifier(), GradientDescentRegressor()],
    ids=["classes", "number"],
)
# some of scikit-learn's checks do not converge in 1000 epochs; it ignores that too
unfinished_is_fine = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def standardised(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


IRIS = standardised(load_iris)
DIABETES = standardised(load_diabetes)
BINARY = IRIS[0][50:], IRIS[1][50:]  # versicolor and virginica overlap, so there is an optimum


def data_for(estimator):
    X, y = DIABETES
    return IRIS if isinstance(estimator, GradientDescentClassifier) else (X, (y - 152.0) / 77.0)


def exactly(estimator, epochs, **settings):
    """Return the estimator set to do exactly that many epochs."""
    return clone(estimator).set_params(max_iter=epochs, tol=None, random_state=3, **settings)


def weights_of(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same_weights(one, other, **tolerances):
    for mine, its in zip(weights_of(one), weights_of(other), strict=True):
        assert_allclose(mine, its, **(tolerances or {"rtol": 0.0, "atol": 0.0}))


@unfinished_is_fine
@parametrize_with_checks([GradientDescentClassifier(), GradientDescentRegressor()])
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


def names_of_checks(estimator):
    names = []
    for _, check in estimator_checks_generator(estimator):
        settings = {}
        while isinstance(check, partial):
            settings |= check.keywords
            check = check.func  # noqa: PLW2901 - peeling off layers
        names.append((check.__name__, *sorted(settings.items())))
    return names


@pytest.mark.parametrize(
    ("own", "model", "without", "at_least"),
    [
        (
            GradientDescentClassifier(),
            SGDClassifier(),
            # for its `sparsify`, and for LinearClassifierMixin, which is not a base class here
            {"check_sparsify_coefficients", "check_class_weight_balanced_linear_classifier"},
            63,  # of scikit-learn 1.7; 64 of 1.9
        ),
        (GradientDescentRegressor(), SGDRegressor(), {"check_sparsify_coefficients"}, 59),
    ],
)
def test_all_checks_of_scikit_learns_own_estimators_are_run(own, model, without, at_least):
    wanted = [name for name in names_of_checks(model) if name[0] not in without]
    assert sorted(names_of_checks(own), key=str) == sorted(wanted, key=str)
    assert len(wanted) >= at_least


@BOTH
@unfinished_is_fine
@pytest.mark.parametrize(
    "check", ["check_param_validation", "check_dataframe_column_names_consistency"]
)
def test_checks_that_scikit_learn_runs_only_on_its_own_estimators(estimator, check):
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


@unfinished_is_fine
def test_balanced_weights_follow_from_the_counts():
    check = estimator_checks.check_class_weight_balanced_linear_classifier
    check("GradientDescentClassifier", GradientDescentClassifier())


@BOTH
@unfinished_is_fine
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_layer_sizes": (4, 3)},
        {"loss": "sse", "learning_rate": 0.01},
        {"optimizer": "nesterov", "l1": 0.01, "l2": 0.1, "schedule": "cosine"},
    ],
    ids=["hidden", "sse", "penalty"],
)
def test_row_weights_repeat_and_remove_rows_with_other_settings_too(estimator, settings, sparse):
    kind = "sparse" if sparse else "dense"
    check = getattr(estimator_checks, f"check_sample_weight_equivalence_on_{kind}_data")
    check(type(estimator).__name__, clone(estimator).set_params(**settings))


@BOTH
@pytest.mark.parametrize("hidden", [(), (5,)], ids=["linear", "hidden"])
def test_a_row_of_weight_two_counts_as_two_rows(estimator, hidden):
    X, y = (part[::3] for part in data_for(estimator))
    weights = np.random.default_rng(0).integers(0, 4, len(y))
    model = exactly(estimator, 40, hidden_layer_sizes=hidden)
    weighted = clone(model).fit(X, y, sample_weight=weights)
    repeated = clone(model).fit(X.repeat(weights, axis=0), y.repeat(weights))
    assert_same_weights(weighted, repeated, rtol=1e-9, atol=1e-11)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-11)


@BOTH
def test_a_row_of_weight_zero_takes_no_place_in_a_mini_batch(estimator):
    X, y = data_for(estimator)
    some = np.arange(len(y)) % 3 > 0
    model = exactly(estimator, 5, batch_size=16)
    weighted = clone(model).fit(X, y, sample_weight=some)
    removed = clone(model).fit(X[some], y[some])
    assert_same_weights(weighted, removed, rtol=1e-12)


def test_binary_coefficients_are_those_of_logistic_regression():
    X, y = BINARY
    wanted = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12).fit(X, y)
    model = exactly(
        GradientDescentClassifier(l2=1.0 / len(y), optimizer="nesterov", learning_rate=0.3), 4000
    ).fit(X, y)
    assert model.coef_.shape == (1, 4)
    assert model.intercept_.shape == (1,)
    assert_allclose(model.coef_, wanted.coef_, atol=1e-7)
    assert_allclose(model.intercept_, wanted.intercept_, atol=1e-7)
    assert_allclose(model.predict_proba(X), wanted.predict_proba(X), atol=1e-7)
    assert_allclose(model.decision_function(X), wanted.decision_function(X), atol=1e-6)


def test_multiclass_probabilities_are_those_of_logistic_regression_with_weights():
    X, y = IRIS
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    wanted = LogisticRegression(
        C=10.0 / weights.sum(), solver="newton-cholesky", tol=1e-12, class_weight={0: 2.0}
    ).fit(X, y, weights)
    # a mean is over the sum of the weights, including class weights
    total = (weights * np.where(y == 0, 2.0, 1.0)).sum()
    model = exactly(
        GradientDescentClassifier(
            l2=weights.sum() / 10.0 / total,
            optimizer="nesterov",
            learning_rate=0.3,
            class_weight={0: 2.0},
        ),
        3000,
    ).fit(X, y, weights)
    assert model.coef_.shape == (3, 4)
    assert_allclose(model.coef_, wanted.coef_, atol=1e-7)
    # a softmax does not change if all biases grow equally: compare probabilities
    assert_allclose(model.predict_proba(X), wanted.predict_proba(X), atol=1e-7)


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_regression_coefficients_are_those_of_least_squares(penalty):
    X, y = DIABETES
    wanted = (Ridge(penalty * len(y) / 2.0) if penalty else LinearRegression()).fit(X, y)
    model = exactly(
        GradientDescentRegressor(optimizer="nesterov", learning_rate=0.1, l2=penalty), 6000
    ).fit(X, y)
    assert model.coef_.shape == (10,)
    assert_allclose(model.coef_, wanted.coef_, rtol=1e-6, atol=1e-4)
    assert_allclose(model.intercept_, wanted.intercept_, rtol=1e-9)
    assert_allclose(model.predict(X), wanted.predict(X), rtol=1e-6)


def test_the_defaults_get_close_to_the_optimum():
    X, y = BINARY
    model = GradientDescentClassifier(l2=0.01).fit(X, y)
    best = LogisticRegression(C=1.0 / (0.01 * len(y)), solver="newton-cholesky").fit(X, y)
    nats = -np.log(best.predict_proba(X)[np.arange(len(y)), y - 1]).mean()
    least = nats + 0.01 / 2.0 * (best.coef_**2).sum()
    assert least < model.loss_curve_[-1] < least + 1e-3
    X, y = data_for(GradientDescentRegressor())
    model = GradientDescentRegressor().fit(X, y)
    assert model.score(X, y) == pytest.approx(LinearRegression().fit(X, y).score(X, y), abs=2e-3)


def test_the_descent_is_the_trainers_bit_for_bit():
    X, y = BINARY
    x = np.hstack([X, np.ones((len(X), 1))])
    trainer = Trainer(
        problem_of(x, (y - 1).astype(np.int8)),
        loss="cross-entropy",
        learning_rates=[0.05],
        optimizer="adam",
        batch_size=32,
        start="glorot",
        seed=3,
    )
    trainer.advance(25)
    model = exactly(GradientDescentClassifier(batch_size=32, start="glorot"), 25).fit(X, y)
    assert_array_equal(np.append(model.coef_, model.intercept_), trainer.weights[0])
    assert_array_equal(model.loss_curve_, trainer.losses())


SETTINGS = pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd"},
        {"optimizer": "nesterov", "momentum": 0.5, "hidden_layer_sizes": 6},
        {"optimizer": "adam", "batch_size": 20, "schedule": "exponential:0.9"},
    ],
    ids=["sgd", "nesterov", "mini-batches"],
)


@BOTH
@SETTINGS
def test_partial_fits_equal_the_epochs_of_one_fit(estimator, settings):
    X, y = data_for(estimator)
    whole = exactly(estimator, 12, **settings).fit(X, y)
    parts = exactly(estimator, 12, **settings)
    first = {"classes": np.unique(y)} if hasattr(parts, "predict_proba") else {}
    for epoch in range(12):
        parts.partial_fit(X, y, **(first if epoch == 0 else {}))
        assert parts.n_iter_ == epoch + 1
    assert_same_weights(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_


@BOTH
@SETTINGS
def test_a_warm_start_goes_on_as_if_never_stopped(estimator, settings):
    X, y = data_for(estimator)
    whole = exactly(estimator, 30, **settings).fit(X, y)
    warm = exactly(estimator, 10, warm_start=True, **settings).fit(X, y)
    warm.set_params(max_iter=20).fit(X, y)
    assert_same_weights(warm, whole)
    assert warm.n_iter_ == 30
    assert warm.loss_curve_ == whole.loss_curve_


@BOTH
def test_a_warm_start_stretches_a_schedule_over_all_epochs(estimator):
    X, y = data_for(estimator)
    model = exactly(estimator, 10, schedule="cosine", optimizer="sgd", warm_start=True)
    model.set_params(learning_rate=1e-9).fit(X, y)  # so small that the gradient does not change
    first = model.coef_.copy()
    second = model.fit(X, y).coef_ - first

    def cosine(epoch, epochs):
        return (1.0 + np.cos(np.pi * epoch / epochs)) / 2.0

    ratio = sum(cosine(k, 20) for k in range(10, 20)) / sum(cosine(k, 10) for k in range(10))
    assert_allclose(second, ratio * first, rtol=1e-5)


@BOTH
def test_without_warm_start_a_fit_starts_over(estimator):
    X, y = data_for(estimator)
    model = exactly(estimator, 5, hidden_layer_sizes=4)
    once = clone(model).fit(X, y)
    assert_same_weights(model.fit(X, y).fit(X, y), once)
    assert model.n_iter_ == 5
    assert len(model.loss_curve_) == 6


@BOTH
def test_a_warm_start_may_change_the_optimizer_but_not_the_layers(estimator):
    X, y = data_for(estimator)
    model = exactly(estimator, 10, warm_start=True).fit(X, y)
    model.set_params(optimizer="sgd", learning_rate=1e-3).fit(X, y)
    assert model.n_iter_ == 20
    assert model.loss_curve_[20] < model.loss_curve_[10]
    with pytest.raises(ValueError, match="layers and activation cannot change"):
        model.set_params(hidden_layer_sizes=3).fit(X, y)


def test_partial_fit_learns_from_chunks_that_lack_a_class():
    X, y = IRIS
    model = GradientDescentClassifier(class_weight={0: 1.0, 1: 2.0, 2: 1.0})
    for _ in range(60):
        for rows in np.array_split(np.arange(150), 3):  # sorted by class
            model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert model.score(X, y) > 0.9


def test_errors_of_partial_fit():
    X, y = BINARY
    model = GradientDescentClassifier()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[1, 2])
    with pytest.raises(ValueError, match=r"classes .* are not those of before"):
        model.partial_fit(X, y, classes=[1, 2, 3])
    with pytest.raises(ValueError, match="labels that are not among the classes"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="balanced' needs all rows"):
        model.set_params(class_weight="balanced").partial_fit(X, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adam", "momentum": 0.5}, "has no momentum"),
        ({"schedule": "weekly"}, "schedule 'weekly' is none of"),
        ({"hidden_layer_sizes": (4, 0)}, "whole numbers from 1"),
        ({"hidden_layer_sizes": (2.5,)}, "whole numbers from 1"),
        ({"loss": "mae"}, "'loss' parameter"),
        ({"learning_rate": 0.0}, "'learning_rate' parameter"),
        ({"learning_rate": np.inf}, "'learning_rate' parameter"),
        ({"class_weight": {1: -1.0}}, "must not be negative"),
    ],
)
def test_a_wrong_setting_is_a_one_line_error(settings, message):
    with pytest.raises(ValueError, match=message) as refusal:
        GradientDescentClassifier(**settings).fit(*BINARY)
    assert "\n" not in str(refusal.value)


def test_hinge_has_scores_and_no_probabilities():
    X, y = BINARY
    model = GradientDescentClassifier(loss="hinge", l2=0.01).fit(X, y)
    assert not hasattr(model, "predict_proba")
    with pytest.raises(AttributeError, match="predict_proba"):
        model.predict_proba(X)
    assert not hasattr(model, "predict_log_proba")
    assert_array_equal(model.predict(X), np.where(model.decision_function(X) > 0, 2, 1))
    assert model.score(X, y) > 0.94


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_log_probabilities_are_right_also_where_probabilities_read_0(
    count: int, hidden: tuple[int, ...]
) -> None:
    X, y = load_iris(return_X_y=True)
    X, y = StandardScaler().fit_transform(X[y < count]), y[y < count]
    model = GradientDescentClassifier(
        hidden_layer_sizes=hidden, tol=None, max_iter=100, random_state=0
    ).fit(X, y)
    assert_allclose(model.predict_log_proba(X), np.log(model.predict_proba(X)), rtol=1e-9)
    if not hidden:
        theirs = LogisticRegression().fit(X, y)
        theirs.coef_, theirs.intercept_ = model.coef_, model.intercept_
        assert_allclose(model.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-9)
    model.coefs_[-1][:] *= 1e4  # a view of the weights: now every row is sure of its class
    scores = model.decision_function(X)
    if count == 2:
        expected = np.stack([log_expit(-scores), log_expit(scores)], axis=1)
    else:
        expected = log_softmax(scores, axis=1)
    found = model.predict_log_proba(X)
    assert_allclose(found, expected, rtol=1e-12)
    assert np.isfinite(found).all()
    assert (model.predict_proba(X) == 0.0).any()
    assert_array_equal(found.argmax(axis=1), np.searchsorted(model.classes_, model.predict(X)))


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "sse", "hinge"])
@pytest.mark.parametrize("hidden", [(), (8,)], ids=["linear", "hidden"])
@unfinished_is_fine
def test_every_loss_learns_three_classes_with_names(loss, hidden):
    X, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = GradientDescentClassifier(loss=loss, hidden_layer_sizes=hidden, random_state=0)
    assert model.fit(X, names).score(X, names) > 0.94
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.decision_function(X).shape == (150, 3)
    assert_array_equal(model.classes_[model.decision_function(X).argmax(axis=1)], model.predict(X))


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_every_regression_loss_learns(loss):
    X, y = data_for(GradientDescentRegressor())
    assert GradientDescentRegressor(loss=loss).fit(X, y).score(X, y) > 0.5


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_hidden_layers_learn_moons_which_a_line_cannot(activation):
    X, y = make_moons(300, noise=0.1, random_state=0)
    X = StandardScaler().fit_transform(X)
    line = GradientDescentClassifier().fit(X, y)
    network = GradientDescentClassifier(
        hidden_layer_sizes=(16, 16), activation=activation, random_state=0
    ).fit(X, y)
    assert line.score(X, y) < 0.92
    assert network.score(X, y) > 0.98
    assert [part.shape for part in network.coefs_] == [(2, 16), (16, 16), (16, 1)]
    assert [part.shape for part in network.intercepts_] == [(16,), (16,), (1,)]
    assert not hasattr(network, "coef_")
    assert not hasattr(network, "intercept_")


def test_balanced_classes_move_the_boundary_towards_the_larger_class():
    X, y = make_blobs([900, 60], centers=[[-1.0], [1.0]], cluster_std=1.0, random_state=0)

    def boundary(class_weight):
        model = GradientDescentClassifier(class_weight=class_weight).fit(X, y)
        return -model.intercept_[0] / model.coef_[0, 0]

    # log-odds of two normals of variance 1 at ±1: 2x + log(prior odds), zero at log(odds)/2
    assert boundary(None) == pytest.approx(np.log(15.0) / 2.0, abs=0.25)
    assert boundary("balanced") == pytest.approx(0.0, abs=0.25)
    assert boundary({1: 15.0}) == pytest.approx(boundary("balanced"), abs=1e-6)


@BOTH
@pytest.mark.parametrize("rows", [150, 20_000])
def test_sparse_equals_dense_bit_for_bit(estimator, rows):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((rows, 6)) * (rng.random((rows, 6)) < 0.3)
    y = (X.sum(axis=1) > 0.2).astype(int)
    dense = exactly(estimator, 4).fit(X, y)
    sparse = exactly(estimator, 4).fit(csr_array(X), y)
    assert_same_weights(dense, sparse)
    assert_array_equal(dense.predict(X), sparse.predict(csr_array(X)))
    assert dense.predict(X).shape == (rows,)


def test_max_iter_warns_where_fit_is_called_and_tol_none_does_not():
    with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs are done") as caught:
        model = GradientDescentClassifier(max_iter=3).fit(*BINARY)
    assert caught[0].filename == __file__
    assert model.n_iter_ == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exactly(GradientDescentClassifier(), 3).fit(*BINARY)
        GradientDescentClassifier(max_iter=3).partial_fit(*BINARY, classes=[1, 2])


def test_it_stops_after_n_iter_no_change_epochs_without_progress():
    model = GradientDescentClassifier(tol=1e-3, n_iter_no_change=7).fit(*BINARY)
    curve = np.array(model.loss_curve_)
    least = np.minimum.accumulate(curve)[:-1]
    stale = curve[1:] >= least - 1e-3
    assert model.n_iter_ == len(curve) - 1 < 1000
    assert stale[-7:].all()
    runs = "".join("x" if each else "." for each in stale[:-1])
    assert "x" * 7 not in runs
    # the weights belong to that epoch, not to the end of a chunk
    assert_same_weights(model, exactly(model, model.n_iter_).fit(*BINARY))


def descended(estimator, X, y, weights=None):
    """Return losses, scores and weights after every epoch of a plain loop, and the rows held out.

    The loop is W ← W − α·∇L from zeros, a regression's intercept from the mean; L is the mean
    cross-entropy of classes 0 and 1, or the mean squared error.
    """
    classes = isinstance(estimator, GradientDescentClassifier)
    train, held = train_test_split(
        np.arange(len(y)), test_size=0.25, random_state=3, stratify=y if classes else None
    )
    ones = np.column_stack([X, np.ones(len(X))])
    w = np.zeros(ones.shape[1])
    weights = np.ones(len(y)) if weights is None else weights
    share = weights[train] / weights[train].sum()
    if not classes:
        w[-1] = share @ y[train]
    losses, scores, path = [], [], []
    for _ in range(400):
        z = ones @ w
        if classes:
            residual = expit(z) - y
            losses.append(share @ (np.logaddexp(0.0, z) - y * z)[train])
            scores.append(accuracy_score(y[held], z[held] > 0, sample_weight=weights[held]))
        else:
            residual = 2.0 * (z - y)
            losses.append(share @ ((z - y) ** 2)[train])
            scores.append(r2_score(y[held], z[held], sample_weight=weights[held]))
        path.append(w)
        w = w - 0.05 * (ones[train].T @ (share * residual[train]))
    return np.array(losses), np.array(scores), np.array(path), held


@BOTH
@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_keeps_the_best_epoch_of_a_plain_loop(estimator, weighted):
    rng = np.random.default_rng(22)
    X = rng.standard_normal((60, 12))
    y = X[:, 0] + 1.5 * rng.standard_normal(60)
    if isinstance(estimator, GradientDescentClassifier):
        y = (y > 0).astype(int)
    weights = rng.uniform(0.5, 2.0, 60) if weighted else None
    losses, scores, path, _ = descended(estimator, X, y, weights)
    # the epoch after which 10 in a row have not come above the best before them by tol
    tol, waited, stop = 1e-3, 0, 0
    while waited < 10:
        stop += 1
        waited = waited + 1 if scores[stop] <= scores[:stop].max() + tol else 0
    model = clone(estimator).set_params(
        optimizer="sgd",
        learning_rate=0.05,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=10,
        tol=tol,
        random_state=3,
    )
    model.fit(X, y, sample_weight=weights)
    best = int(np.argmax(scores[: stop + 1]))
    assert 0 < best < stop < 399
    assert model.n_iter_ == stop
    assert_allclose(model.validation_scores_, scores[: stop + 1], rtol=1e-10)
    assert_allclose(model.loss_curve_, losses[: stop + 1], rtol=1e-10)
    assert model.best_validation_score_ == model.validation_scores_[best]
    assert model.best_loss_ is None
    assert_allclose(np.r_[model.coef_.ravel(), model.intercept_], path[best], rtol=1e-9)


@BOTH
def test_early_stopping_scores_as_the_estimator_itself(estimator):
    X, y = data_for(estimator)
    model = exactly(estimator, 30, early_stopping=True).fit(X, y)
    split = train_test_split(
        X, y, test_size=0.1, random_state=3, stratify=y if is_classifier(model) else None
    )
    assert model.best_validation_score_ == pytest.approx(model.score(split[1], split[3]), rel=1e-12)
    assert len(model.validation_scores_) == 31
    plain = exactly(estimator, 30).fit(X, y)
    assert (plain.validation_scores_, plain.best_validation_score_) == (None, None)
    assert plain.best_loss_ == min(plain.loss_curve_)


@BOTH
def test_a_warm_start_with_early_stopping_goes_on_from_the_best_epoch(estimator):
    X, y = data_for(estimator)
    model = exactly(estimator, 20, early_stopping=True, warm_start=True).fit(X, y)
    score, weights = model.best_validation_score_, weights_of(model)
    model.fit(X, y)
    assert model.n_iter_ == 40
    assert len(model.validation_scores_) == len(model.loss_curve_) == 41
    assert model.best_validation_score_ >= score
    model.set_params(max_iter=1, learning_rate=1e-300, optimizer="sgd").fit(X, y)
    assert model.best_validation_score_ >= score
    assert len(weights_of(model)) == len(weights)


def test_errors_of_early_stopping():
    X, y = BINARY
    stopping = GradientDescentClassifier(early_stopping=True)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        stopping.partial_fit(X, y, classes=[1, 2])
    with pytest.raises(ValueError, match="holds out only one of 5 rows: raise it"):
        GradientDescentRegressor(early_stopping=True).fit(X[:5], y[:5])
    with pytest.raises(ValueError, match="least populated class"):
        stopping.fit(X, np.r_[0, np.ones(len(X) - 1)])


def test_a_rising_loss_is_a_convergence_warning():
    X, y = data_for(GradientDescentRegressor())
    with pytest.warns(ConvergenceWarning, match="the loss rose from .* lower learning_rate"):
        GradientDescentRegressor(optimizer="sgd", learning_rate=0.4, max_iter=60).fit(X, y)


def test_an_overflowing_loss_is_an_error_and_keeps_the_last_fit():
    X, y = data_for(GradientDescentRegressor())
    model = exactly(GradientDescentRegressor(optimizer="sgd"), 20, warm_start=True).fit(X, y)
    before = model.predict(X)
    model.set_params(learning_rate=50.0, max_iter=1000)
    with pytest.raises(ValueError, match=r"no longer finite after .* lower learning_rate"):
        model.fit(X, y)
    assert_array_equal(model.predict(X), before)
    assert model.n_iter_ == 20


@unfinished_is_fine
def test_a_grid_search_over_the_learning_rate_in_a_pipeline():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), GradientDescentClassifier(max_iter=60)),
        {"gradientdescentclassifier__learning_rate": [1e-6, 1e-3, 0.1]},
    ).fit(X, y)
    assert search.best_params_ == {"gradientdescentclassifier__learning_rate": 0.1}
    assert search.best_score_ > 0.93
    X, y = data_for(GradientDescentRegressor())
    search = GridSearchCV(GradientDescentRegressor(max_iter=60), {"learning_rate": [1e-6, 0.1]})
    assert search.fit(X, y).best_params_ == {"learning_rate": 0.1}


@BOTH
def test_pickle_keeps_the_fit_and_clone_the_settings(estimator):
    X, y = data_for(estimator)
    model = exactly(estimator, 10, hidden_layer_sizes=(3,), warm_start=True).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))
    assert_same_weights(again.fit(X, y), model.fit(X, y))
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)


@BOTH
def test_feature_names_are_stored_and_checked(estimator):
    import pandas

    X, y = data_for(estimator)
    frame = pandas.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    model = exactly(estimator, 3).fit(frame, y)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    assert model.n_features_in_ == X.shape[1]
    with pytest.raises(ValueError, match="same order"):
        model.predict(frame[frame.columns[::-1]])


@BOTH
def test_a_random_state_is_repeatable_and_none_varies(estimator):
    X, y = data_for(estimator)
    one, same = (exactly(estimator, 2, start="normal").fit(X, y) for _ in range(2))
    assert_same_weights(one, same)
    generator = np.random.RandomState(0)
    several = [
        exactly(estimator, 2, start="normal").set_params(random_state=state).fit(X, y)
        for state in (None, None, generator, generator)
    ]
    assert len({model.loss_curve_[0] for model in several}) == 4


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, "zeros"),
        ({"hidden_layer_sizes": 4}, "glorot"),
        ({"hidden_layer_sizes": 4, "activation": "relu"}, "he"),
        ({"start": "normal"}, "normal"),
    ],
)
def test_the_automatic_start_fits_the_network(settings, wanted):
    X, y = BINARY
    model = exactly(GradientDescentClassifier(learning_rate=1e-300, optimizer="sgd"), 1, **settings)
    model.fit(X, y)
    network = Model(4, 1, (4,) if "hidden_layer_sizes" in settings else ())
    start = make_start(wanted, 3, network)
    ours = np.concatenate(
        [
            np.vstack([coef, bias]).ravel()
            for coef, bias in zip(model.coefs_, model.intercepts_, strict=True)
        ]
    )
    assert_allclose(ours, start, rtol=0.0, atol=1e-290)


def test_the_examples_in_the_docstrings_run():
    results = [doctest.testmod(module) for module in (estimators,)]
    assert all(result.attempted > 4 for result in results)
    assert all(result.failed == 0 for result in results)


def test_the_package_imports_numpy_and_scikit_learn_late():
    code = (
        "import sys, tui_gd; assert not {'numpy', 'sklearn'} & set(sys.modules);"
        "tui_gd.GradientDescentRegressor; assert 'sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_regressors_defaults_learn_a_target_in_its_own_unit():
    """A target around 3,000 behind a StandardScaler, as well as by least squares."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 4)) * [1, 10, 100, 0.1]
    y = 3000 + x @ [200, 3, 2, 900] + rng.normal(size=1000) * 300
    ours = make_pipeline(StandardScaler(), GradientDescentRegressor()).fit(x, y)
    theirs = make_pipeline(StandardScaler(), LinearRegression()).fit(x, y)
    assert ours.score(x, y) == pytest.approx(theirs.score(x, y), abs=1e-6)


class Watching:
    """A callback of scikit-learn that notes what it is told, and stops after `stop` epochs."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop
        self.told: list[str] = []
        self.losses: list[float] = []
        self.weights: list[np.ndarray] = []

    def setup(self, estimator, context):  # noqa: ARG002
        self.told.append("setup")

    def teardown(self, estimator, context):  # noqa: ARG002
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):  # noqa: ARG002
        self.told.append(f"{context.task_name} {context.task_id}: {X.shape} {y.shape}")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):  # noqa: ARG002
        self.told.append(f"end of {context.task_name}")
        if context.task_name != "epoch":
            return False
        self.losses.append(fitted_estimator.loss_curve_[-1])
        self.weights.append(fitted_estimator.coef_)
        return fitted_estimator.n_iter_ == self.stop


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_callbacks_see_every_epoch_and_change_nothing(optimizer: str) -> None:
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    X, y = load_iris(return_X_y=True)
    options = {"optimizer": optimizer, "max_iter": 20, "tol": None, "batch_size": 40}
    model = GradientDescentClassifier(**options, random_state=1)
    alone = GradientDescentClassifier(**options, random_state=1).fit(X, y)
    watching = Watching()
    model.set_callbacks(watching).fit(X, y)
    assert model.loss_curve_ == alone.loss_curve_
    assert np.array_equal(model.coef_, alone.coef_)
    assert watching.losses == alone.loss_curve_[1:]
    assert np.array_equal(watching.weights[-1], model.coef_)
    epochs = [told for i in range(20) for told in (f"epoch {i}: (150, 4) (150,)", "end of epoch")]
    first = ["setup", "fit 0: (150, 4) (150,)"]
    assert watching.told == [*first, *epochs, "end of fit", "teardown"]


def test_weights_after_an_epoch_are_those_of_so_many_epochs() -> None:
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    X, y = load_diabetes(return_X_y=True)
    watching = Watching()
    GradientDescentRegressor(max_iter=12, tol=None).set_callbacks(watching).fit(X, y)
    for epochs in (1, 5, 12):
        alone = GradientDescentRegressor(max_iter=epochs, tol=None).fit(X, y)
        assert np.array_equal(watching.weights[epochs - 1], alone.coef_)


def test_a_callback_ends_the_fit_without_a_warning() -> None:
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    X, y = load_iris(return_X_y=True)
    model = GradientDescentClassifier(random_state=1).set_callbacks(Watching(stop=7)).fit(X, y)
    assert model.n_iter_ == 7
    alone = GradientDescentClassifier(random_state=1, max_iter=7, tol=None).fit(X, y)
    assert np.array_equal(model.coef_, alone.coef_)


def test_a_pipeline_hands_its_progress_bar_down(capsys: pytest.CaptureFixture[str]) -> None:
    callback = pytest.importorskip("sklearn.callback", reason="with scikit-learn 1.9")
    X, y = load_iris(return_X_y=True)
    steps = make_pipeline(StandardScaler(), GradientDescentClassifier(max_iter=5, tol=None))
    steps.set_callbacks(callback.ProgressBar()).fit(X, y)
    assert "GradientDescentClassifier - fit" in capsys.readouterr().out


@pytest.mark.parametrize("estimator", [GradientDescentClassifier, GradientDescentRegressor])
def test_a_wrong_parameter_is_refused_in_the_name_of_the_estimator(
    estimator: type[GradientDescentClassifier | GradientDescentRegressor],
) -> None:
    with pytest.raises(TypeError, match=estimator.__name__):
        estimator(lr=1)
