import { clockFaults } from "./clock.ts"
import { damageFaults } from "./damage.ts"
import { diskFaults } from "./disk.ts"
import type { Fault } from "./fault.ts"
import { floodFaults } from "./flood.ts"
import { killFaults } from "./kill.ts"
import { networkFaults } from "./network.ts"
import { powerFaults } from "./powercut.ts"
import { simulationFaults } from "./simulation.ts"
import { sizeFaults } from "./size.ts"
import { wishFaults } from "./wishes.ts"

/** Every fault, in the order they are run in. */
export const faults: readonly Fault[] = [
  ...killFaults,
  ...networkFaults,
  ...powerFaults,
  ...diskFaults,
  ...damageFaults,
  ...floodFaults,
  ...wishFaults,
  ...clockFaults,
  ...sizeFaults,
  ...simulationFaults,
]
