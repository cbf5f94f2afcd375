import type { Context } from "hono"
import { deleteCookie, getCookie, setCookie } from "hono/cookie"
import type { HubEnv } from "./kit.ts"

/** `__Host-` binds the cookie to this exact host; browsers accept it only over TLS (RFC 6265bis §4.1.3.2). */
const isSecure = (c: Context<HubEnv>) => c.env?.secure === true || new URL(c.req.url).protocol === "https:"
const bound = (c: Context<HubEnv>, name: string) => (isSecure(c) ? `__Host-${name}` : name)
const cookieName = (c: Context<HubEnv>) => bound(c, "crux_session")
const tabletCookie = (c: Context<HubEnv>) => bound(c, "crux_tablet")
/** The longest that browsers keep a cookie (RFC 6265bis §5.5); it is written again at every start of the screens. */
const tabletCookieS = 400 * 86_400
const attributes = (c: Context<HubEnv>) =>
  ({ httpOnly: true, sameSite: "Strict", path: "/", secure: isSecure(c) }) as const

export const readSessionToken = (c: Context<HubEnv>): string | undefined => getCookie(c, cookieName(c))

/**
 * `lifeMs` bounds the cookie; the hub's own idle and absolute limits decide. A span and not an instant: a tablet whose
 * clock is ahead would drop the cookie at once, and a hub whose clock is lost could not even write it.
 */
export function writeSessionToken(c: Context<HubEnv>, token: string, lifeMs: number): void {
  setCookie(c, cookieName(c), token, { ...attributes(c), maxAge: Math.ceil(lifeMs / 1000) })
}

export function clearSessionToken(c: Context<HubEnv>): void {
  deleteCookie(c, cookieName(c), attributes(c))
}

/** The credential of an enrolled tablet: it stays when people come and go. */
export const readTabletToken = (c: Context<HubEnv>): string | undefined => getCookie(c, tabletCookie(c))

export function writeTabletToken(c: Context<HubEnv>, token: string): void {
  setCookie(c, tabletCookie(c), token, { ...attributes(c), maxAge: tabletCookieS })
}

export function clearTabletToken(c: Context<HubEnv>): void {
  deleteCookie(c, tabletCookie(c), attributes(c))
}
