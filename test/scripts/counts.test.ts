import { describe, expect, test } from "bun:test"
import { countJUnit, countsLine } from "../../scripts/ok/counts.ts"

describe("the totals of a check", () => {
  test("come from the root element of the report, skipped tests counting as neither", () => {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="bun test" tests="12" assertions="40" failures="2" skipped="3" time="0.1">
        <testsuite name="a" tests="99" failures="98"></testsuite>
      </testsuites>`
    expect(countJUnit(xml)).toEqual({ passed: 7, failed: 2 })
  })

  test("of a run that left no report are nothing passed", () => {
    expect(countJUnit("")).toEqual({ passed: 0, failed: 0 })
  })

  test("end every check as one line", () => {
    expect(countsLine({ passed: 210, failed: 0 })).toBe("210 passed, 0 failed")
  })
})
