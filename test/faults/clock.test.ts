import { clockFaults } from "../../scripts/faults/clock.ts"
import { testFaults } from "./support.ts"

testFaults(clockFaults)
