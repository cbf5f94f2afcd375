import { diskFaults } from "../../scripts/faults/disk.ts"
import { testFaults } from "./support.ts"

testFaults(diskFaults)
