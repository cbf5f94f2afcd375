import type { Words } from "../ko.ts"
import type { Params } from "../params.ts"
import { first } from "./first.ts"
import { n, pct } from "./say.ts"

export const common: Words["common"] = {
  save: "Save",
  cancel: "Cancel",
  close: "Close",
  back: "Back",
  retry: "Try again",
  loading: "Loading",
  yes: "Yes",
  none: "None",
  unknown: "Unknown",
  optional: "optional",
  copy: "Copy",
  copied: "Copied",
  simulated: "simulated",
  reconnecting: "Connection lost. Reconnecting…",
  online: "Live",
  notFoundTitle: "No such screen",
  notFoundBody: "The address may have changed. Start again from home.",
  home: "Home",
  offlineTitle: "The hub cannot be reached",
  offlineBody: "Your work is safe on this tablet. Check the network, then try again.",
  percent: pct,
  count: n,
  and: (words) => words.join(", "),
  crashTitle: "This screen has a problem",
  crashBody: "Your saved verdicts are safe. Open the screen again.",
  reload: "Open again",
}

export const nav: Words["nav"] = {
  home: "Home",
  label: "Label",
  live: "Live",
  training: "Training",
  models: "Models",
  rollouts: "Rollouts",
  stations: "Stations",
  sources: "Cameras",
  people: "People",
  settings: "Settings",
  more: "More",
  main: "Main menu",
  skip: "Skip to the content",
}

export const verdict: Words["verdict"] = first.verdict

export const kind: Words["kind"] = { unknown: "Unknown defect" }

export const role: Words["role"] = {
  worker: "Worker",
  reviewer: "Reviewer",
  engineer: "Engineer",
  admin: "Admin",
}

export const presence: Words["presence"] = {
  online: "Online",
  stale: "Slow to answer",
  offline: "Offline",
  never: "Never seen",
}

export const problem: Words["problem"] = {
  fallback: {
    invalid: "Check what you entered.",
    unauthenticated: "Sign in first.",
    forbidden: "You may not do this.",
    not_found: "Not found. It may be gone, or the address is different.",
    conflict: "Someone changed it first. Reload, then do it again.",
    too_large: "It is too large.",
    unsupported: "This format is not supported.",
    rate_limited: "Too many tries. Wait a moment, then try again.",
    internal: "The hub has a problem. What is saved stays saved. Try again in a moment.",
    unavailable: "The hub is busy. Nothing is lost. Try again soon.",
    no_space: "The hub's disk is nearly full. Nothing was stored. Please tell an admin.",
    network: "The hub cannot be reached. Check the network.",
    answer: "The hub's answer cannot be read. Open the screen again.",
  },
  key: {
    sign_in: () => "Sign in first.",
    sign_in_failed: () => "User name or password is wrong.",
    sign_in_token: () => "This sign-in link was used or is too old. Sign in by password.",
    setup_code: () => "The setup code is wrong. Check the code the hub printed.",
    setup_done: () => "The setup is already done. Sign in.",
    login_taken: () => "This user name is taken. Choose another.",
    too_many_tries: (p: Params) => `Too many wrong tries. Wait ${p.seconds ?? "some"} seconds.`,
    busy: () => "Many people are signing in. Try again in a moment.",
    last_admin: () => "The hub needs at least one admin.",
    password_common: () => "This password is too easy to guess. Choose another.",
    password_login: () => "The password contains the user name. Choose another.",
    password_repeats: () => "Too many of the same letters. Choose another password.",
    defect_class_taken: () => "This defect class exists already.",
    label_answer: () => "An answer does not fit its question. Nothing was stored; answer it again.",
    label_kind: () => "This defect class is no longer in the list. Choose again.",
    label_withdraw: () => "Someone changed it first. Only your own last verdict can be undone.",
    cross_site: () => "This came from another address and was not taken. Open the hub by its own address.",
    model_not_candidate: () => "This model is not waiting for approval any more.",
    rollout_state: () => "The rollout has changed. Look again, then decide.",
    job_ended: () => "This training has ended already.",
    device: () => "There is no such station.",
    device_away: () => "This station is not connected. Nothing was triggered, and nothing will be later.",
    clone: () => "There is no such warning any more.",
    enrolment_request: () => "This station does not wait any more. Ask for a new code.",
    enrolment_certificate: () =>
      "This broker takes no certificates. Enrol the station without one; the code stays good.",
    refusal: () => "This message is not kept any more.",
    image_evicted: () => "This picture was deleted to make room. The record and the labels are kept.",
    device_name: () => "This name is taken. Choose another.",
    source: () => "There is no such camera.",
    source_folder: (p: Params) => `This folder belongs to ${p.source ?? "another camera"}.`,
    quarantined: () => "This message is not kept whole any more.",
    no_space: () => "The hub's disk is full. Please tell an admin.",
    role: () => "You may not do this.",
    input: (p: Params) => `Check what you entered${p.path ? ` (${p.path})` : ""}.`,
    segment_off: () => "Outlines are not made on this hub.",
    segment_failed: () => "No outline could be made. Nothing is lost; draw by hand or try again.",
    segmenter: () => "There is no such pair of models.",
    segmenter_known: () => "This pair of models is here already.",
    segmenter_unknown: () => "Describe first what goes into these models and comes out.",
    segmenter_invalid: (p: Params) => `These models cannot be used: ${p.why ?? ""}`,
    segmenter_file: () => "The file is not here. Send it again.",
    similar_off: () => "This hub does not search similar parts.",
    similar_failed: () => "Similar parts could not be found. Nothing is lost; try again.",
  },
  unsentKept: "Nothing is lost.",
  requestId: (id) => `Reference ${id}`,
}

export const time: Words["time"] = {
  now: "just now",
  ago: (text) => `${text} ago`,
  never: "never",
}
