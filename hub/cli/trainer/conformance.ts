export async function runConformance(_: {
  command: readonly string[]
  only: readonly string[] | undefined
  verbose: boolean
  say: (line: string) => void
}): Promise<number> {
  return 0
}
