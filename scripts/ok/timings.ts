/**
 * Seconds of the files of tests that take longest, on two cores. They start first, one after the other on one side, and
 * never wait to be the last ones at work; `bun run ok` says when another belongs here.
 */
export const longFiles: Readonly<Record<string, number>> = {
  "test/browser/loop.test.ts": 300,
  "test/build/binary.test.ts": 200,
  "test/ui/looks.test.ts": 157,
  "test/hub/training/conformance.test.ts": 99,
  "test/faults/kill.test.ts": 99,
  "test/faults/flood.test.ts": 90,
  "test/faults/disk.test.ts": 86,
  "test/models/pytorch/agent.test.ts": 66,
  "test/faults/clock.test.ts": 62,
  "test/edge/crash.test.ts": 60,
  "test/hub/users.test.ts": 57,
  "test/models/accuracy.test.ts": 54,
  "test/models/pytorch/trainer.test.ts": 54,
  "test/hub/together.test.ts": 52,
  "test/ui/browser.test.ts": 50,
  "test/hub/training/training.test.ts": 48,
  "test/ui/editor.browser.test.ts": 47,
  "test/browser/tablet.test.ts": 46,
  "test/system/demo.test.ts": 45,
  "test/system/orphans.test.ts": 40,
  "test/system/plant-broker.test.ts": 42,
  "test/hub/training/killed.test.ts": 36,
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
