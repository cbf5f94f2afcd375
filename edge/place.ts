/** An address as it may be shown and logged: without user, password and query, where cameras like to have secrets. */
export function placeOf(url: string): string {
  if (!URL.canParse(url)) return "an address that is none"
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`
}

/** The same address without the credentials in it, and those. */
export function splitCredentials(url: string): {
  url: string
  user: string | undefined
  password: string | undefined
} {
  const parsed = new URL(url)
  const user = decodeURIComponent(parsed.username)
  const password = decodeURIComponent(parsed.password)
  parsed.username = ""
  parsed.password = ""
  return { url: parsed.href, user: user || undefined, password: password || undefined }
}
