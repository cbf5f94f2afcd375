import type { Fault } from "./fault.ts"
import { killFaults } from "./kill.ts"
import { networkFaults } from "./network.ts"
import { powerFaults } from "./powercut.ts"

/** Every fault, in the order they are run in. */
export const faults: readonly Fault[] = [...killFaults, ...networkFaults, ...powerFaults]
