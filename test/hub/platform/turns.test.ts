import { describe, expect, test } from "bun:test"
import { createTurns } from "../../../hub/platform/turns.ts"

/** A clock that each piece of work moves on. */
function turnsAt() {
  let now = 0
  const turns = createTurns({ now: () => now })
  const done: number[] = []
  const piece = (n: number, ms: number) =>
    turns.run(() => {
      now += ms
      done.push(n)
      return n
    })
  return { turns, done, piece }
}
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe("pieces of work that came together", () => {
  test("are done at once as far as a turn goes, and the rest in order in later turns", async () => {
    const { done, piece } = turnsAt()
    const all = Promise.all(Array.from({ length: 6 }, (_, n) => piece(n, 2)))
    expect(done).toEqual([0, 1])
    await nextTurn()
    expect(done).toEqual([0, 1, 2, 3])
    expect(await all).toEqual([0, 1, 2, 3, 4, 5])
    expect(done).toEqual([0, 1, 2, 3, 4, 5])
  })

  test("that take longer than a turn are done one a turn", async () => {
    const { done, piece } = turnsAt()
    const all = Promise.all([piece(0, 50), piece(1, 50), piece(2, 50)])
    expect(done).toEqual([0])
    await nextTurn()
    expect(done).toEqual([0, 1])
    await all
    expect(done).toEqual([0, 1, 2])
  })

  test("fail each for itself", async () => {
    const { turns, done, piece } = turnsAt()
    const broken = turns.run(() => {
      throw new Error("no picture")
    })
    const sound = piece(1, 1)
    expect(broken).rejects.toThrow("no picture")
    expect(await sound).toBe(1)
    expect(done).toEqual([1])
  })

  test("do not overtake those that wait", async () => {
    const { done, piece } = turnsAt()
    const first = [piece(0, 5), piece(1, 1)]
    await nextTurn()
    const later = piece(2, 1)
    await Promise.all([...first, later])
    expect(done).toEqual([0, 1, 2])
  })
})
