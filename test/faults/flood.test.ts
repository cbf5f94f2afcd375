import { floodFaults } from "../../scripts/faults/flood.ts"
import { testFaults } from "./support.ts"

testFaults(floodFaults)
