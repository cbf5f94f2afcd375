import { sizeFaults } from "../../scripts/faults/size.ts"
import { testFaults } from "./support.ts"

testFaults(sizeFaults)
