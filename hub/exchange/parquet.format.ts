import { parquetMetadataAsync, parquetReadObjects } from "hyparquet"
import { ByteWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer"
import type { ExchangeItem } from "#contract/exchange"
import { columns, itemsOfRows, type Row, rowsOf } from "./csv.format.ts"
import { allOutlines, type Format, pictures, type RandomAccess, type Tree } from "./entry.format.ts"

/** The rows of the CSV file as columns, for pandas, Arrow, DuckDB and the like. */
const rowsOfGroup = 10_000
/** What a group of columns may take in memory when it is read. */
const largestGroup = 512 * 1024 ** 2

const whole = new Set(["width", "height"])
const times = new Set(["captured_at", "labelled_at"])
const decimals = new Set(["score", "x", "y", "w", "h"])
const typeOf = (name: string) =>
  whole.has(name) ? "INT32" : times.has(name) ? "TIMESTAMP" : decimals.has(name) ? "DOUBLE" : "STRING"

const columnData = (rows: readonly Row[]) =>
  columns.map((name) => ({
    name,
    type: typeOf(name) as "INT32" | "TIMESTAMP" | "DOUBLE" | "STRING",
    nullable: true,
    data: rows.map((row) => {
      const value = row[name]
      if (value === undefined) return null
      return times.has(name) ? new Date(Number(value)) : value
    }),
  }))

async function* pieces(items: AsyncIterable<ExchangeItem>): AsyncGenerator<Uint8Array> {
  const writer = new ByteWriter()
  const take = () => {
    const bytes = new Uint8Array(writer.buffer.slice(0, writer.index))
    writer.index = 0
    return bytes
  }
  const parquet = new ParquetWriter({
    writer,
    schema: schemaFromColumnData({ columnData: columnData([]) }),
    createdBy: "crux",
  })
  let rows: Row[] = []
  for await (const item of items) {
    rows.push(...rowsOf(item))
    if (rows.length < rowsOfGroup) continue
    await parquet.write({ columnData: columnData(rows), rowGroupSize: rows.length })
    rows = []
    yield take()
  }
  if (rows.length > 0) await parquet.write({ columnData: columnData(rows), rowGroupSize: rows.length })
  await parquet.finish()
  yield take()
}

const bufferOf = (file: RandomAccess) => ({
  byteLength: file.size,
  slice: async (start: number, end = file.size) => {
    const bytes = await file.slice(start < 0 ? file.size + start : start, end)
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  },
})

async function* parquetRows(tree: Tree, path: string): AsyncGenerator<Row> {
  const opened = await tree.open(path)
  try {
    const file = bufferOf(opened)
    const metadata = await parquetMetadataAsync(file)
    const present = new Set(metadata.schema.slice(1).map(({ name }) => name))
    const wanted = columns.filter((name) => present.has(name))
    let rowStart = 0
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows)
      const size = group.columns.reduce(
        (sum, c) => sum + Number(c.meta_data?.total_uncompressed_size ?? 0),
        0,
      )
      if (size > largestGroup || rowEnd - rowStart > 10_000_000)
        throw new SyntaxError("a group of rows is too large")
      const rows = await parquetReadObjects({ file, metadata, columns: wanted, rowStart, rowEnd })
      for (const row of rows)
        yield Object.fromEntries(
          Object.entries(row).flatMap(([name, value]) =>
            value === null || value === undefined
              ? []
              : [[name, value instanceof Date ? value.getTime() : value]],
          ),
        ) as Row
      rowStart = rowEnd
    }
  } finally {
    await opened.close()
  }
}

const isParquet = (path: string) => /\.parquet$/i.test(path)

export const parquetFormat: Format = {
  writes: allOutlines,
  async *write(source) {
    yield { path: "labels.parquet", content: pieces(source.items()) }
    yield* pictures(source, ({ image }) => image.file)
  },
  recognises: (tree) => tree.paths.some(isParquet),
  read: (tree, options) => itemsOfRows(parquetRows(tree, tree.paths.find(isParquet) ?? ""), tree, options),
}
