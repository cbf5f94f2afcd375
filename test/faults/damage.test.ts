import { damageFaults } from "../../scripts/faults/damage.ts"
import { testFaults } from "./support.ts"

testFaults(damageFaults)
