import type { DefectClass, Product } from "#contract/catalogue"
import type { Sqlite } from "#platform/sqlite"

type ProductRow = { key: string; names: string }
type ClassRow = Omit<DefectClass, "names" | "active"> & { names: string; active: number }

/** The only SQL of the tables `product` and `defect_class`. */
export function createCatalogueStore(db: Sqlite) {
  const products = db.prepare<ProductRow>("SELECT key, names FROM product ORDER BY created_at, key")
  const product = db.prepare<ProductRow>("SELECT key, names FROM product WHERE key = $key")
  const putProduct = db.prepare("INSERT INTO product VALUES ($key, $names, $now)")
  const columns = "key, names, icon, color, severity, active"
  const classes = db.prepare<ClassRow>(`SELECT ${columns} FROM defect_class ORDER BY created_at, key`)
  const byKey = db.prepare<ClassRow>(`SELECT ${columns} FROM defect_class WHERE key = $key`)
  const putClass = db.prepare(
    "INSERT INTO defect_class VALUES ($key, $names, $icon, $color, $severity, $active, $now)",
  )
  const toProduct = (row: ProductRow): Product => ({ key: row.key, names: JSON.parse(row.names) })
  const toClass = (row: ClassRow): DefectClass => ({
    ...row,
    names: JSON.parse(row.names),
    active: row.active === 1,
  })
  return {
    products: () => products.all().map(toProduct),
    hasProduct: (key: string) => product.get({ key }) !== undefined,
    insertProduct: ({ key, names }: Product, now: number) =>
      void putProduct.run({ key, names: JSON.stringify(names), now }),
    classes: () => classes.all().map(toClass),
    hasClass: (key: string) => byKey.get({ key }) !== undefined,
    insertClass: ({ names, active, ...row }: DefectClass, now: number) =>
      void putClass.run({ ...row, names: JSON.stringify(names), active: active ? 1 : 0, now }),
  }
}
