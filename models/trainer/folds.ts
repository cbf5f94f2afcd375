import type { Random } from "./random.ts"
import { isGood, type TrainingImage } from "./samples.ts"

/**
 * Folds of an image. The bank is held out finely: its distances depend on how many good looks it has seen, and
 * with a handful of groups a coarse fold takes so many away that every good part seems odd. Heads cost
 * seconds each and get fewer folds, unions of the bank's.
 */
export type Folds = { bank: number[]; head: number[]; bankFolds: number; headFolds: number }

const mostBankFolds = 12
const mostHeadFolds = 4

/** Folds by group, defects and good parts dealt out separately so that every fold has both. */
export function assignFolds(images: readonly TrainingImage[], random: Random): Folds {
  const goodGroups = new Set(images.filter(isGood).map((image) => image.group))
  // One good group leaves nothing to compare with; then each image stands for itself.
  const keyOf = (image: TrainingImage, i: number) => (goodGroups.size > 1 ? image.group : i)
  const keys = images.map(keyOf)
  const bad = [...new Set(keys.filter((_, i) => !isGood(images[i]!)))]
  const good = [...new Set(keys.filter((_, i) => isGood(images[i]!)))].filter((key) => !bad.includes(key))
  const bankFolds = Math.max(2, Math.min(mostBankFolds, good.length))
  const foldOf = new Map<number, number>()
  for (const groups of [bad, good]) {
    for (const [i, group] of random.shuffled(groups).entries()) foldOf.set(group, i % bankFolds)
  }
  const headFolds = Math.min(mostHeadFolds, bankFolds)
  const bank = keys.map((key) => foldOf.get(key)!)
  return { bank, head: bank.map((fold) => fold % headFolds), bankFolds, headFolds }
}
