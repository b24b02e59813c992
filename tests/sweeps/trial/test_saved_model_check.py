"""Models of a person's own classes and functions: what is trained can be loaded, or is refused before it is trained."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import own_models
import pytest

from sweeps.data import Dataset, DataSource, from_arrays
from sweeps.errors import InputError
from sweeps.export.keras_file import load_keras_file
from sweeps.model import keras_state
from sweeps.model.keras_state import KerasState
from sweeps.space.reference import PackedSpace
from sweeps.space.resolve import build, own_space
from sweeps.study import study
from sweeps.study.attributes import GIVEN
from sweeps.study.identity import Identity
from sweeps.study.study import StudyRef
from sweeps.system import paths
from sweeps.system.atomic_files import sha256
from sweeps.trial.plan import SweepRequest
from sweeps.trial.preflight import preflight
from sweeps.tuner import RandomSearch

FILE = Path(own_models.__file__)
X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
REQUEST = SweepRequest("mlp", DataSource("arrays"), (), ("val_loss:min",), (), 0, False, total=1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return from_arrays(X, Y[:, 0], DataSource("arrays", task="regression"))


def look(data: Dataset, name: str, **changes: Any) -> tuple[str, ...]:
    """The warnings of a pre-flight."""
    return preflight(replace(REQUEST, space=f"{FILE}:{name}", **changes), data).warnings


@pytest.mark.parametrize("name", ["of_all_kinds", "lambda_loss", "named_lambda", "random_when_asked"])
def test_what_the_file_of_a_space_defines_needs_no_registration(data: Dataset, name: str) -> None:
    assert look(data, name) == ()


def test_what_only_a_program_can_load_is_said_before_the_first_trial(data: Dataset) -> None:
    (said,) = preflight(replace(REQUEST, space=PackedSpace.of(own_models.of_all_kinds)), data).warnings
    names = "Bounded, Inside, Ridge, Scale, Sgd, Slow, Squares, constant, distance, loss, swish"
    assert f"not registered with Keras: {names};" in said
    assert "@keras.saving.register_keras_serializable()" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unsavable", r"cannot be saved: .*Object Unsavable was created by .* must override `get_config\(\)`"),
        ("forgetful", r"gives other outputs once it is saved and loaded: what its classes' get_config\(\) leave out"),
        ("lambda_layer", r"holds a lambda .*subclass of keras.layers.Layer.*keras.ops.*\n--allow-lambda"),
        ("lambda_activation", r"holds a lambda .*\n--allow-lambda"),
    ],
)
def test_what_could_not_be_loaded_is_refused_before_it_is_trained(data: Dataset, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        look(data, name)
    assert len(str(error.value).splitlines()) == 2
    look(data, name, keeps_models=False)  # a learning-rate range test


@pytest.mark.parametrize("name", ["lambda_layer", "lambda_activation"])
def test_a_lambda_is_trained_where_it_is_allowed(data: Dataset, name: str) -> None:
    assert look(data, name, allow_lambda=True) == ()


def test_a_tuner_takes_lambdas_as_keras_tuner_does(data: Dataset, here: Path) -> None:
    tuner = RandomSearch(own_models.lambda_layer, "val_loss", max_trials=1, directory=here)
    assert preflight(replace(REQUEST, space=PackedSpace.of(tuner._space.of(tuner._call))), data).warnings == ()


Logged = Callable[..., tuple[Path, keras.Model]]


@pytest.fixture
def logged(here: Path) -> Logged:
    """A trained model of a trial of study "s", as a trial logs it."""

    def log(name: str, params: dict[str, Any], given: bool = False, **options: Any) -> tuple[Path, keras.Model]:
        space = name if given else f"{FILE}:{name}"
        identity = Identity(space, "arrays", "", "val_loss", "minimize", 1, 0, (), options)
        opened = study.create(StudyRef("s", paths.journal("s"), "random", "none"), identity)
        opened.set_user_attr(GIVEN, ["space"] if given else [])
        hp = keras_tuner.HyperParameters()
        hp.values = dict(params)
        model = getattr(own_models, name)(hp)
        model.fit(X, Y, verbose=0)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
            model.save("model.keras")
        trial = opened.ask()
        trial.set_user_attr("params", params)
        trial.set_user_attr("model_sha256", sha256(Path("model.keras")))
        return Path("model.keras").absolute(), model

    yield log
    study.forget(paths.journal("s"))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("of_all_kinds", {"alpha": 4.0}),
        ("lambda_layer", {"factor": 2.0}),
        ("lambda_activation", {}),
        ("lambda_loss", {}),
    ],
)
@pytest.mark.parametrize("given", [False, True], ids=["file", "object"])
def test_a_model_comes_back_with_the_hyperparameters_of_its_trial(
    logged: Logged, name: str, params: dict[str, Any], given: bool
) -> None:
    file, model = logged(name, params, given)
    loaded = load_keras_file(file, "s", getattr(own_models, name) if given else None)
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5)
    assert loaded.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


def test_a_program_without_the_space_is_told_where_it_is(logged: Logged) -> None:
    file, _ = logged("of_all_kinds", {"alpha": 4.0}, given=True)
    with pytest.raises(InputError, match=r"a class of its own \(Scale\).*\n.*Result\('s', space=of_all_kinds\)"):
        load_keras_file(file, "s")


def test_a_loss_that_is_not_in_reach_costs_no_prediction(logged: Logged) -> None:
    file, model = logged("own_loss", {}, given=True)
    loaded = load_keras_file(file, "s")
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize(("allowed", "is_its_own"), [(True, True), (False, True), (True, False)])
def test_a_lambda_is_run_only_if_the_study_allows_it_and_logged_the_file(
    logged: Logged, allowed: bool, is_its_own: bool
) -> None:
    file, model = logged("self_contained_lambda", {}, given=True, **({"allow_lambda": True} if allowed else {}))
    if not is_its_own:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
            own_models.self_contained_lambda(keras_tuner.HyperParameters()).save(file)
    if allowed and is_its_own:
        loaded = load_keras_file(file, "s")
        np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5)
        return
    keras.config.enable_unsafe_deserialization()  # which a person's code may have called: it changes nothing
    try:
        with pytest.raises(InputError, match=re.escape(f"{file} is refused in Keras's safe mode: it holds a lambda")):
            load_keras_file(file, "s")
    finally:
        keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


def with_relu(hp: keras_tuner.HyperParameters) -> keras.Model:
    """As many weights as the model of `own_models.lambda_layer`."""
    return own_models.network(keras.layers.Lambda(lambda x: abs(x)), keras.layers.ReLU())


def test_a_space_that_builds_another_model_now_gets_no_weights(logged: Logged) -> None:
    file, _ = logged("lambda_layer", {"factor": 2.0}, given=True)
    with pytest.raises(InputError, match="the space of 's' does not build this model"):
        load_keras_file(file, "s", with_relu)


@pytest.fixture
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As a new worker: no settings are kept."""
    monkeypatch.setattr(keras_state, "_current", None)
    monkeypatch.setattr(keras_state, "_after_import", {})
    with keras_state.unchanged():
        yield


@pytest.mark.usefixtures("_fresh")
def test_what_one_build_sets_does_not_reach_the_next() -> None:
    space = keras_state.settle(None, "here", lambda: own_space(own_models.sets_its_policy))
    hp = keras_tuner.HyperParameters()
    hp.values = {"exact": True}
    assert build(space, hp).layers[0].kernel.dtype == "float64"
    assert build(space, keras_tuner.HyperParameters()).layers[0].kernel.dtype == "float32"
    assert keras.config.epsilon() == 1e-7


@pytest.mark.usefixtures("_fresh")
def test_the_settings_of_a_program_and_of_a_file_hold_for_each_model(tmp_path: Path) -> None:
    (tmp_path / "space.py").write_text(
        "import keras\nkeras.config.set_dtype_policy('mixed_bfloat16')\nfrom own_models import named_lambda\n"
    )
    given = KerasState(floatx="float64", image_data_format="channels_first", flash_attention=False)
    name = f"{tmp_path / 'space.py'}:named_lambda"
    for _ in range(2):  # the file is run once
        space = keras_state.settle(given, name, lambda: own_space(name))
        keras.utils.clear_session()
        layer = build(space, keras_tuner.HyperParameters()).layers[-1]
        assert layer.compute_dtype == "bfloat16"
        assert keras.config.floatx() == "float64"
        assert keras.config.image_data_format() == "channels_first"
        assert not keras.config.is_flash_attention_enabled()
        keras.config.set_floatx("float16")
    changed = {"dtype_policy": "mixed_bfloat16", "floatx": "float64", "image_data_format": "channels_first"}
    assert keras_state.settled().changed == changed | {"flash_attention": "False"}


def test_settings_as_keras_has_them_are_no_part_of_a_study() -> None:
    assert keras_state.current().changed == {}
    keras.config.dtype_policy()  # which sets one
    assert keras_state.current().changed == {}
