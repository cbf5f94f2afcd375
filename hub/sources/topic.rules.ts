/** The named levels of a topic that fits a pattern (TopicPattern of the contract); undefined when it does not. */
export function matchTopic(pattern: string, topic: string): Record<string, string> | undefined {
  const wanted = pattern.split("/")
  const levels = topic.split("/")
  const open = wanted.at(-1) === "#"
  if (open) wanted.pop()
  // MQTT 3.1.1 §4.7.1.2: `a/#` matches `a` as well.
  if (open ? levels.length < wanted.length : levels.length !== wanted.length) return undefined
  const named: Record<string, string> = {}
  for (const [i, want] of wanted.entries()) {
    const level = levels[i] ?? ""
    if (want.startsWith("{")) named[want.slice(1, -1)] = level
    else if (want !== "+" && want !== level) return undefined
  }
  return named
}

/** Every topic of a source that needs no leave: its own corner of the hub's tree. */
const ownTopics = (source: string): string => `crux/v1/in/${source}/#`

/** Whether a source may publish there: in its own corner, or where an engineer said so. */
export function mayPublishTo(source: string, foreign: readonly string[], topic: string): boolean {
  return [ownTopics(source), ...foreign].some((pattern) => matchTopic(pattern, topic) !== undefined)
}
