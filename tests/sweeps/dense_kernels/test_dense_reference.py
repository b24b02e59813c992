"""The kernels compute what the formulas say: NumPy's reference after some steps, in float32's precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

from sweeps.dense_kernels import activations, approximations, losses, updates
from sweeps.dense_kernels.llvm import LANES
from sweeps.dense_kernels.network import Affine, Layer, Network, Normalization, Parameters
from sweeps.dense_kernels.products import MAX_VECTORS
from sweeps.dense_kernels.reference import Optimizer, Reference
from sweeps.dense_kernels.reference_activations import ACTIVATIONS
from sweeps.dense_kernels.runner import Runner

ROWS, INPUTS, OUTPUTS = 53, 6, 3
#: the reference's optimizer, the kernels' for so many steps, and how many moments it has
OPTIMIZERS: dict[str, Any] = {
    "sgd": (Optimizer(0.1), lambda steps: updates.sgd(steps, 0.1), 0),
    "decay": (Optimizer(0.1, 0.01), lambda steps: updates.sgd(steps, 0.1, weight_decay=0.01), 0),
    "momentum": (Optimizer(0.1, momentum=0.9), lambda steps: updates.sgd(steps, 0.1, momentum=0.9), 1),
    "nesterov": (
        Optimizer(0.1, momentum=0.9, nesterov=True),
        lambda steps: updates.sgd(steps, 0.1, momentum=0.9, nesterov=True),
        1,
    ),
    "adam": (Optimizer(0.01, beta_2=0.999), lambda steps: updates.adam(steps, 0.01, taken=0), 2),
    "adamw": (
        Optimizer(0.01, 0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-5),
        lambda steps: updates.adam(
            steps, 0.01, taken=0, weight_decay=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-5
        ),
        2,
    ),
    "nadam": (
        Optimizer(0.01, 0.1, nesterov=True, beta_1=0.8, beta_2=0.9, epsilon=1e-3),
        lambda steps: updates.nadam(
            steps, 0.01, taken=0, product=1, weight_decay=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-3
        )[0],
        2,
    ),
    "rmsprop": (
        Optimizer(0.01, 0.1, rho=0.8, epsilon=1e-3),
        lambda steps: updates.rmsprop(steps, 0.01, weight_decay=0.1, rho=0.8, epsilon=1e-3),
        1,
    ),
    "rmsprop with momentum": (
        Optimizer(0.01, rho=0.8, momentum=0.7),
        lambda steps: updates.rmsprop(steps, 0.01, rho=0.8, momentum=0.7),
        2,
    ),
    "adagrad": (Optimizer(0.1, rho=1), lambda steps: updates.adagrad(steps, 0.1), 1),
}  # fmt: skip


def network(*layers: Layer, loss: str = "sparse_categorical_crossentropy", **options: Any) -> Network:
    scalings = {"input_scaling": Affine.identity(INPUTS), "output_scaling": Affine.identity(OUTPUTS)}
    return Network(INPUTS, (*layers, Layer(OUTPUTS)), loss, **{**scalings, **options})


def targets_of(loss: str) -> npt.NDArray[Any]:
    generator = np.random.default_rng(2)
    if loss.startswith("sparse"):
        return generator.integers(0, OUTPUTS, ROWS, dtype=np.int32)
    if loss.startswith("categorical"):  # soft ones, whose sum is 1
        return generator.dirichlet(np.ones(OUTPUTS), ROWS).astype(np.float32)
    return generator.random((ROWS, OUTPUTS), dtype=np.float32)


def assert_as_the_reference(
    net: Network,
    optimizer: str = "sgd",
    *,
    x: npt.NDArray[Any] | None = None,
    weights: npt.NDArray[np.float32] | None = None,
    batch_size: int = 8,
) -> None:
    """One run over shuffled rows, the last batch smaller: losses, predictions, weights, moments."""
    generator = np.random.default_rng(1)
    x = generator.standard_normal((ROWS, INPUTS), dtype=np.float32) if x is None else x
    theirs, ours, moments = OPTIMIZERS[optimizer]
    reference_optimizer = Optimizer(**{**vars(theirs), "moments": {}})
    parameters, y = Parameters(net, moments), targets_of(net.loss)
    parameters.dropout_states[:, 0] = 11
    for i, inputs in enumerate(net.widths[:-1]):
        parameters.kernels(i)[0][...] = generator.standard_normal((inputs, net.widths[i + 1])) / np.sqrt(inputs)
        parameters.biases(i)[0][...] = generator.standard_normal(net.widths[i + 1]) / 10 * net.layers[i].use_bias
        for rows in (parameters.gammas(i)[0], parameters.betas(i)[0], *parameters.moving_statistics(i)):
            rows[...] += generator.random(net.widths[i + 1])
    layers = range(len(net.layers))
    kernels, biases, gammas, betas = (
        [one(i)[0].astype(np.float64) for i in layers]
        for one in (parameters.kernels, parameters.biases, parameters.gammas, parameters.betas)
    )
    moving = [[rows.astype(np.float64) for rows in parameters.moving_statistics(i)] for i in layers]
    reference = Reference(net, kernels, biases, parameters.dropout_states.tolist(), gammas, betas, moving)
    order = generator.permutation(ROWS).astype(np.int32)
    batches = [order[begin : begin + batch_size] for begin in range(0, ROWS, batch_size)]
    steps = [
        reference.step(x[some], y[some], None if weights is None else weights[some], reference_optimizer)
        for some in batches
    ]

    runner = Runner(net, parameters, x, y, weights, batch_size)
    found, predictions = runner.run(order, ours(len(batches)))

    np.testing.assert_allclose(found, [loss for loss, _ in steps], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(predictions, np.concatenate([some for _, some in steps]), rtol=1e-3, atol=1e-4)
    for i in layers:
        for name, arrays, expected in (
            ("kernel", parameters.kernels(i), reference.kernels[i]),
            ("bias", parameters.biases(i), reference.biases[i]),
            ("gamma", parameters.gammas(i), reference.gammas[i]),
            ("beta", parameters.betas(i), reference.betas[i]),
        ):
            after = (expected, *reference_optimizer.moments.get((name, i), ()))
            for array, its in zip(arrays, after, strict=False):
                np.testing.assert_allclose(array, its, rtol=1e-3, atol=1e-4, err_msg=f"{name} {i}")
        for array, its in zip(parameters.moving_statistics(i), reference.moving[i], strict=True):
            np.testing.assert_allclose(array, its, rtol=1e-3, atol=1e-4, err_msg=f"moving statistics {i}")
    alone, _ = Runner(net, parameters, x, y, weights, ROWS).run(
        order
    )  # without an update: nothing is dropped or learnt
    expected_loss, _ = reference.step(x[order], y[order], None if weights is None else weights[order])
    np.testing.assert_allclose(alone, [expected_loss], rtol=1e-3)


def test_the_reference_has_every_activation_that_the_kernels_have() -> None:
    assert set(ACTIVATIONS) == set(activations.BY_NAME)


@pytest.mark.parametrize("name", activations.BY_NAME)
def test_every_activation_is_its_formula(name: str) -> None:
    assert_as_the_reference(network(Layer(9, name), Layer(5, name)))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_its_formula(optimizer: str) -> None:
    assert_as_the_reference(network(Layer(9, "tanh")), optimizer)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", losses.BY_NAME)
def test_every_loss_is_its_formula(loss: str, weighted: bool) -> None:
    weights = np.random.default_rng(3).random(ROWS, dtype=np.float32) if weighted else None
    assert_as_the_reference(network(Layer(9, "relu"), loss=loss, loss_weight=0.5), "adam", weights=weights)


@pytest.mark.parametrize("loss", [name for name in losses.BY_NAME if name.endswith("crossentropy")])
def test_labels_are_smoothed(loss: str) -> None:
    assert_as_the_reference(network(Layer(9, "relu"), loss=loss, label_smoothing=0.2))


@pytest.mark.parametrize("optimizer", ["nesterov", "adamw"])
def test_the_squares_of_kernels_are_part_of_the_loss(optimizer: str) -> None:
    assert_as_the_reference(network(Layer(LANES + 3, "relu", l2=0.1), Layer(9, "tanh"), Layer(5, l2=0.02)), optimizer)


def test_inputs_and_outputs_are_scaled() -> None:
    generator = np.random.default_rng(4)
    before, after = (
        Affine(*(generator.standard_normal(features).astype(np.float32) for _ in range(3)))
        for features in (INPUTS, OUTPUTS)
    )
    after = Affine(np.zeros(OUTPUTS, np.float32), after.scale, after.offset)
    net = network(Layer(9, "relu"), loss="mean_squared_error", input_scaling=before, output_scaling=after)
    assert_as_the_reference(net)


def test_bytes_are_taken_as_they_are() -> None:
    x = np.random.default_rng(5).integers(0, 256, (ROWS, INPUTS), dtype=np.uint8)
    scaling = Affine(
        np.full(INPUTS, 127, np.float32), np.full(INPUTS, 1 / 127, np.float32), np.zeros(INPUTS, np.float32)
    )
    assert_as_the_reference(network(Layer(9, "relu"), input_scaling=scaling), "adam", x=x)


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_dropout_drops_what_the_reference_drops(rate: float) -> None:
    assert_as_the_reference(network(Layer(40, "relu", rate), Layer(7, "tanh", 0.1)), "momentum")


@pytest.mark.parametrize("batch_size", [1, 33, 100])
def test_widths_and_batches_of_all_sizes(batch_size: int) -> None:
    widths = (1, LANES - 1, LANES, LANES + 1, LANES * MAX_VECTORS, LANES * (MAX_VECTORS + 1) + 3)
    assert_as_the_reference(network(*(Layer(width, "relu") for width in widths)), "momentum", batch_size=batch_size)


def test_moments_do_not_stay_subnormal_which_would_be_slow() -> None:
    net = network(Layer(4, "relu"))
    parameters = Parameters(net, 2)
    parameters.kernels(0)[0][...] = parameters.kernels(1)[0][...] = 0.5
    x = np.zeros((2, INPUTS), np.float32)
    x[0] = 1  # the weights of the first layer have a gradient in the first step alone
    runner = Runner(net, parameters, x, np.zeros(2, np.int32), None, 1)
    steps = 2000
    runner.run(np.array([0] + [1] * (steps - 1), np.int32), updates.adam(steps, 1e-3, taken=0))
    moments = np.abs(np.concatenate([moment.ravel() for moment in parameters.kernels(0)[1:]]))
    smallest = np.finfo(np.float32).tiny
    assert not np.any((moments > 0) & (moments < smallest))
    # the rest of the process has them as before
    assert np.float32(smallest) * np.float32(0.25) > 0


def test_a_network_of_one_layer() -> None:
    assert_as_the_reference(network())


def test_the_approximations_are_as_good_as_float32() -> None:
    x = np.concatenate([np.linspace(-10, 10, 20_001), np.linspace(-1e-3, 1e-3, 201)]).astype(np.float32)
    for ours, true in (
        (approximations.tanh, np.tanh),
        (approximations.erf, special.erf),
        (approximations.sigmoid, special.expit),
    ):
        found = np.array([ours(value) for value in x])
        np.testing.assert_allclose(found, true(x.astype(np.float64)), atol=3e-7)
    negative, unit = x[x <= 0], np.linspace(0, 1, 20_001, dtype=np.float32)
    for ours, true, where in (
        (approximations.exp_of_negative, np.exp, negative),
        (approximations.expm1_of_negative, np.expm1, negative),
        (approximations.log1p, np.log1p, unit),
    ):
        found = np.array([ours(value) for value in where])
        np.testing.assert_allclose(found, true(where.astype(np.float64)), atol=3e-7)


BEFORE, AFTER = Normalization(0.9, 0.01), Normalization(0.8, 0.1, after_activation=True)


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adamw"])
@pytest.mark.parametrize("norm", [BEFORE, AFTER])
def test_batches_are_normalized_by_the_formula(norm: Normalization, optimizer: str) -> None:
    layers = (
        Layer(9, "tanh", normalization=norm, use_bias=False),
        Layer(LANES, "linear"),
        Layer(LANES + 3, "relu", 0.3, norm, use_bias=False),
        Layer(2 * LANES, "silu", 0.2, norm),
    )
    assert_as_the_reference(network(*layers), optimizer, batch_size=9)


@pytest.mark.parametrize("norm", [BEFORE, AFTER])
@pytest.mark.parametrize("batch_size", [1, 13, 100])
def test_batches_of_all_sizes_are_normalized(batch_size: int, norm: Normalization) -> None:
    layers = (Layer(width, "gelu", normalization=norm, use_bias=False) for width in (1, LANES - 1, LANES * MAX_VECTORS))
    assert_as_the_reference(network(*layers), batch_size=batch_size)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_layer_without_a_bias_gets_none(optimizer: str) -> None:
    assert_as_the_reference(network(Layer(9, "tanh", use_bias=False), Layer(5, use_bias=False)), optimizer)
