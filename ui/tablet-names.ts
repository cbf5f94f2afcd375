/** Names under which the device itself remembers something, for those who read them before the screens are there. */
export const tabletNames = {
  prefs: "crux.prefs",
  session: "crux.session",
  kinds: "crux.kinds",
  locked: "crux.locked",
  leaving: "crux.leaving",
  colleagues: "crux.colleagues",
  /** Something lies in the outbox. */
  unsent: "crux.unsent",
} as const
