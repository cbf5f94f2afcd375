/**
 * Seconds of the files of tests that take longest, on two cores. They start first, one after the other on one side, and
 * never wait to be the last ones at work; `bun run ok` says when another belongs here.
 */
export const longFiles: Readonly<Record<string, number>> = {
  "test/build/binary.test.ts": 280,
  "test/browser/loop.test.ts": 266,
  "test/ui/looks.test.ts": 184,
  "test/hub/training/conformance.test.ts": 66,
  "test/faults/disk.test.ts": 65,
  "test/models/pytorch/agent.test.ts": 58,
  "test/faults/kill.test.ts": 52,
  "test/faults/flood.test.ts": 45,
  "test/faults/powercut.test.ts": 44,
  "test/ui/editor.browser.test.ts": 43,
  "test/ui/browser.test.ts": 39,
  "test/faults/clock.test.ts": 36,
  "test/edge/crash.test.ts": 35,
  "test/hub/users.test.ts": 35,
  "test/models/accuracy.test.ts": 35,
  "test/models/pytorch/trainer.test.ts": 35,
  "test/hub/together.test.ts": 35,
  "test/hub/training/training.test.ts": 35,
  "test/browser/tablet.test.ts": 35,
  "test/system/demo.test.ts": 35,
  "test/system/orphans.test.ts": 35,
  "test/system/plant-broker.test.ts": 35,
  "test/hub/training/killed.test.ts": 35,
  "test/edge/shadow.test.ts": 35,
  "test/edge/enrolment.test.ts": 33,
}
/** Of all others. */
const shortSeconds = 3

/** What `bun test --timings` reads: milliseconds of every file. It takes one that is not named for the longest of all. */
export function timingsOf(files: readonly string[]): string {
  const seconds = files.map((file) => [file, 1000 * (longFiles[file] ?? shortSeconds)])
  return JSON.stringify({ version: 1, files: Object.fromEntries(seconds) })
}
