import type { DefectClass, Product } from "#contract/catalogue"
import type { Sqlite } from "#platform/sqlite"

type ProductRow = { key: string; names: string; active: number }
type ClassRow = Omit<DefectClass, "names" | "active"> & { names: string; active: number }

/** The only SQL of the tables `product` and `defect_class`. */
export function createCatalogueStore(db: Sqlite) {
  const products = db.prepare<ProductRow>("SELECT key, names, active FROM product ORDER BY created_at, key")
  const product = db.prepare<ProductRow>("SELECT key, names, active FROM product WHERE key = $key")
  const putProduct = db.prepare(
    "INSERT INTO product (key, names, active, created_at) VALUES ($key, $names, $active, $now)",
  )
  const setProduct = db.prepare("UPDATE product SET names = $names, active = $active WHERE key = $key")
  const columns = "key, names, icon, color, severity, active"
  const classes = db.prepare<ClassRow>(`SELECT ${columns} FROM defect_class ORDER BY created_at, key`)
  const byKey = db.prepare<ClassRow>(`SELECT ${columns} FROM defect_class WHERE key = $key`)
  const putClass = db.prepare(
    "INSERT INTO defect_class VALUES ($key, $names, $icon, $color, $severity, $active, $now)",
  )
  const setClass = db.prepare(
    `UPDATE defect_class SET names = $names, icon = $icon, color = $color, severity = $severity, active = $active
     WHERE key = $key`,
  )
  const toProduct = ({ key, names, active }: ProductRow): Product => ({
    key,
    names: JSON.parse(names),
    active: active === 1,
  })
  const toClass = (row: ClassRow): DefectClass => ({
    ...row,
    names: JSON.parse(row.names),
    active: row.active === 1,
  })
  const productRow = ({ key, names, active }: Product) => ({
    key,
    names: JSON.stringify(names),
    active: active ? 1 : 0,
  })
  const classRow = ({ names, active, ...row }: DefectClass) => ({
    ...row,
    names: JSON.stringify(names),
    active: active ? 1 : 0,
  })
  return {
    products: () => products.all().map(toProduct),
    product: (key: string): Product | undefined => {
      const row = product.get({ key })
      return row && toProduct(row)
    },
    insertProduct: (made: Product, now: number) => void putProduct.run({ ...productRow(made), now }),
    updateProduct: (changed: Product) => void setProduct.run(productRow(changed)),
    classes: () => classes.all().map(toClass),
    class: (key: string): DefectClass | undefined => {
      const row = byKey.get({ key })
      return row && toClass(row)
    },
    insertClass: (made: DefectClass, now: number) => void putClass.run({ ...classRow(made), now }),
    updateClass: (changed: DefectClass) => void setClass.run(classRow(changed)),
  }
}
