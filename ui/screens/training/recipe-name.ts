import type { JobView } from "#contract/registry"
import type { RecipeView } from "#contract/trainer"
import { useApp, useWords } from "../../context.ts"

/** What the things of a recipe are called in the person's language; one that is not known has its key. */
export function useRecipeWords(recipes: readonly RecipeView[] | undefined) {
  const { prefs } = useApp()
  const words = useWords()
  const inLanguage = (said: { en: string; ko?: string | undefined } | undefined) =>
    said && (prefs.language.value === "ko" ? (said.ko ?? said.en) : said.en)
  const recipeOf = (id: string) => recipes?.find((recipe) => recipe.id === id)
  const param = (id: string, key: string) => recipeOf(id)?.params.find((one) => one.key === key)
  return {
    inLanguage,
    recipe: (id: string): string => inLanguage(recipeOf(id)?.title) ?? id,
    param: (id: string, key: string): string => inLanguage(param(id, key)?.title) ?? key,
    value: (value: number | boolean | string): string =>
      typeof value === "boolean" ? (value ? words.trainers.yes : words.trainers.no) : String(value),
    /** Who makes it, in a few words. */
    place: (job: Pick<JobView, "place" | "trainer" | "state">): string => {
      if (job.place === "hub") return words.trainers.onHub
      if (job.trainer !== null) return words.trainers.onTrainer(job.trainer)
      return job.place === "paper" ? words.trainers.onPaper : words.trainers.waits
    },
  }
}
