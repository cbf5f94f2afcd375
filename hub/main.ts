#!/usr/bin/env bun
import { commands } from "./cli/commands.ts"
import { runCommandLine } from "./cli/run.ts"

/** The one entry of `crux`: hub, edge, demo and their child processes. */
const code = await runCommandLine(process.argv.slice(2), commands, {
  out: (text) => console.log(text),
  err: (text) => console.error(text),
  debug: process.env.CRUX_DEBUG !== undefined,
})

// Native addons keep handles that would hold a finished command open; a worker that is done must go.
process.exit(code)
