import { describe, expect, test } from "bun:test"
import { createGroupCommit } from "../../../hub/platform/group-commit.ts"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"

function open(now?: () => number) {
  const sqlite = openSqlite(":memory:")
  sqlite.exec("CREATE TABLE note (n INTEGER PRIMARY KEY) STRICT")
  const insert = sqlite.prepare("INSERT INTO note VALUES ($n)")
  let transactions = 0
  const counting = {
    ...sqlite,
    transactionAhead: <T>(work: () => T): T => {
      transactions += 1
      return sqlite.transactionAhead(work)
    },
  }
  return {
    commits: createGroupCommit({ sqlite: counting, ...(now && { now }) }),
    insert: (n: number) => void insert.run({ n }),
    rows: () =>
      sqlite
        .prepare<{ n: number }>("SELECT n FROM note ORDER BY n")
        .all()
        .map(({ n }) => n),
    transactions: () => transactions,
  }
}
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
const spin = (ms: number) => {
  const until = performance.now() + ms
  while (performance.now() < until);
}

describe("writes of many callers", () => {
  test("that are quick share one transaction", async () => {
    // Time stands still: a machine that is busy with something else is no slow write.
    const { commits, insert, rows, transactions } = open(() => 0)
    await Promise.all(numbers(50).map((n) => commits.commit(() => insert(n))))
    expect(rows()).toEqual(numbers(50))
    expect(transactions()).toBe(1)
  })

  test("that are slow are spread, in their order, and others have their turn between", async () => {
    const { commits, insert, rows, transactions } = open()
    const order: number[] = []
    let turns = 0
    const turning = setInterval(() => {
      turns += 1
    }, 0)
    await Promise.all(
      numbers(8).map((n) =>
        commits
          .commit(() => {
            spin(8)
            insert(n)
          })
          .then(() => order.push(n)),
      ),
    )
    clearInterval(turning)
    expect(rows()).toEqual(numbers(8))
    expect(order).toEqual(numbers(8))
    expect(transactions()).toBeGreaterThan(2)
    expect(turns).toBeGreaterThan(1)
  })

  test("one that fails undoes its own alone", async () => {
    const { commits, insert, rows } = open()
    const all = await Promise.allSettled(numbers(5).map((n) => commits.commit(() => insert(n === 3 ? 1 : n))))
    expect(all.map(({ status }) => status === "fulfilled")).toEqual([true, true, false, true, true])
    expect(rows()).toEqual([1, 2, 4, 5])
  })

  test("that cannot even begin are refused, all of them, and none waits for ever", async () => {
    const sqlite = openSqlite(":memory:")
    const broken = {
      ...sqlite,
      transactionAhead: (): never => {
        throw new Error("this disk is gone")
      },
    }
    const commits = createGroupCommit({ sqlite: broken })
    const all = await Promise.allSettled(numbers(3).map(() => commits.commit(() => 1)))
    expect(all.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"])
    await commits.close()
    await expect(commits.commit(() => 1)).rejects.toThrow("stopping")
  })

  test("nobody is answered before the log is on disk, and who comes meanwhile shares the next sync", async () => {
    const sqlite = openSqlite(":memory:")
    const syncs: ReturnType<typeof Promise.withResolvers<void>>[] = []
    const sync = () => {
      const one = Promise.withResolvers<void>()
      syncs.push(one)
      return one.promise
    }
    const commits = createGroupCommit({ sqlite: { ...sqlite, sync } })
    const answered: number[] = []
    const ask = (n: number) => commits.commit(() => n).then((value) => void answered.push(value))
    const begun = async (count: number) => {
      while (syncs.length < count) await Bun.sleep(1)
    }
    const first = ask(1)
    await begun(1)
    const others = [ask(2), ask(3)]
    await Bun.sleep(60)
    expect({ answered, syncs: syncs.length }).toEqual({ answered: [], syncs: 1 })
    syncs[0]?.resolve()
    await first
    await begun(2)
    expect(answered).toEqual([1])
    syncs[1]?.resolve()
    await Promise.all(others)
    expect(answered).toEqual([1, 2, 3])
  })

  test("all who shared a sync that failed are told so", async () => {
    const sync = () => Promise.reject(new Error("this disk is gone"))
    const commits = createGroupCommit({ sqlite: { ...openSqlite(":memory:"), sync } })
    const all = await Promise.allSettled(numbers(3).map((n) => commits.commit(() => n)))
    expect(all.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"])
  })

  test("what waits when the database is about to be closed is written first", async () => {
    const { commits, insert, rows } = open()
    const all = numbers(4).map((n) =>
      commits.commit(() => {
        spin(6)
        insert(n)
      }),
    )
    await commits.close()
    await Promise.all(all)
    expect(rows()).toEqual(numbers(4))
  })
})
