import { asConfig } from "./exit.ts"

/** Refuses (exit `config`) a backbone file that the trainer could not use, before anything starts that needs it. */
export async function demandBackbone(path: string): Promise<void> {
  const { loadBackbone } = await import("#models/backbone/backbone")
  await asConfig(loadBackbone(path))
}
