import { expect, test } from "bun:test"
import { inNextTask } from "../../ui/parts/next-task.ts"
import { whenIdle } from "../../ui/parts/when-idle.ts"

test("what can wait is done one step after another, each in a task of its own", async () => {
  const done: string[] = []
  await new Promise<void>((resolve) => {
    whenIdle([
      () => {
        done.push("first")
        inNextTask(() => done.push("a tap"))
      },
      () => done.push("second"),
      resolve,
    ])
    expect(done).toEqual([])
  })
  expect(done).toEqual(["first", "a tap", "second"])
})

test("what is stopped does no further step", async () => {
  const done: string[] = []
  await new Promise<void>((resolve) => {
    const stop = whenIdle([() => done.push("first"), () => stop(), () => done.push("third")])
    // By then all three would have been done.
    whenIdle([() => {}, () => {}, () => {}, () => {}, resolve])
  })
  expect(done).toEqual(["first"])
})
