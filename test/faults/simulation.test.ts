import { expect, test } from "bun:test"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { simulate } from "../../scripts/faults/simulation/world.ts"
import { simulationFaults } from "../../scripts/faults/simulation.ts"
import { testFaults } from "./support.ts"

testFaults(simulationFaults)

const world = (seed: number, kinds?: Parameters<typeof simulate>[2]) =>
  simulate(seed, mkdtempSync(join(tmpdir(), "crux-sim-")), kinds)

test("the same seed is the same world to the last answer, another seed is another", async () => {
  const [first, again, other] = [await world(3), await world(3), await world(4)]
  expect(again).toEqual(first)
  expect(other.fingerprint).not.toBe(first.fingerprint)
}, 240_000)

test("a record put off on a full hub arrives though the station's clock then goes back a day", async () => {
  const { problems, faults } = await world(11, ["cut", "hub_disk_full", "station_clock"])
  expect(faults).toBeGreaterThan(0)
  expect(problems).toEqual([])
}, 240_000)
