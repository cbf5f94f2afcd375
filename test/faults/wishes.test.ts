import { wishFaults } from "../../scripts/faults/wishes.ts"
import { testFaults } from "./support.ts"

testFaults(wishFaults)
