import type { Words } from "../ko.ts"
import { plural } from "./say.ts"

export const stations: Words["stations"] = {
  title: "Stations",
  empty: "No stations enrolled",
  emptyBody: "Make an enrolment code and enter it at the station.",
  enrol: "Enrol a station",
  enrolTitle: "New station",
  id: "Device id",
  idHint: "a–z, digits and - (e.g. line1-cam)",
  name: "Name",
  make: "Make a code",
  codeTitle: "Enter this code at the station",
  codeOnce: (time) => `It works once, until ${time}. You cannot see it again after closing.`,
  model: "Model",
  noModel: "no model",
  queue: "To send",
  seen: "Last seen",
  inspected: "Inspected",
  latency: "Time per part (p99)",
  software: "Software",
  revoked: "Revoked",
  needsAdmin: "An admin enrols stations.",
  qr: "QR code for the station",
  ticketHint: "Scan it with a reader at the station, or start the station once with this line:",
  thenApprove: "The station then waits here until you approve it.",
  preApproved: "Let it in without asking again (I am standing at the station)",
  waitingTitle: "Waiting for approval",
  waitingHint: "Approve only if the station shows the same characters.",
  approve: "Approve",
  refuse: "Refuse",
  replaces: "Takes the place of a station in service",
  proofBy: { secret: "Secret", certificate: "Certificate" },
  revoke: "Remove",
  revokeTitle: (name) => `Remove ${name} from service?`,
  revokeBody:
    "Its connection ends at once and it cannot come back without a new code. What it has inspected stays.",
  clone: (time, addresses) =>
    `Two machines use this identity (seen ${time}, from ${addresses}). Find the copy, then enrol the right one anew; nothing they sent is lost.`,
  cloneClear: "Cleared up",
  cloneClearBody: "Only say so when just one machine uses this identity. If not, the warning comes back.",
  doors: "Connection security",
  caDownload: "Certificate for tablets",
  caFingerprint: "Fingerprint of the authority (SHA-256)",
  certificateEnds: "The hub's certificate ends",
  plainNetwork: "MQTT without encryption is open to the whole network",
  turnedAway: "Turned away since the start",
  nothingTurnedAway: "Nobody was turned away.",
  doorReason: {
    connections: "Too many connections",
    connections_per_address: "Too many connections from one address",
    connects_per_second: "Connecting too often",
    handshake: "No secure connection was made",
    no_connect: "Connected but said nothing",
    packet_too_long: "Message too long",
    malformed: "Not MQTT",
    wrong_secret: "Wrong secret",
    wrong_certificate: "Wrong certificate",
    bad_connect: "Connection not as agreed",
    publish_not_allowed: "Sent where it may not",
    subscribe_not_allowed: "Listened where it may not",
    too_fast: "Sent too fast, slowed down",
  },
}

export const station: Words["station"] = {
  comment: {
    away: "Not connected: earlier comments cannot be shown. What you write is kept here and sent later.",
    unsent: "on its way",
  },
  alike: {
    bar: "Alike",
    name: "Parts like it, and what another model says",
    tabs: "What to judge by",
    take: "Use these marks",
  },
  draw: { open: "Draw it right", title: "Putting a label right" },
  known: {
    title: "Known parts",
    lead: "Parts with a known answer, mixed into the work, show how far people and the model can be trusted.",
    add: "Add a known part",
    pick: "Choose a part whose label is right beyond doubt. What it says now becomes the answer.",
    pickNone: "There is nothing to choose from. Judge some parts first.",
    save: "Make it known",
    empty: "No known parts yet",
    emptyBody:
      "Parts you add here are mixed into people's work. How often is set on the Review screen, under checks.",
    resting: "Not mixed in",
    rest: "Leave out",
    handOut: "Mix in again",
    notAsked: "Not asked yet",
    remove: "Remove",
    removeTitle: "Is its answer not to be known any more?",
    removeBody: "It is not mixed in any more, and the analysis leaves it out. Its labels stay as they are.",
  },
  msa: { pdf: "PDF", exact: (low, high) => `exact ${low}–${high}` },
}

export const surroundings: Words["surroundings"] = {
  camera: { waiting: "Camera: waiting", ok: "Camera: fine", lost: "Camera lost" },
  dropped: (frames) => `${frames} pictures overtaken`,
  untaken: (untaken, all) => `${untaken} of ${all} triggers without a picture`,
  output: { waiting: "nothing sent yet", ok: "output fine", failing: "output failing" },
  untold: (verdicts) => `${verdicts} verdicts not delivered`,
}

export const devices: Words["devices"] = {
  technical: (text) => `Technical detail: ${text}`,
  certificate: {
    whose: {
      hub: () => "The hub's own certificate was not renewed.",
      site: () => "The plant's certificate for the hub:",
      authority: () => "The authority's certificate:",
      station: (name) => `The certificate of ${name} was not renewed.`,
    },
    ends: (time) => `It ends on ${time}.`,
    ended: (time) => `It ended on ${time}.`,
    remedy: {
      hub: "Check that the hub may write to its data folder and that the disk has room, then restart the hub.",
      site: "Put new files in its place; the hub reads them within the hour.",
      authority: "Ask for a new one in time, then enrol the stations with it.",
      station:
        "The station renews it by itself when it reaches the hub. Switch it on and check its network; it keeps its parts meanwhile.",
    },
    tag: (days) => `Certificate ends within ${plural(days, "day")}`,
    tagEnded: "Certificate has ended",
  },
  clock: {
    apart: (time) =>
      `The clocks of station and hub differ (the station said ${time}): the time of arrival is shown`,
    hub: (time) => `The hub had lost its clock (the station said ${time}): the time of arrival is shown`,
  },
  clockOff: {
    slow: (text) => `Clock ${text} slow`,
    fast: (text) => `Clock ${text} fast`,
  },
  brokerAdvice: {
    connect:
      "Anybody on the network can listen. Give the broker a certificate, and the hub its address with mqtts://",
    clock: "Set this machine's clock, or renew the broker's certificate.",
    qos1: "Messages may be lost on the way. Check the broker's limits and its access list.",
    retained: "Stations would not learn what to run after a restart. Allow kept messages at the broker.",
    max_packet: "Pictures may be too large for the broker. Raise its message_size_limit to 8 MB.",
    anonymous: "Somebody without credentials gets in. Switch anonymous access off at the broker.",
    device_rights: "Load the access list that the hub has written, then restart the broker.",
  },
  sourceNotes: { source_removed: "The camera was removed while this waited: stored alone." },
  remove: {
    open: "Remove this camera",
    title: (name) => `Remove ${name}?`,
    body: "Its connection and its password end at once, and its folder is not read any more. Every part it has sent stays, with pictures and labels, and so do messages that were not understood. The name can be used again.",
    halves: (count) => `${plural(count, "half that waits is", "halves that wait are")} stored alone.`,
    yes: "Remove",
  },
}
