import { parseArgs } from "node:util"
import { faultTable, type Verdict } from "./faults/fault.ts"
import { faults } from "./faults/list.ts"
import { runFault } from "./faults/run.ts"
import { prepare } from "./prepare.ts"

/**
 * bun run faults [--only F01,F03] [--seed N] [--rounds N] [--quick]: everything that goes wrong in a plant, done to the
 * real programs; at the end a table of what was acknowledged, stored, lost and stored twice. Ends with 1 when a promise
 * was broken. The same seed does the same again, as far as the machine's own timing allows.
 */
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    seed: { type: "string", default: "1" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
  },
})
const only = values.only?.split(",")
const chosen = faults.filter(({ id }) => only === undefined || only.includes(id))
if (chosen.length === 0) {
  console.error(`faults: there is no "${values.only}". There are: ${faults.map(({ id }) => id).join(", ")}.`)
  process.exit(2)
}

await prepare()
const verdicts: Verdict[] = []
const skipped: string[] = []
for (const fault of chosen) {
  const reason = fault.impossible?.()
  if (reason !== undefined) {
    skipped.push(`${fault.id} ${fault.name}: ${reason}`)
    continue
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  console.error(`${fault.id} ${fault.name} …`)
  const verdict = await runFault(
    fault,
    Number(values.seed),
    rounds ?? (values.quick ? Math.max(1, fault.quickRounds) : fault.longRounds),
  )
  for (const problem of verdict.problems.slice(0, 20)) console.error(`  ${problem}`)
  verdicts.push(verdict)
}
console.log(faultTable(verdicts))
for (const line of skipped) console.log(`not done here: ${line}`)
const broken = verdicts.filter(({ problems }) => problems.length > 0)
console.log(
  broken.length === 0
    ? `\nEvery promise was kept: ${verdicts.length} faults, ${verdicts.reduce((sum, v) => sum + v.acknowledged, 0)} acknowledged inspections.`
    : `\n${broken.length} of ${verdicts.length} faults broke a promise: ${broken.map(({ fault, seed }) => `${fault.id} (seed ${seed})`).join(", ")}.`,
)
process.exit(broken.length === 0 && skipped.length === 0 ? 0 : 1)
