import type { Words } from "../ko.ts"

export const people: Words["people"] = {
  title: "People",
  add: "Add a person",
  name: "Name",
  login: "User name",
  role: "Role",
  language: "Language",
  password: "First password",
  disabled: "Disabled",
  enable: "Enable",
  disable: "Disable",
  needsAdmin: "Only an admin manages people.",
}

export const settings: Words["settings"] = {
  title: "Settings",
  language: "Language",
  theme: "Screen",
  themes: { auto: "Auto", light: "Light", dark: "Dark", contrast: "High contrast" },
  account: "My account",
  about: "About",
  keys: "Single-key shortcuts",
  keysHint: "When off, no single letter gives a verdict.",
  on: "On",
  off: "Off",
  hand: "Big buttons",
  hands: { right: "OK left · NG right", left: "OK right · NG left" },
}
