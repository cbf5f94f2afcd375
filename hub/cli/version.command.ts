import pkg from "../../package.json" with { type: "json" }
import { parseCommandArgs } from "./args.ts"
import type { Command } from "./command.ts"

/** `version` of package.json; the one place the program takes it from. */
export const version: string = pkg.version

export const versionCommand: Command = {
  summary: "print the version of this program",
  usage: "usage: crux version",
  run: async (args) => {
    parseCommandArgs("version", args, {})
    console.log(
      `crux ${version} (${process.platform}-${process.arch}, bun ${process.versions.bun ?? "none"})`,
    )
  },
}
