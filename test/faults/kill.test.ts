import { killFaults } from "../../scripts/faults/kill.ts"
import { testFaults } from "./support.ts"

testFaults(killFaults)
