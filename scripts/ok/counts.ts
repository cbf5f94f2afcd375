export type Counts = { readonly passed: number; readonly failed: number }

/** The last line of every full check. */
export const countsLine = ({ passed, failed }: Counts) => `${passed} passed, ${failed} failed`

/** Totals of a JUnit report, from the attributes of its root element. An empty report has none passed. */
export function countJUnit(xml: string): Counts {
  const attributes = /<testsuites\b([^>]*)>/.exec(xml)?.[1] ?? ""
  const number = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)?.[1] ?? 0)
  const failed = number("failures") + number("errors")
  return { passed: Math.max(0, number("tests") - failed - number("skipped")), failed }
}

/** The files of a JUnit report in which a test failed, each once. */
export function failedFiles(xml: string): string[] {
  const suites = xml.matchAll(/<testsuite\b[^>]*\bfile="([^"]+)"[^>]*\bfailures="([1-9]\d*)"/g)
  return [...new Set(Array.from(suites, ([, file = ""]) => file))]
}

/** The files of a JUnit report that took longest, with their seconds. */
export function slowestFiles(xml: string, most: number): { file: string; seconds: number }[] {
  // A file's own element carries its name twice; those inside it are named by what they describe.
  const files = xml.matchAll(/<testsuite name="([^"]+)" file="\1"[^>]*\btime="([\d.]+)"/g)
  return Array.from(files, ([, file = "", time]) => ({ file, seconds: Number(time) }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, most)
}
