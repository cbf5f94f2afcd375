import * as v from "valibot"
import { SegmenterLayout, type SegmenterView } from "#contract/segmenter"
import type { Sqlite } from "#platform/sqlite"

export type Segmenter = Omit<SegmenterView, "state">
type Row = {
  id: string
  name: string
  encoder: string
  decoder: string
  encoder_ends: string
  decoder_ends: string
  layout: string | null
  builtin: number
  active: number
  licence: string | null
  created_at: number
}

const Layout = v.pipe(v.string(), v.parseJson(), SegmenterLayout)
const EndNames = v.array(v.string())
const Ends = v.pipe(v.string(), v.parseJson(), v.object({ inputs: EndNames, outputs: EndNames }))

/** The SQL of the table `segmenter`. */
export function createSegmenterStore(db: Sqlite) {
  const all = db.prepare<Row>("SELECT * FROM segmenter ORDER BY builtin DESC, created_at, id")
  const one = db.prepare<Row>("SELECT * FROM segmenter WHERE id = $id")
  const byFiles = db.prepare<Row>("SELECT * FROM segmenter WHERE encoder = $encoder AND decoder = $decoder")
  const active = db.prepare<Row>("SELECT * FROM segmenter WHERE active = 1")
  const insert = db.prepare(
    `INSERT INTO segmenter VALUES ($id, $name, $encoder, $decoder, $encoder_ends, $decoder_ends, $layout, $builtin, 0,
       $licence, $created_at)`,
  )
  const describe = db.prepare("UPDATE segmenter SET layout = $layout WHERE id = $id")
  const rest = db.prepare("UPDATE segmenter SET active = 0 WHERE active = 1")
  const activate = db.prepare("UPDATE segmenter SET active = 1 WHERE id = $id")
  const dropBuiltin = db.prepare("DELETE FROM segmenter WHERE builtin = 1 AND id <> $but")

  return {
    all: () => all.all().map(segmenterOf),
    get: (id: string) => found(one.get({ id })),
    byFiles: (encoder: string, decoder: string) => found(byFiles.get({ encoder, decoder })),
    active: () => found(active.get()),
    insert: ({ encoder, decoder, layout, builtin, active: _, ...row }: Segmenter): void =>
      void insert.run({
        ...row,
        encoder: encoder.sha256,
        decoder: decoder.sha256,
        encoder_ends: JSON.stringify(encoder),
        decoder_ends: JSON.stringify(decoder),
        layout: layout === null ? null : JSON.stringify(layout),
        builtin: builtin ? 1 : 0,
      }),
    describe: (id: string, layout: SegmenterLayout) =>
      void describe.run({ id, layout: JSON.stringify(layout) }),
    /** Belongs inside a transaction. */
    activate: (id: string): void => {
      rest.run()
      activate.run({ id })
    },
    /** Earlier versions of the one made by this program. */
    dropBuiltin: (but: string) => void dropBuiltin.run({ but }),
  }
}

export type SegmenterStore = ReturnType<typeof createSegmenterStore>

const found = (row: Row | undefined) => row && segmenterOf(row)

function segmenterOf(row: Row): Segmenter {
  return {
    id: row.id,
    name: row.name,
    active: row.active === 1,
    builtin: row.builtin === 1,
    layout: row.layout === null ? null : v.parse(Layout, row.layout),
    encoder: { sha256: row.encoder, ...v.parse(Ends, row.encoder_ends) },
    decoder: { sha256: row.decoder, ...v.parse(Ends, row.decoder_ends) },
    licence: row.licence,
    created_at: row.created_at,
  }
}
