/** Makes something when it is first asked for, once. What knows a language takes a slow tablet longer to make than a frame. */
export function onDemand<T>(make: () => T): () => T {
  let made: { it: T } | undefined
  return () => {
    made ??= { it: make() }
    return made.it
  }
}
