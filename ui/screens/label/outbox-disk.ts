import { type DBSchema, type IDBPDatabase, openDB } from "idb"

interface Outbox extends DBSchema {
  outbox: { key: string; value: unknown }
}

/** Where what is unsent lies. Without schemas: the first script of the work screen keeps a label by it. */
export const openOutboxDisk = (): Promise<IDBPDatabase<Outbox>> =>
  openDB<Outbox>("crux", 1, {
    upgrade(database) {
      database.createObjectStore("outbox", { keyPath: "id" })
    },
  })
export type OutboxDisk = Awaited<ReturnType<typeof openOutboxDisk>>

/** On the disk when it answers. */
export async function putOnDisk(disk: OutboxDisk, entry: { id: string }): Promise<void> {
  // `strict` flushes to disk before it answers: a label is kept when we say so.
  const transaction = disk.transaction("outbox", "readwrite", { durability: "strict" })
  await transaction.store.put(entry)
  await transaction.done
}
