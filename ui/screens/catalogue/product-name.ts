import { Product } from "#contract/catalogue"
import { useApp } from "../../context.ts"
import { useResource } from "../../resource.ts"

/** The name of a product in the person's language; one that the catalogue lacks, or that is not here yet, shows its key. */
export function useProductName(): (key: string) => string {
  const { api, prefs } = useApp()
  const products = useResource("products", (s) => api.list("/api/products", Product, s), ["catalogue"])
  return (key) =>
    products.data.value?.find((product) => product.key === key)?.names[prefs.language.value] ?? key
}
