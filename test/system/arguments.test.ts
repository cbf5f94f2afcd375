import { describe, test } from "bun:test"
import { crux, expectRefusal } from "./support/crux.ts"

/** Each with what the sentence must hold; none of them may start anything. */
const wrong: readonly (readonly [command: string, ...parts: string[]])[] = [
  ["frobnicate", 'no command "frobnicate"', "crux help"],
  ["hub --colour red", "has no option --colour", "crux help hub"],
  ["hub extra", 'does not take "extra"', "crux help hub"],
  ["hub --data", "--data needs a value", "crux help hub"],
  ["edge --quota-mb 1", "--quota-mb must be a whole number from 16", "crux help edge"],
  ["edge --output loud", "--output must be log, none, hub or an address", "crux help edge"],
  ["demo --stations 0", "--stations must be a whole number from 1 to 16", "crux help demo"],
  ["demo --seed -1", "--seed", "crux help demo"],
  ["demo --headless=yes", "--headless takes no value", "crux help demo"],
  ["demo --json", "--json goes with --headless", "crux help demo"],
  ["demo --port 99999", "--port must be a whole number", "crux help demo"],
  [
    "worker",
    "There are: infer, train, assist, freeze, export, import, similar, print, selfcheck",
    "crux help worker",
  ],
  ["worker train", "needs DIR", "crux help worker"],
  ["worker infer now", 'does not take "now"', "crux help worker"],
  ["version 2", 'does not take "2"', "crux help version"],
]

describe("a wrong command line ends with 2 and says what to type", () => {
  for (const [command, ...parts] of wrong)
    test(`crux ${command}`, async () => expectRefusal(await crux(command.split(" ")), 2, ...parts))
})
