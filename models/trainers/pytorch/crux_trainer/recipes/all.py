"""The recipes there are."""

from __future__ import annotations

from crux_trainer.errors import TrainingError
from crux_trainer.recipes import anomaly, classify, detect, segment
from crux_trainer.recipes.recipe import Recipe

RECIPES = {recipe.id: recipe for recipe in (anomaly.RECIPE, classify.RECIPE, detect.RECIPE, segment.RECIPE)}


def recipe_of(id: str, version: int) -> Recipe:
    recipe = RECIPES.get(id)
    if not recipe or recipe.version != version:
        raise TrainingError("bad_job", f"this trainer has no recipe {id} of version {version}")
    return recipe
