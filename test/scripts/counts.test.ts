import { describe, expect, test } from "bun:test"
import { countJUnit, countsLine, failedFiles, slowestFiles } from "../../scripts/ok/counts.ts"

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

  test("name the files to look at again, each once", () => {
    const xml = `<testsuites tests="3" failures="2">
      <testsuite name="a" file="test/a.test.ts" tests="2" failures="2">
        <testsuite name="inner" file="test/a.test.ts" line="3" tests="2" failures="2"></testsuite>
      </testsuite>
      <testsuite name="b" file="test/b.test.ts" tests="1" failures="0"></testsuite>
    </testsuites>`
    expect(failedFiles(xml)).toEqual(["test/a.test.ts"])
    expect(failedFiles("")).toEqual([])
  })

  test("say which files took longest", () => {
    const xml = `<testsuites tests="3">
      <testsuite name="test/a.test.ts" file="test/a.test.ts" tests="1" time="1.5">
        <testsuite name="inner" file="test/a.test.ts" line="3" tests="1" time="9"></testsuite>
      </testsuite>
      <testsuite name="test/b.test.ts" file="test/b.test.ts" tests="1" time="20.25"></testsuite>
      <testsuite name="test/c.test.ts" file="test/c.test.ts" tests="1" time="0.1"></testsuite>
    </testsuites>`
    expect(slowestFiles(xml, 2)).toEqual([
      { file: "test/b.test.ts", seconds: 20.25 },
      { file: "test/a.test.ts", seconds: 1.5 },
    ])
  })
})
