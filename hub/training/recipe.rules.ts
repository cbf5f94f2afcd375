import { Problem } from "#contract/problem"
import type { ParamValues } from "#contract/registry"
import type { Recipe, RecipeParam, RecipeView, TrainerView } from "#contract/trainer"

/** The hub's own recipe: the embedded trainer's, as people choose it. What is not here is as the trainer has it. */
export const embeddedRecipe: Recipe = {
  id: "patch",
  version: 1,
  task: "anomaly",
  title: { en: "On the hub", ko: "허브에서 학습" },
  about: {
    en: "Learns good parts and names defects. Takes a minute or so, needs no other machine.",
    ko: "양품을 배우고 결함 이름을 붙입니다. 1분 정도 걸리며 다른 장비가 필요 없습니다.",
  },
  params: [
    {
      key: "side",
      type: "int",
      default: 0,
      min: 0,
      max: 1024,
      title: { en: "Picture size", ko: "이미지 크기" },
      help: {
        en: "0: 384, or 576 where defects are small and it pays. Larger costs the stations time. Otherwise a multiple of 32.",
        ko: "0: 384. 결함이 작고 효과가 있으면 576. 크면 스테이션이 느려집니다. 직접 정하려면 32의 배수.",
      },
    },
    {
      key: "bank_rows",
      type: "int",
      default: 1500,
      min: 50,
      max: 10_000,
      title: { en: "Memory of good surface", ko: "양품 표면 기억량" },
      help: {
        en: "More for varied surfaces; costs the stations time.",
        ko: "표면이 다양하면 늘립니다. 스테이션이 느려집니다.",
      },
    },
    {
      key: "int8",
      type: "bool",
      default: false,
      title: { en: "Also make a model of 8-bit numbers", ko: "8비트 모델도 만들기" },
      help: {
        en: "Faster on stations whose processor can do it. A candidate of its own with its own gate; takes half as long again.",
        ko: "지원하는 프로세서의 스테이션에서 더 빠릅니다. 별도의 후보로 따로 검증하며, 학습 시간이 절반쯤 더 걸립니다.",
      },
    },
  ],
}

/** Every parameter of a recipe: what was given, checked, and the rest as the recipe has it. Throws `invalid`. */
export function fillParams(params: readonly RecipeParam[], given: ParamValues): ParamValues {
  const foreign = Object.keys(given).find((key) => !params.some((param) => param.key === key))
  if (foreign !== undefined) throw refuse(foreign, "this recipe has no such setting")
  return Object.fromEntries(params.map((param) => [param.key, settingOf(param, given[param.key])]))
}

function settingOf(param: RecipeParam, given: ParamValues[string] | undefined): ParamValues[string] {
  if (given === undefined) return param.default
  const { key } = param
  switch (param.type) {
    case "bool":
      if (typeof given !== "boolean") throw refuse(key, "yes or no is asked for")
      return given
    case "choice":
      if (typeof given !== "string" || !param.choices.includes(given))
        throw refuse(key, `one of ${param.choices.join(", ")} is asked for`)
      return given
    default: {
      if (typeof given !== "number" || (param.type === "int" && !Number.isSafeInteger(given)))
        throw refuse(key, param.type === "int" ? "a whole number is asked for" : "a number is asked for")
      const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = param
      if (given < min || given > max) throw refuse(key, `it must be from ${min} to ${max}`)
      return given
    }
  }
}

const refuse = (setting: string, why: string) =>
  new Problem("invalid", "recipe_setting", `${setting}: ${why}`, { setting, why })

/** What can be chosen: the hub's own, and what trainers that may come know; the newest version of each. */
export function recipesOf(trainers: readonly TrainerView[]): RecipeView[] {
  const known = new Map<string, RecipeView>()
  for (const trainer of trainers) {
    if (trainer.revoked_at !== null) continue
    for (const recipe of trainer.said?.recipes ?? []) {
      // Nobody may take the name of what the hub does itself.
      if (recipe.id === embeddedRecipe.id) continue
      const before = known.get(recipe.id)
      if (before && before.version > recipe.version) continue
      const same = before?.version === recipe.version ? before : undefined
      known.set(recipe.id, {
        ...recipe,
        embedded: false,
        trainers: [...(same?.trainers ?? []), trainer.id],
        online: (same?.online ?? false) || trainer.online,
      })
    }
  }
  return [
    { ...embeddedRecipe, embedded: true, trainers: [], online: true },
    ...[...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
  ]
}

/** What a trainer that asks for work can do. */
export type Capabilities = {
  trainer: string
  recipes: readonly Recipe[]
  /** Most memory of one GPU, GB; 0 without one. */
  gpuMemGb: number
}

/** Whether a trainer may have a job: its recipe in that version, enough memory, and nobody else was named. */
export function suits(
  job: { recipe: { id: string; version: number }; wish: string | null },
  by: Capabilities,
): boolean {
  if (job.wish !== null && job.wish !== by.trainer) return false
  const recipe = by.recipes.find(({ id, version }) => id === job.recipe.id && version === job.recipe.version)
  return recipe !== undefined && (recipe.min_gpu_mem_gb ?? 0) <= by.gpuMemGb
}
