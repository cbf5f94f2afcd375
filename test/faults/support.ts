import { expect, test } from "bun:test"
import type { Fault } from "../../scripts/faults/fault.ts"
import { runFault } from "../../scripts/faults/run.ts"

/** Faults wait for programs that start and stop, on machines that do much else. */
const longestMs = 240_000

/** One test for each fault that is quick enough for every run; `bun run faults` does all of them, and longer. */
export function testFaults(faults: readonly Fault[]): void {
  for (const fault of faults.filter(({ quickRounds }) => quickRounds > 0)) {
    const reason = fault.impossible?.()
    if (reason !== undefined) console.warn(`${fault.id} ${fault.name} is not tested here: ${reason}`)
    test.skipIf(reason !== undefined)(
      `${fault.id} ${fault.name}: nothing acknowledged is lost, nothing is stored twice`,
      async () => {
        const { problems, acknowledged, lost, duplicates } = await runFault(fault, 1, fault.quickRounds)
        expect({ problems, lost, duplicates }).toEqual({ problems: [], lost: 0, duplicates: 0 })
        expect(acknowledged).toBeGreaterThan(0)
      },
      longestMs,
    )
  }
}
