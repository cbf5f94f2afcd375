export type LogLevel = "debug" | "info" | "warn" | "error"
export type LogFields = Record<string, string | number | boolean | null | undefined>

/** Structured log of one subject. Never give it image bytes, secrets or label text. */
export type Log = {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  child(subject: string): Log
}

const ranks: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

/** One JSON object a line. JSON escapes line breaks, so a value cannot forge a second line. */
export function createLog(options: {
  level: LogLevel
  subject: string
  write: (line: string) => void
  now: () => number
}): Log {
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      if (ranks[level] < ranks[options.level]) return
      options.write(
        JSON.stringify({
          ts: new Date(options.now()).toISOString(),
          level,
          subject: options.subject,
          event,
          ...fields,
        }),
      )
    }
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (subject) => createLog({ ...options, subject: `${options.subject}.${subject}` }),
  }
}
