"""`keras_tuner.applications`, as it is."""

from __future__ import annotations

from keras_tuner.applications import HyperEfficientNet, HyperImageAugment, HyperResNet, HyperXception

__all__ = ["HyperEfficientNet", "HyperImageAugment", "HyperResNet", "HyperXception"]
