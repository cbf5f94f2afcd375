import { networkFaults } from "../../scripts/faults/network.ts"
import { testFaults } from "./support.ts"

testFaults(networkFaults)
